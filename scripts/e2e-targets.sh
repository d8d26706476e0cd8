#!/bin/sh
# Builds the executables for all targets and tests each on its own platform: musl in a root file system with musl, arm64 in a
# virtual machine (test/targets). This needs root on Debian, because it installs qemu, kernels, and a compiler to build libstdc++
# for musl. Arguments select targets: `sh scripts/e2e-targets.sh x64-musl`. All targets take about 20 minutes the first time, and
# 12 minutes afterwards.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
[ $# -gt 0 ] || set -- x64 x64-musl arm64 arm64-musl

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
. scripts/tally.sh

built_and_run() { # TARGET
  node_modules/.bin/bun scripts/release.ts --targets="$1" --out="$work/release" && test/targets/run.sh "$1" "$work/release"
}

for target in "$@"; do
  echo "== $target"
  tally "$work/log" built_and_run "$target"
done
closing

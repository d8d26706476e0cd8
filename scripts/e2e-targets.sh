#!/bin/sh
# Builds the executables of other targets and runs each where it belongs: musl's in a root file system with musl, arm64's in a
# virtual machine (test/targets). As root, on Debian: it gets qemu, kernels, and what libstdc++ for musl is compiled with.
# Arguments choose: `sh scripts/e2e-targets.sh x64-musl`. All of them take some 20 minutes the first time, 12 from then on.
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

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
passed=0
failed=0
for target in "$@"; do
  echo "== $target"
  code=0
  {
    node_modules/.bin/bun scripts/release.ts --targets="$target" --out="$work/release" &&
      test/targets/run.sh "$target" "$work/release"
  } >"$work/log" 2>&1 || code=$?
  cat "$work/log"
  p=$(grep -c '^PASS ' "$work/log") || true
  f=$(grep -c '^FAIL ' "$work/log") || true
  # It ended before its checks did, or without any.
  if [ "$f" -eq 0 ] && { [ "$code" -ne 0 ] || [ "$p" -eq 0 ]; }; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

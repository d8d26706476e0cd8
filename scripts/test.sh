#!/bin/sh
# Runs all tests except e2e. Arguments are passed to `bun test`: `sh scripts/test.sh ./test/core` runs one room, and
# `sh scripts/test.sh -t 'backoff'` runs the tests with this word in their title.
set -eu
cd "$(dirname "$0")/.."

paths=
for arg in "$@"; do
  case $arg in ./* | test/*) paths=given ;; esac
done
if [ -z "$paths" ]; then
  for dir in ./test/*/; do
    case $dir in
      ./test/e2e/ | ./test/harness/) ;;
      *) set -- "$@" "$dir" ;;
    esac
  done
  # The harness has its own tests. Its tests that need dist/sup are in test/e2e.
  set -- "$@" ./test/harness/
fi
# The limit per test is 60 s instead of bun's 5 s, because the machine, and especially its disk, may be busy.
exec sh scripts/run-tests.sh --timeout 60000 "$@"

#!/bin/sh
# Every ring of tests but e2e. Arguments go to `bun test`: `sh scripts/test.sh ./test/core` runs one room,
# `sh scripts/test.sh -t 'backoff'` what has the word in its title.
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
  # The harness has tests of its own; those that need dist/sup live in test/e2e.
  set -- "$@" ./test/harness/
fi
# 60 s a test where bun gives 5: the machine may be busy with other things, its disk above all.
exec sh scripts/run-tests.sh --timeout 60000 "$@"

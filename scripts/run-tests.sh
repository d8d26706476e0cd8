#!/bin/sh
# usage: scripts/run-tests.sh [BUN-TEST-OPTION…] PATH…
# Runs `bun test` and ends with the line `N passed, N failed` (`, N skipped` if some tests were skipped). Fails if a test failed,
# if an error occurred outside a test, if no test ran, or if the run takes longer than SUP_TEST_SECONDS (1500). That limit is
# needed because bun's own time limits cannot end a test that blocks the event loop.
set -eu
cd "$(dirname "$0")/.."

# The files are sorted by name, because bun uses the order of directory entries, which differs between file systems.
for arg in "$@"; do
  shift
  files=
  case $arg in ./* | test/*) [ ! -d "$arg" ] || files=$(find "$arg" -name '*.test.ts' -o -name '*.test.tsx' | LC_ALL=C sort) ;; esac
  # shellcheck disable=SC2086 # a list of names
  set -- "$@" ${files:-"$arg"}
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

{
  status=0
  timeout -k 10 "${SUP_TEST_SECONDS:-1500}" node_modules/.bin/bun test "$@" || status=$?
  [ "$status" -ne 124 ] || echo "the tests did not end within ${SUP_TEST_SECONDS:-1500} s"
  echo "$status" >"$work/status"
} </dev/null 2>&1 | tee "$work/log"
status=$(cat "$work/status" 2>/dev/null || echo 1)

# bun prints the counts in its last lines. Similar lines in a test's own output come earlier.
count() { tail -n 12 "$work/log" | sed -n "s/^ *\([0-9][0-9]*\) $1\$/\1/p" | tail -n 1; }
passed=$(count pass)
failed=$(count fail)
errors=$(count error)
errors=${errors:-$(count errors)} # bun prints "1 error" or "2 errors"
skip=$(count skip)
todo=$(count todo)
passed=${passed:-0}
failed=${failed:-0}
skipped=$((${skip:-0} + ${todo:-0}))
# bun counts an error outside a test as a failure. Any other abnormal end of bun counts as one failure here.
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=${errors:-1}; fi
if [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ]; then
  echo "no test ran" >&2
  status=1
fi

if [ "$skipped" -gt 0 ]; then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
if [ "$failed" -gt 0 ] && [ "$status" -eq 0 ]; then status=1; fi
exit "$status"

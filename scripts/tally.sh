#!/bin/sh
# Source this file to run several scripts whose checks each print a line `PASS …` or `FAIL …`, and to add up their results.
passed=0
failed=0

# usage: tally LOG COMMAND…: runs the command, shows its output, and counts its checks.
tally() {
  log=$1
  shift
  code=0
  "$@" >"$log" 2>&1 || code=$?
  cat "$log"
  p=$(grep -c '^PASS ' "$log") || true
  f=$(grep -c '^FAIL ' "$log") || true
  # Count one failure if the command failed although no check failed, or if it ran no check.
  if [ "$f" -eq 0 ] && { [ "$code" -ne 0 ] || [ "$p" -eq 0 ]; }; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f))
}

# Prints the closing line. Fails if a check failed.
closing() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

#!/bin/sh
# To be sourced by what runs scripts that print a line `PASS …` or `FAIL …` for each check: adds up several of them.
passed=0
failed=0

# usage: tally LOG COMMAND…: runs it, shows what it printed, and counts its checks.
tally() {
  log=$1
  shift
  code=0
  "$@" >"$log" 2>&1 || code=$?
  cat "$log"
  p=$(grep -c '^PASS ' "$log") || true
  f=$(grep -c '^FAIL ' "$log") || true
  # It ended before its checks did, or without any.
  if [ "$f" -eq 0 ] && { [ "$code" -ne 0 ] || [ "$p" -eq 0 ]; }; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f))
}

# The closing line; fails when a check did.
closing() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

#!/bin/sh
# Runs all checks that a change must pass before it is committed, except the end-to-end tests. The checks are types, lint, format,
# generated documents and tests. The run continues after a failure, and the last line names the checks that failed.
set -u
cd "$(dirname "$0")/.." || exit 1
sh scripts/setup.sh || exit 1

failed=
step() {
  name=$1
  shift
  echo "== $name"
  "$@" || failed="$failed $name"
}

for check in types lint format documents; do step "$check" sh scripts/static-check.sh "$check"; done
step tests sh scripts/test.sh

if [ -n "$failed" ]; then
  echo "not ok:$failed" >&2
  exit 1
fi
echo "ok"

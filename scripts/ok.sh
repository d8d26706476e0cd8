#!/bin/sh
# Runs everything that a change must pass before it is committed, except the end-to-end tests: types, lint, format, generated
# documents, tests. A failure does not end the run. The last line names everything that failed.
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

#!/bin/sh
# Everything a change must pass before it is committed, but e2e: types, lint, format, generated documents, tests.
# All of them run, also after a failure; the last line names what failed.
set -u
cd "$(dirname "$0")/.." || exit 1
sh scripts/setup.sh || exit 1
bun=node_modules/.bin/bun

failed=
step() {
  name=$1
  shift
  echo "== $name"
  "$@" || failed="$failed $name"
}

# --no-script: `bun check` and `bun fmt` would otherwise run the package.json scripts of their names.
step types "$bun" check --no-script
step lint sh scripts/lint.sh
step format "$bun" fmt --no-script --check src test bench scripts units
step derived "$bun" scripts/generate.ts --check
step tests sh scripts/test.sh

if [ -n "$failed" ]; then
  echo "not ok:$failed" >&2
  exit 1
fi
echo "ok"

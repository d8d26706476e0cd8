#!/bin/sh
# usage: scripts/static-check.sh types|lint|format|documents
# Runs one of the checks that only read the source. scripts/ok.sh and .ci/run run all four. Needs scripts/setup.sh first.
set -eu
cd "$(dirname "$0")/.."
bun=node_modules/.bin/bun

# Without --no-script, `bun check` and `bun fmt` would run the package.json scripts of the same names.
case ${1:-} in
  types) exec "$bun" check --no-script ;;
  lint) exec sh scripts/lint.sh ;;
  format) exec "$bun" fmt --no-script --check src test bench scripts units ;;
  documents) exec "$bun" scripts/generate.ts --check ;;
  *)
    echo "usage: scripts/static-check.sh types|lint|format|documents" >&2
    exit 2
    ;;
esac

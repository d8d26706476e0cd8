#!/bin/sh
# The linter, type-aware: floating promises are errors. The rules are in scripts/lint.json.
set -eu
cd "$(dirname "$0")/.."
exec node_modules/.bin/oxlint --type-aware --tsconfig tsconfig.json -c scripts/lint.json --deny-warnings "${@:-.}"

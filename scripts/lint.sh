#!/bin/sh
# The linter, type-aware: floating promises are errors. The rules are in scripts/lint.json.
set -eu
cd "$(dirname "$0")/.."
if ! node_modules/.bin/oxlint --version >/dev/null 2>&1; then
  # npm leaves the linter's binary out when Node.js is older than the linter wants it.
  echo "cannot lint: oxlint does not run here. It takes Node.js 20.19 or newer (this is $(node --version)), and \`npm ci\` run with it" >&2
  exit 1
fi
exec node_modules/.bin/oxlint --type-aware --tsconfig tsconfig.json -c scripts/lint.json --deny-warnings "${@:-.}"

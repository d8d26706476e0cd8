#!/bin/sh
# Runs the type-aware linter, which reports a promise that nobody awaits as an error. The rules are in scripts/lint.json. Exits
# with 77 if this machine's Node.js is too old for the linter.
set -eu
cd "$(dirname "$0")/.."
if ! node_modules/.bin/oxlint --version >/dev/null 2>&1; then
  # npm does not install the linter's binary if Node.js is older than 20.19.
  if node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'; then
    echo "cannot lint: oxlint does not run; install it again: npm ci" >&2
    exit 1
  fi
  echo "cannot lint: oxlint needs Node.js 20.19 or newer (this is $(node --version)), and an \`npm ci\` with that version" >&2
  exit 77
fi
exec node_modules/.bin/oxlint --type-aware --tsconfig tsconfig.json -c scripts/lint.json --deny-warnings "${@:-.}"

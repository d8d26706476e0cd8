#!/bin/sh
# Installs the development dependencies, only when package-lock.json changed since the last time: a run with nothing to
# do costs a file comparison. The stamp is a copy of the lock file that goes away with node_modules.
set -eu
cd "$(dirname "$0")/.."

stamp=node_modules/.sup-lock
if cmp -s package-lock.json "$stamp"; then exit 0; fi

if ! command -v npm >/dev/null 2>&1; then
  echo "cannot set up: npm is not on PATH (Node.js 18 or newer brings it)" >&2
  exit 1
fi
echo "fetching what the build needs from npm; once, until package-lock.json changes" >&2
npm ci --loglevel=error --no-audit --no-fund

# The npm package `bun` puts its binary in place by a postinstall script, which newer npm versions do not run unasked.
if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
  node node_modules/bun/install.js
fi
if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
  echo "cannot set up: node_modules/.bin/bun does not run on this machine" >&2
  exit 1
fi
cp package-lock.json "$stamp"

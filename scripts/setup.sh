#!/bin/sh
# Installs the development dependencies if package-lock.json has changed since the last run. Otherwise the script only compares
# two files. The stamp is a copy of the lock file in node_modules, so it disappears together with that directory.
set -eu
cd "$(dirname "$0")/.."

stamp=node_modules/.sup-lock
if cmp -s package-lock.json "$stamp"; then exit 0; fi

if ! command -v npm >/dev/null 2>&1; then
  echo "cannot set up: npm is not on PATH (Node.js 18 or newer brings it)" >&2
  exit 1
fi
echo "installing development dependencies from npm; needed again only when package-lock.json changes" >&2
# In a git worktree node_modules may be a link to the directory of another checkout, which npm would empty.
[ ! -L node_modules ] || rm node_modules
npm ci --loglevel=error --no-audit --no-fund

# The npm package `bun` installs its binary with a postinstall script, but newer npm versions do not run such scripts by default.
if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
  node node_modules/bun/install.js
fi
if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
  echo "cannot set up: node_modules/.bin/bun does not run on this machine" >&2
  exit 1
fi
cp package-lock.json "$stamp"

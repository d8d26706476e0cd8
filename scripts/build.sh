#!/bin/sh
# Builds dist/sup, the one executable. `--if-changed` does nothing when it is newer than everything it is made of.
# `--target=bun-linux-arm64` and the like go to `bun build` as they are; `--outfile=PATH` chooses the place.
set -eu
cd "$(dirname "$0")/.."
bun=node_modules/.bin/bun

if_changed=no
out=dist/sup
target=
for arg in "$@"; do
  case $arg in
    --if-changed) if_changed=yes ;;
    --outfile=*) out=${arg#--outfile=} ;;
    --target=*) target=$arg ;;
    *)
      echo "usage: scripts/build.sh [--if-changed] [--target=TARGET] [--outfile=PATH]" >&2
      exit 2
      ;;
  esac
done

commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
note=$out.commit # the commit that is built in: a new commit alone is a change too

# Directories count as well: their times change when a file in them comes or goes.
up_to_date() {
  [ -x "$out" ] && [ "$(cat "$note" 2>/dev/null)" = "$commit" ] &&
    [ -z "$(find src package.json package-lock.json tsconfig.json scripts/build.sh -newer "$out" 2>/dev/null | head -n 1)" ]
}
if [ "$if_changed" = yes ] && up_to_date; then exit 0; fi

version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' package.json | head -n 1)
mkdir -p "$(dirname "$out")"
temp=$out.$$
trap 'rm -f "$temp" "$temp.begin" "$temp.map"' EXIT
trap 'exit 130' INT TERM HUP
: >"$temp.begin"

# --splitting: `sup is-active` reads a third of the code. No .env or bunfig.toml of the current directory, no eval: a supervisor must not be steered by where it is started.
"$bun" build --compile --minify --splitting --bytecode --format=esm --sourcemap \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
  --compile-exec-argv=--disallow-code-generation-from-strings=strict \
  --define "SUP_VERSION=\"$version\"" --define "SUP_COMMIT=\"$commit\"" \
  ${target:+"$target"} src/main.ts --outfile "$temp"

touch -r "$temp.begin" "$temp" # a source saved while the build ran makes the next one
rm -f "$temp.map" # the executable has it inside
mv -f "$temp" "$out"
echo "$commit" >"$note"

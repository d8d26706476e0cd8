#!/bin/sh
# Builds dist/sup, the one executable. `--if-changed` does nothing when it is newer than everything it is made of.
# `--target=bun-linux-arm64` and the like go to `bun build` as they are, `--runtime=PATH` is the bun of that target when it is
# here already; `--outfile=PATH` chooses the place. `--version=X` and `--releases=URL` are built in: scripts/release.ts.
set -eu
cd "$(dirname "$0")/.."
bun=node_modules/.bin/bun

if_changed=no
out=dist/sup
version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' package.json | head -n 1)
releases=
target=
runtime=
for arg in "$@"; do
  case $arg in
    --if-changed) if_changed=yes ;;
    --outfile=*) out=${arg#--outfile=} ;;
    --version=*) version=${arg#--version=} ;;
    --releases=*) releases=${arg#--releases=} ;;
    --target=*) target=$arg ;;
    --runtime=*) runtime=--compile-executable-path=${arg#--runtime=} ;;
    *)
      echo "usage: scripts/build.sh [--if-changed] [--target=TARGET] [--runtime=PATH] [--outfile=PATH] [--version=X] [--releases=URL]" >&2
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

# A machine with musl has a bun for musl.
libc=glibc
case $target in
  *-musl) libc=musl ;;
  '') case $(ldd --version 2>&1 || :) in *musl*) libc=musl ;; esac ;;
esac

mkdir -p "$(dirname "$out")"
# The name of the file that bun writes is in the file: it must be the same for two builds to be equal.
work=$(dirname "$out")/.build.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$work"
: >"$work/begin"

# --splitting: `sup is-active` reads a third of the code. No .env or bunfig.toml of the current directory, no eval: a supervisor must not be steered by where it is started.
"$bun" build --compile --minify --splitting --bytecode --format=esm --sourcemap \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
  --compile-exec-argv=--disallow-code-generation-from-strings=strict \
  --define "SUP_VERSION=\"$version\"" --define "SUP_COMMIT=\"$commit\"" --define "SUP_RELEASES=\"$releases\"" \
  --define "SUP_LIBC=\"$libc\"" \
  ${target:+"$target"} ${runtime:+"$runtime"} src/main.ts --outfile "$work/sup"

touch -r "$work/begin" "$work/sup" # a source saved while the build ran makes the next one
mv -f "$work/sup" "$out" # the maps that were written next to it are in the executable as well
echo "$commit" >"$note"

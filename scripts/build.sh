#!/bin/sh
# Builds dist/sup, the one executable. `--if-changed` does nothing if the executable is newer than all its sources.
# `--target=bun-linux-arm64` and the like are passed to `bun build`. `--runtime=PATH` is a local copy of that target's bun.
# `--outfile=PATH` sets the output file. `--version=X` and `--releases=URL`, which scripts/release.ts uses, are compiled into the
# executable.
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
note=$out.commit # records the commit that was built, because a new commit needs a new build even if no source changed

# Directories are compared too, because their modification time changes when a file is added or removed.
up_to_date() {
  [ -x "$out" ] && [ "$(cat "$note" 2>/dev/null)" = "$commit" ] &&
    [ -z "$(find src package.json package-lock.json tsconfig.json scripts/build.sh -newer "$out" 2>/dev/null | head -n 1)" ]
}
if [ "$if_changed" = yes ] && up_to_date; then exit 0; fi

# Without --target the executable uses the libc of this machine, because bun is built for that libc.
libc=glibc
case $target in
  *-musl) libc=musl ;;
  '') case $(ldd --version 2>&1 || :) in *musl*) libc=musl ;; esac ;;
esac

mkdir -p "$(dirname "$out")"
# bun writes the output file's name into the file, so the name must be constant to make two builds identical.
work=$(dirname "$out")/.build.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$work"
: >"$work/begin"

# With --splitting, `sup is-active` loads only a third of the code. The executable ignores .env and bunfig.toml in the current directory,
# because the directory in which a supervisor is started must not influence it. The executable also cannot use eval.
"$bun" build --compile --minify --splitting --bytecode --format=esm --sourcemap \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
  --compile-exec-argv=--disallow-code-generation-from-strings=strict \
  --define "SUP_VERSION=\"$version\"" --define "SUP_COMMIT=\"$commit\"" --define "SUP_RELEASES=\"$releases\"" \
  --define "SUP_LIBC=\"$libc\"" \
  ${target:+"$target"} ${runtime:+"$runtime"} src/main.ts --outfile "$work/sup"

touch -r "$work/begin" "$work/sup" # a source that is saved during the build then causes a new build
mv -f "$work/sup" "$out" # the executable contains the source maps, so the files next to it are not needed
echo "$commit" >"$note"

#!/bin/sh
# Installs sup. In a source checkout it builds the executable and copies it; without one there is nothing to install yet:
# released binaries come later.
#
#   sh install.sh               /usr/local/bin as root, ~/.local/bin otherwise
#   sh install.sh --dir DIR     into DIR
#   sh install.sh --dry-run     only say what would be done
#   sh install.sh --uninstall   remove the executable (units, logs and state stay)
#
# Runs twice without harm, and leaves nothing half-done: the new file is complete before it takes the old one's place.

# All of it is in functions that the last line calls, so that a download cut short runs nothing.
set -eu

say() { printf '%s\n' "$*"; }
die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  say "usage: sh install.sh [--dir DIR] [--dry-run] [--uninstall]"
}

# The checkout that this file is part of, or nothing (it was piped into sh, or copied away).
checkout() {
  case $0 in */install.sh | install.sh) ;; *) return 0 ;; esac
  here=$(cd "$(dirname "$0")" && pwd) || return 0
  if [ -f "$here/scripts/build.sh" ] && [ -f "$here/src/main.ts" ]; then say "$here"; fi
}

default_dir() {
  if [ -n "${SUP_INSTALL_DIR:-}" ]; then
    say "$SUP_INSTALL_DIR"
  elif [ "$(id -u)" -eq 0 ]; then
    say /usr/local/bin
  else
    [ -n "${HOME:-}" ] || die "cannot choose a directory: HOME is not set; use --dir DIR"
    say "$HOME/.local/bin"
  fi
}

install_binary() { # SOURCE
  mkdir -p "$dir" || die "cannot create $dir; choose another with --dir"
  [ -w "$dir" ] || die "cannot write to $dir; choose another with --dir, or run as root"
  temp=$dir/.sup.$$
  trap 'rm -f "$temp"' EXIT
  trap 'exit 130' INT TERM HUP
  if ! cp "$1" "$temp" || ! chmod 755 "$temp"; then die "cannot copy to $dir (is the disk full?)"; fi
  installed=$("$temp" version) || die "the built executable does not run on this machine; nothing was installed"
  mv -f "$temp" "$dir/sup" # a rename: a running sup keeps its old file
  say "installed $installed to $dir/sup"
}

hint_path() {
  case ":${PATH:-}:" in
    *":$dir:"*) ;;
    *) say "$dir is not on your PATH; add it, for example: export PATH=\"$dir:\$PATH\"" ;;
  esac
}

uninstall() {
  if [ ! -e "$dir/sup" ]; then
    say "nothing to remove: there is no $dir/sup"
  elif [ "$dry_run" = yes ]; then
    say "would remove $dir/sup"
  else
    rm -f "$dir/sup" || die "cannot remove $dir/sup"
    say "removed $dir/sup; units, logs and state were left alone"
  fi
}

main() {
  dir=
  dry_run=no
  action=install
  while [ $# -gt 0 ]; do
    case $1 in
      --dir)
        [ $# -ge 2 ] || die "--dir needs a directory"
        dir=$2
        shift
        ;;
      --dir=*) dir=${1#--dir=} ;;
      --dry-run) dry_run=yes ;;
      --uninstall) action=uninstall ;;
      -h | --help)
        usage
        return 0
        ;;
      *)
        usage >&2
        die "unknown option $1"
        ;;
    esac
    shift
  done
  dir=${dir:-$(default_dir)}

  if [ "$action" = uninstall ]; then
    uninstall
    return 0
  fi

  [ "$(uname -s)" = Linux ] || die "sup runs on Linux; this is $(uname -s)"
  source=$(checkout)
  [ -n "$source" ] || die "there are no released binaries yet. Clone the source and run: npm start, or sh install.sh in the checkout"
  if [ "$dry_run" = yes ]; then
    say "would build $source/dist/sup and install it to $dir/sup"
    return 0
  fi
  command -v npm >/dev/null 2>&1 || die "cannot build: npm is not on PATH (Node.js 18 or newer brings it)"
  (cd "$source" && sh scripts/setup.sh && sh scripts/build.sh --if-changed) || die "the build failed; nothing was installed"
  install_binary "$source/dist/sup"
  hint_path
}

main "$@"

#!/bin/sh
# Installs sup: downloads the executable for this machine, verifies it, puts it in its place. In a source checkout it builds
# instead. `sh install.sh --help` lists the options; docs/install.md has the rest.
#
# The new file is complete, verified and has run once before a rename gives it the name `sup`: whatever goes wrong before,
# what was installed is as it was. What a killed run left behind is removed by the next one.

# All of it is in functions, and the last line is one compound command: a download of this file that is cut short runs nothing.
set -eu
umask 022

# Where releases are. scripts/release.ts writes the address of the published ones in here.
BASE_URL=

say() { printf '%s\n' "$*"; }
die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<'END'
usage: sh install.sh [options]
       curl -fsSL URL/install.sh | sh -s -- [options]

  --service       set up and start the systemd service (of root, or of your user with lingering)
  --version X     this version; otherwise the latest (also: SUP_VERSION)
  --dir DIR       install there; otherwise /usr/local/bin as root, ~/.local/bin (also: SUP_INSTALL_DIR)
  --uninstall     remove the service and the executable; units, logs and state stay
  --yes           ask nothing
  --dry-run       only say what would be done
  --help          this text

SUP_BASE_URL is where releases are: an http(s) address, or a directory.
END
}

# --- What this machine is -------------------------------------------------------------------------------------------------

# The name of the build for this machine: sup-linux-x64, sup-linux-arm64-musl …
target() {
  [ "$(uname -s)" = Linux ] || die "sup runs on Linux; this is $(uname -s)"
  case $(uname -m) in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    *) die "there is no sup for the CPU $(uname -m); there is for x86_64 and aarch64" ;;
  esac
  [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] || die "there is no sup for 32-bit systems; this is one, on a 64-bit kernel"
  say "sup-linux-$cpu$(libc)"
}

# "-musl" or nothing. `ldd` speaks for the system; machines without it are known by their loaders.
libc() {
  case $(ldd --version 2>&1 </dev/null || :) in
    *musl*) say -musl && return 0 ;;
    *GLIBC* | *GNU* | *glibc*) return 0 ;;
  esac
  for loader in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do [ ! -e "$loader" ] || return 0; done
  for loader in /lib/ld-musl-*; do [ ! -e "$loader" ] || say -musl; done
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

# The checkout to build: the one that this file is part of. A piped script has no place of its own; with nowhere to download
# from it takes the current directory.
checkout() {
  case $0 in
    */install.sh | install.sh) here=$(dirname "$0") ;;
    *) [ -n "$base" ] || here=. ;;
  esac
  if [ -n "${here:-}" ] && [ -f "$here/scripts/build.sh" ] && [ -f "$here/src/main.ts" ]; then (cd "$here" && pwd); fi
}

# --- The place ------------------------------------------------------------------------------------------------------------

# Refuses a place that cannot be written before anything is downloaded. "test -w" asks the kernel: it sees a read-only file
# system as root, too.
check_place() {
  [ ! -d "$dir/sup" ] || die "cannot install: $dir/sup is a directory"
  parent=$dir
  while [ ! -e "$parent" ]; do parent=$(dirname "$parent"); done
  [ -d "$parent" ] || die "cannot create $dir: $parent is not a directory; choose another with --dir"
  if [ -w "$parent" ] && [ -x "$parent" ]; then return 0; fi
  if [ "$(id -u)" -eq 0 ]; then die "cannot write to $parent (is the file system read-only?); choose another directory with --dir"; fi
  die "cannot write to $parent; choose another directory with --dir, or run as root"
}

# What `$dir/sup` says it is: "sup 1.2.3", other words when it is another program, nothing when it does not run.
installed() {
  [ -f "$dir/sup" ] || return 0
  "$dir/sup" version </dev/null 2>/dev/null | head -n 1 || :
}

check_installed() {
  case $(installed) in
    '' | 'sup '[0-9]*) ;;
    *) agree refuse "$dir/sup is another program of that name. Replace it?" || die "$dir/sup is another program; replace it with --yes, or choose another directory with --dir" ;;
  esac
}

# Makes the directory to work in, next to the place, so that the last step is a rename. Its name has the pid of its owner.
open_work() {
  made=
  parent=$dir
  while [ ! -e "$parent" ]; do
    made=$parent
    parent=$(dirname "$parent")
  done
  mkdir -p "$dir" || die "cannot create $dir; choose another with --dir"
  for old in "$dir"/.sup-install.*; do
    # A killed process may stay in /proc as a zombie, which has no command line.
    if [ -e "$old" ] && ! grep -q . "/proc/${old##*.}/cmdline" 2>/dev/null; then rm -rf "$old"; fi
  done
  work=$dir/.sup-install.$$
  trap close_work EXIT
  trap 'exit 130' INT TERM HUP
  mkdir "$work" || die "cannot write to $dir; choose another with --dir"
}

# Removes it, and the directories that were made for nothing.
close_work() {
  rm -rf "$work"
  if [ -n "$made" ]; then
    empty=$dir
    while rmdir "$empty" 2>/dev/null && [ "$empty" != "$made" ]; do empty=$(dirname "$empty"); done
  fi
}

# --- Download -------------------------------------------------------------------------------------------------------------

# Fetches a URL into a file. 0 when done, 1 when the server has no such file; ends the script when it cannot be known.
fetch() { # URL FILE
  case $1 in
    /* | file://*)
      [ -f "${1#file://}" ] || return 1
      cp "${1#file://}" "$2" || die "cannot copy ${1#file://} to $dir (is the disk full?)"
      return 0
      ;;
  esac
  status=0
  if command -v curl >/dev/null 2>&1; then
    by_curl "$1" "$2" || status=$?
  elif command -v wget >/dev/null 2>&1; then
    by_wget "$1" "$2" || status=$?
  else
    die "cannot download: neither curl nor wget is on PATH"
  fi
  [ "$status" -ne 0 ] || return 0
  case $code in
    404 | 403 | 410) return 1 ;;
    [45]??) die "cannot download $1: the server answers $code" ;;
  esac
  die "cannot download $1: ${why:-the connection failed} (is the network up, and the address right?)"
}

# Both give the HTTP status as `code` and the cause in words as `why`. A download of https stays https through redirects.
by_curl() {
  protocols='=http,https'
  case $1 in https:*) protocols='=https' ;; esac
  meter=-sS
  if [ -t 2 ] && [ "${2##*.}" = gz ]; then meter=--progress-bar; fi
  failed=0
  code=$(curl -fL "$meter" --proto "$protocols" --retry 2 --connect-timeout 20 --speed-limit 1 --speed-time 60 \
    -o "$2" -w '%{http_code}' "$1" </dev/null 2>"$work/said") || failed=$?
  why=$(sed -n 's/^curl: ([0-9]*) //p' "$work/said" | tail -n 1)
  case $code in 2??) code= ;; esac # it began well: what failed is the connection
  return "$failed"
}

by_wget() {
  failed=0
  if wget --version 2>/dev/null | grep -q 'GNU Wget'; then
    case $1 in https:*) set -- "$@" --https-only ;; esac
    address=$1 to=$2
    shift 2
    wget -nv -t 3 --waitretry=1 -T 60 "$@" -O "$to" "$address" </dev/null >"$work/said" 2>&1 || failed=$?
  else
    wget -O "$2" "$1" </dev/null >"$work/said" 2>&1 || failed=$? # busybox; Debian's crashes when it is given a -T
  fi
  code=$(sed -n 's/.*ERROR \([0-9][0-9][0-9]\).*/\1/p; s/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' "$work/said" | tail -n 1)
  case $code in 2??) code= ;; esac
  why=$(grep -v '^$' "$work/said" | tail -n 1)
  return "$failed"
}

# Where the files of the release may lie: as GitHub lays them out, in a directory a version, or all in one directory.
places() {
  if [ -n "$version" ]; then
    say "$base/v$version" "$base/download/v$version" "$base/$version" "$base"
  else
    say "$base" "$base/latest/download" "$base/latest"
  fi
}

# The checksum of a file by SHA256SUMS; nothing when it is not in there.
listed() { # FILE
  while read -r sum name _; do
    if [ "${name#\*}" = "$1" ]; then
      say "$sum"
      return 0
    fi
  done <"$work/SHA256SUMS"
}

checksum() { # FILE
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" | cut -d' ' -f1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 <"$1" | cut -d' ' -f1
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 <"$1" | sed 's/.* //'
  else
    die "cannot verify the download: none of sha256sum, shasum and openssl is on PATH"
  fi
}

# Gives the verified executable as $work/sup.
download() {
  file=$(target).gz
  command -v gzip >/dev/null 2>&1 || die "cannot unpack: gzip is not on PATH"
  from=
  for place in $(places); do
    if fetch "$place/SHA256SUMS" "$work/SHA256SUMS" && grep -q 'sup-linux-' "$work/SHA256SUMS"; then
      from=$place
      break
    fi
  done
  if [ -z "$from" ]; then die "there is no release${version:+ $version} at $base (looked for SHA256SUMS in: $(places | tr '\n' ' '))"; fi
  wanted=$(listed "$file")
  [ -n "$wanted" ] || die "the release at $from has no $file: there is no sup for this kind of machine in it"
  fetch "$from/$file" "$work/$file" || die "cannot download $from/$file: the server does not have it, though SHA256SUMS lists it"
  found=$(checksum "$work/$file")
  if [ "$found" != "$wanted" ]; then
    die "the checksum of $from/$file is wrong: it is damaged or was changed. SHA256SUMS says $wanted, the file has $found. Nothing was installed"
  fi
  gzip -dc "$work/$file" >"$work/sup" || die "cannot unpack $file in $dir (is the disk full?)"
  rm -f "$work/$file"
}

build() { # CHECKOUT
  command -v npm >/dev/null 2>&1 || die "cannot build: npm is not on PATH (Node.js 18 or newer brings it)"
  (cd "$1" && sh scripts/setup.sh && sh scripts/build.sh --if-changed) </dev/null || die "the build failed; nothing was installed"
  cp "$1/dist/sup" "$work/sup" || die "cannot copy to $dir (is the disk full?)"
}

# Runs the new executable once; then it takes its place.
put_in_place() {
  chmod 755 "$work/sup"
  said=$("$work/sup" version </dev/null 2>&1) || die "the new executable does not run on this machine; nothing was installed. $(excuse "$said")"
  is=${said#sup }
  if [ -n "$version" ] && [ "$is" != "$version" ]; then
    die "there is no release $version at $base: what is there is $is. Nothing was installed"
  fi
  was=$(installed)
  sync "$work/sup" 2>/dev/null || : # not in every sync(1)
  mv -f "$work/sup" "$dir/sup"      # a rename: a running sup keeps its old file
  made=
  case $was in
    '') say "installed sup $is to $dir/sup" ;;
    "sup $is") say "installed sup $is to $dir/sup, in place of the same version" ;;
    *) say "installed sup $is to $dir/sup, in place of $was" ;;
  esac
}

# Why an executable does not run, as far as it can be told from what it, or the shell, said.
excuse() { # WORDS
  case $1 in
    *"loading shared library libstdc++"* | *"loading shared library libgcc"*)
      say "It needs libstdc++, which this system does not have yet: apk add libstdc++ (on Alpine), then run this again"
      ;;
    *"symbol not found"*)
      say "The libstdc++ or musl of this system is too old for it (Alpine has what it needs from 3.17 on). It said: $(say "$1" | head -n 1)"
      ;;
    *ermission*) say "Is $dir on a file system mounted noexec? Choose another with --dir" ;;
    *) say "It said: $1" ;;
  esac
}

# --- Afterwards -----------------------------------------------------------------------------------------------------------

hint_path() {
  case ":${PATH:-}:" in
    *":$dir:"*) ;;
    *)
      line="export PATH=\"$dir:\$PATH\""
      case ${SHELL:-} in
        */fish) say "$dir is not on your PATH. Here and in future: fish_add_path $dir" && return 0 ;;
        */zsh) rc=.zshrc ;;
        *) rc=.profile ;;
      esac
      say "$dir is not on your PATH. In this shell: $line"
      say "  at every login: echo '$line' >>~/$rc"
      ;;
  esac
}

hint_next() {
  if running; then
    say "a sup daemon runs: \`sup daemon restart\` makes it this program, its services go on"
  else
    or=
    if has_systemd; then or=", or sup install-service to have it at every boot"; fi
    say "next: sup daemon start$or; sup help has the rest"
  fi
}

# A daemon of this user (of the machine, as root) answers.
running() { "$dir/sup" daemon status </dev/null >/dev/null 2>&1; }

has_systemd() { [ -d /run/systemd/system ]; }

# Asks on the terminal, also when this script comes through a pipe. Without a terminal: what $1 says.
agree() { # go|refuse QUESTION
  [ "$yes" = no ] || return 0
  if ! (: >/dev/tty) 2>/dev/null; then [ "$1" = go ] && return 0 || return 1; fi
  printf '%s [y/N] ' "$2" >/dev/tty
  read -r answer </dev/tty || answer=
  case $answer in [yY]*) return 0 ;; esac
  return 1
}

# The systemd unit file that `sup install-service` writes for this user.
service_file() {
  if [ "$(id -u)" -eq 0 ]; then
    say /etc/systemd/system/sup.service
  else
    say "${XDG_CONFIG_HOME:-${HOME:-}/.config}/systemd/user/sup.service"
  fi
}

# --- What is asked for ----------------------------------------------------------------------------------------------------

install() {
  source=
  [ "$explicit" = yes ] || source=$(checkout)
  if [ -z "$source" ]; then
    [ -n "$base" ] || die "no address of releases is built in; set SUP_BASE_URL, or run this in a checkout of the source"
    file=$(target) || exit 1
  fi
  check_place
  check_installed
  if [ "$service" = yes ]; then
    has_systemd || die "--service needs systemd, which does not run here (there is no /run/systemd/system). Install without it, then: sup daemon start"
  fi
  if [ "$dry_run" = yes ]; then
    if [ -n "$source" ]; then say "would build $source/dist/sup and install it to $dir/sup"; else
      say "would download $file${version:+ $version} from $base, verify it and install it to $dir/sup"
    fi
    [ "$service" = no ] || say "would set up and start the service: $(service_file)"
    return 0
  fi
  open_work
  if [ -n "$source" ]; then build "$source"; else download; fi
  put_in_place
  hint_path
  if [ "$service" = no ]; then
    hint_next
  else
    "$dir/sup" install-service </dev/null || die "sup is installed, the service is not (see above); try again: $dir/sup install-service"
  fi
}

uninstall() {
  if [ ! -e "$dir/sup" ] && [ ! -L "$dir/sup" ]; then
    say "nothing to remove: there is no $dir/sup"
    return 0
  fi
  case $(installed) in
    '' | 'sup '[0-9]*) ;;
    *) agree refuse "$dir/sup is another program of that name. Remove it?" || die "$dir/sup is another program; nothing was removed" ;;
  esac
  [ -w "$dir" ] || die "cannot remove $dir/sup: $dir cannot be written by you"
  ends=
  if [ -e "$(service_file)" ]; then ends="uninstall-service"; elif running; then ends="daemon stop"; fi
  if [ "$dry_run" = yes ]; then
    [ -z "$ends" ] || say "would run: $dir/sup $ends"
    say "would remove $dir/sup"
    return 0
  fi
  if [ -n "$ends" ]; then
    agree go "A sup daemon is set up or runs here; its services will be stopped. Go on?" || die "nothing was removed"
    # shellcheck disable=SC2086 # two words
    "$dir/sup" $ends </dev/null || die "cannot stop what runs; nothing was removed"
  fi
  rm -f "$dir/sup" || die "cannot remove $dir/sup"
  say "removed $dir/sup; units, logs and state were left alone"
}

main() {
  dir='' version=${SUP_VERSION:-} base=${SUP_BASE_URL:-$BASE_URL}
  service=no yes=no dry_run=no action=install
  while [ $# -gt 0 ]; do
    case $1 in
      --dir | --version)
        if [ $# -lt 2 ] || [ -z "$2" ]; then die "$1 needs a value"; fi
        if [ "$1" = --dir ]; then dir=$2; else version=$2; fi
        shift
        ;;
      --dir=?*) dir=${1#--dir=} ;;
      --version=?*) version=${1#--version=} ;;
      --service) service=yes ;;
      --yes | -y) yes=yes ;;
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
  # Who says where from, or which, wants a download, also in a checkout.
  explicit=no
  if [ -n "${SUP_BASE_URL:-}" ] || [ -n "$version" ]; then explicit=yes; fi
  case $version in latest) version= ;; v*) version=${version#v} ;; esac
  case $version in *[!0-9A-Za-z.+-]*) die "$version is no version; one looks like 1.2.3" ;; esac
  base=${base%/}
  dir=${dir:-$(default_dir)}
  case $dir in /*) ;; *) dir=$(pwd)/$dir ;; esac
  if [ "$action" = install ]; then install; else uninstall; fi
}

{ main "$@"; }

#!/bin/sh
# Installs sup: downloads the executable for this machine, verifies it and moves it into place. In a source checkout, where the
# address of the releases is unknown, it builds the executable instead. `sh install.sh --help` lists the options; docs/install.md describes the rest.
#
# Before a rename gives the new file the name `sup`, the file is complete, verified, and has run once. If anything fails before
# that, the earlier installation is unchanged. A killed run leaves files behind; the next run removes them.

# Everything is in functions, and the last line is one compound command, so a truncated download of this file runs nothing.
set -eu
umask 022

# The address of the releases. scripts/release.ts sets it in the published copies of this file.
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
  --version X     install this version instead of the latest (also: SUP_VERSION)
  --dir DIR       install into DIR; default: /usr/local/bin as root, otherwise ~/.local/bin (also: SUP_INSTALL_DIR)
  --uninstall     remove the service and the executable; units, logs and state stay
  --yes           ask no questions
  --dry-run       only print what would be done
  --help          print this text

SUP_BASE_URL is the location of the releases: an http(s) address, or a directory.
END
}

# --- The machine ----------------------------------------------------------------------------------------------------------

# The name of the build for this machine: sup-linux-x64, sup-linux-arm64-musl …
target() {
  [ "$(uname -s)" = Linux ] || die "sup runs on Linux; this is $(uname -s)"
  case $(uname -m) in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    *) die "there is no sup for the CPU $(uname -m), only for x86_64 and aarch64" ;;
  esac
  [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] || die "there is no sup for 32-bit systems, and this is one (on a 64-bit kernel)"
  say "sup-linux-$cpu$(libc)"
}

# Prints "-musl" or nothing. `ldd` knows the system's libc; on machines without `ldd`, the dynamic loader's file shows it.
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

# Prints the checkout to build: the one that contains this file, or for a piped script the current directory.
checkout() {
  case $0 in
    */install.sh | install.sh) here=$(dirname -- "$0") ;;
    *) here=. ;;
  esac
  if [ -f "$here/scripts/build.sh" ] && [ -f "$here/src/main.ts" ]; then (cd -- "$here" && pwd -P); fi
}

# A build runs the files of the checkout. Rejects a checkout with files that belong to a third user, or that everybody can change.
# In a directory such as /tmp, anybody can put a checkout beside this script.
check_owners() { # CHECKOUT
  command -v find >/dev/null 2>&1 || die "cannot check who owns the files of $1: find is not on PATH"
  # With sudo, the user who called it is trusted too.
  foreign=$(find "$1" ! -user "$(id -u)" ! -user 0 ! -user "${SUDO_UID:-0}" -print 2>&1 | head -n 1) || :
  [ -z "$foreign" ] || die "cannot build: $foreign belongs to another user, who could run programs as you. Set SUP_BASE_URL to download a release instead"
  foreign=$(find "$1" ! -type l -perm -0002 -print 2>&1 | head -n 1) || :
  [ -z "$foreign" ] || die "cannot build: every user can write to $foreign. Set SUP_BASE_URL to download a release instead"
}

# As root, removes directories from PATH whose programs another user could have put there: relative ones, those of other
# users, and those that everybody can write to.
safe_path() {
  callers_path=${PATH:-}
  [ "$(PATH=/usr/bin:/bin:$PATH id -u)" -eq 0 ] || return 0
  kept=
  rest=${PATH:-}:
  while [ -n "$rest" ]; do
    entry=${rest%%:*}
    rest=${rest#*:}
    case $entry in /*) ;; *) continue ;; esac
    case $(command -p ls -ldn "$entry/" 2>/dev/null) in
      d???????w*) continue ;;
      d*) if [ -O "$entry" ]; then kept=${kept:+$kept:}$entry; fi ;;
    esac
  done
  PATH=${kept:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
  export PATH
}

# --- The directory --------------------------------------------------------------------------------------------------------

# Rejects a directory that cannot be written, before anything is downloaded. "test -w" asks the kernel, so it detects a
# read-only file system even as root.
check_place() {
  [ ! -d "$dir/sup" ] || die "cannot install: $dir/sup is a directory"
  parent=$dir
  while [ ! -e "$parent" ]; do parent=$(dirname "$parent"); done
  [ -d "$parent" ] || die "cannot create $dir: $parent is not a directory; choose another with --dir"
  check_ways "$parent"
  if [ -w "$parent" ] && [ -x "$parent" ]; then return 0; fi
  if [ "$(id -u)" -eq 0 ]; then die "cannot write to $parent (is the file system read-only?); choose another directory with --dir"; fi
  die "cannot write to $parent; choose another directory with --dir, or run as root"
}

# As root, rejects a directory that another user could replace, or whose files that user could replace: then the program that
# root runs would be that user's. This concerns the directory and all directories above it, after links are resolved.
check_ways() { # DIRECTORY
  [ "$(id -u)" -eq 0 ] || return 0
  way=$(cd -- "$1" && pwd -P) || die "cannot enter $1; choose another directory with --dir"
  while [ "$way" != / ]; do
    [ -O "$way" ] || die "cannot install as root: $way belongs to another user, who could replace the program. Run this as that user, or choose another directory with --dir"
    case $(command -p ls -ldn "$way/" 2>/dev/null) in
      d???????w[!tT]*) die "cannot install as root: every user can write to $way. Choose another directory with --dir" ;;
    esac
    way=$(dirname -- "$way")
  done
}

# Prints what `$dir/sup version` prints: "sup 1.2.3", something else for another program, nothing if it does not run.
installed() {
  [ -f "$dir/sup" ] || return 0
  is_ours || { say "a program of another user" && return 0; }
  "$dir/sup" version </dev/null 2>/dev/null | head -n 1 || :
}

# Root does not run a program that belongs to another user, because that user may have put it there for root to run.
is_ours() { [ "$(id -u)" -ne 0 ] || { [ -O "$dir" ] && [ -O "$dir/sup" ]; }; }

check_installed() {
  case $(installed) in
    '' | 'sup '[0-9]*) ;;
    *) agree refuse "$dir/sup is another program of that name. Replace it?" || die "$dir/sup is another program; replace it with --yes, or choose another directory with --dir" ;;
  esac
}

# Creates the work directory inside the target directory, so that the last step is a rename. Its name contains this script's pid.
open_work() {
  made=
  parent=$dir
  while [ ! -e "$parent" ]; do
    made=$parent
    parent=$(dirname "$parent")
  done
  mkdir -p "$dir" || die "cannot create $dir; choose another with --dir"
  for old in "$dir"/.sup-install.*; do
    # A killed script may remain in /proc as a zombie, which has no command line.
    if [ -e "$old" ] && ! grep -q . "/proc/${old##*.}/cmdline" 2>/dev/null; then rm -rf "$old"; fi
  done
  work=$dir/.sup-install.$$
  trap close_work EXIT
  trap 'exit 130' INT TERM HUP
  mkdir "$work" || die "cannot write to $dir; choose another with --dir"
}

# Removes the work directory and, if nothing was installed, the directories that were created for it.
close_work() {
  rm -rf "$work"
  if [ -n "$made" ]; then
    empty=$dir
    while rmdir "$empty" 2>/dev/null && [ "$empty" != "$made" ]; do empty=$(dirname "$empty"); done
  fi
}

# --- Download -------------------------------------------------------------------------------------------------------------

# Downloads a URL into a file. Returns 0 on success and 1 if the server has no such file; ends the script on any other error.
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
    [45]??) die "cannot download $1: the server responds with status $code" ;;
  esac
  die "cannot download $1: ${why:-the connection failed} (is the network up, and is the address correct?)"
}

# by_curl and by_wget set `code` to the HTTP status and `why` to the error message. A download from https follows redirects to
# https only.
by_curl() {
  protocols='=http,https'
  case $1 in https:*) protocols='=https' ;; esac
  meter=-sS
  if [ -t 2 ] && [ "${2##*.}" = gz ]; then meter=--progress-bar; fi
  failed=0
  code=$(curl -fL "$meter" --proto "$protocols" --retry 2 --connect-timeout 20 --speed-limit 1 --speed-time 60 \
    -o "$2" -w '%{http_code}' "$1" </dev/null 2>"$work/said") || failed=$?
  why=$(sed -n 's/^curl: ([0-9]*) //p' "$work/said" | tail -n 1)
  case $code in 2??) code= ;; esac # the response began well, so the connection failed
  return "$failed"
}

by_wget() {
  failed=0
  address=$1 to=$2
  set --
  case $address in https:*) set -- -S ;; esac # prints the headers, also those of redirects
  if wget --version 2>/dev/null | grep -q 'GNU Wget'; then
    wget -nv -t 3 --waitretry=1 -T 60 "$@" -O "$to" "$address" </dev/null >"$work/said" 2>&1 || failed=$?
  else
    wget "$@" -O "$to" "$address" </dev/null >"$work/said" 2>&1 || failed=$? # busybox; Debian's build of it crashes with -T
  fi
  # wget has no option that forbids a redirect from https to http. (GNU's --https-only concerns recursive downloads only.)
  if [ $# -gt 0 ] && grep -qi '^ *location: *http:' "$work/said"; then
    rm -f "$to"
    die "cannot download $address: it redirects from https to http"
  fi
  code=$(sed -n 's/.*ERROR \([0-9][0-9][0-9]\).*/\1/p; s/.*HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' "$work/said" | tail -n 1)
  case $code in 2??) code= ;; esac
  why=$(grep -v '^$' "$work/said" | tail -n 1)
  return "$failed"
}

# Prints the addresses where the files of the release may be: laid out as on GitHub, in one directory per version, or all in
# one directory.
places() {
  if [ -n "$version" ]; then
    say "$base/v$version" "$base/download/v$version" "$base/$version" "$base"
  else
    say "$base" "$base/latest/download" "$base/latest"
  fi
}

# Prints the checksum that SHA256SUMS lists for a file; nothing if it does not list the file.
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

# Writes the verified executable to $work/sup.
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
  [ -n "$wanted" ] || die "the release at $from has no $file: it does not support this kind of machine"
  fetch "$from/$file" "$work/$file" || die "cannot download $from/$file: the server does not have it, though SHA256SUMS lists it"
  found=$(checksum "$work/$file")
  if [ "$found" != "$wanted" ]; then
    die "the checksum of $from/$file is wrong: the file is damaged or was changed. SHA256SUMS lists $wanted, the file has $found. Nothing was installed"
  fi
  gzip -dc "$work/$file" >"$work/sup" || die "cannot unpack $file in $dir (is the disk full?)"
  rm -f "$work/$file"
}

build() { # CHECKOUT
  command -v npm >/dev/null 2>&1 || die "cannot build: npm is not on PATH (Node.js 18 or newer brings it)"
  (cd "$1" && sh scripts/setup.sh && sh scripts/build.sh --if-changed) </dev/null || die "the build failed; nothing was installed"
  cp "$1/dist/sup" "$work/sup" || die "cannot copy to $dir (is the disk full?)"
}

# Runs the new executable once, then moves it into place.
put_in_place() {
  chmod 755 "$work/sup"
  said=$("$work/sup" version </dev/null 2>&1) || die "the new executable does not run on this machine; nothing was installed. $(explain "$said")"
  is=${said#sup }
  if [ -n "$version" ] && [ "$is" != "$version" ]; then
    die "there is no release $version at $base, only $is. Nothing was installed"
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

# Prints a likely reason why an executable does not run, given its output or the shell's.
explain() { # OUTPUT
  case $1 in
    *"loading shared library libstdc++"* | *"loading shared library libgcc"*)
      say "It needs libstdc++, which is not installed: apk add libstdc++ (on Alpine), then run this again"
      ;;
    *"symbol not found"*)
      say "This system's libstdc++ or musl is too old for it (Alpine 3.17 or newer works). Its output: $(say "$1" | head -n 1)"
      ;;
    *ermission*) say "Is $dir on a file system mounted noexec? Choose another with --dir" ;;
    *) say "Its output: $1" ;;
  esac
}

# --- Hints ----------------------------------------------------------------------------------------------------------------

hint_path() {
  case ":$callers_path:" in
    *":$dir:"*) ;;
    *)
      line="export PATH=\"$dir:\$PATH\""
      case ${SHELL:-} in
        */fish) say "$dir is not on your PATH. To add it now and for the future: fish_add_path $dir" && return 0 ;;
        */zsh) rc=.zshrc ;;
        *) rc=.profile ;;
      esac
      say "$dir is not on your PATH. To add it in this shell: $line"
      say "  and for every login: echo '$line' >>~/$rc"
      ;;
  esac
}

hint_next() {
  if running; then
    say "a sup daemon is running: \`sup daemon restart\` replaces it with this program while its services keep running"
  else
    or=
    if has_systemd; then or=", or sup install-service to start it at every boot"; fi
    say "next: sup daemon start$or; see also: sup help"
  fi
}

# Succeeds if this user's daemon (as root: the system's) responds.
running() { is_ours && "$dir/sup" daemon status </dev/null >/dev/null 2>&1; }

has_systemd() { [ -d /run/systemd/system ]; }

# Asks on the terminal, even if this script comes through a pipe. Without a terminal, $1 is the answer.
agree() { # go|refuse QUESTION
  [ "$yes" = no ] || return 0
  if ! (: >/dev/tty) 2>/dev/null; then [ "$1" = go ] && return 0 || return 1; fi
  printf '%s [y/N] ' "$2" >/dev/tty
  read -r answer </dev/tty || answer=
  case $answer in [yY]*) return 0 ;; esac
  return 1
}

# Prints the path of the systemd unit file that `sup install-service` writes for this user.
service_file() {
  if [ "$(id -u)" -eq 0 ]; then
    say /etc/systemd/system/sup.service
  else
    say "${XDG_CONFIG_HOME:-${HOME:-}/.config}/systemd/user/sup.service"
  fi
}

# --- Commands -------------------------------------------------------------------------------------------------------------

install() {
  source=
  if [ -z "$base" ]; then
    [ -n "$version" ] || source=$(checkout) # a checkout cannot build other versions
    [ -z "$source" ] || check_owners "$source"
  fi
  if [ -z "$source" ]; then
    [ -n "$base" ] || die "there is no built-in address of releases; set SUP_BASE_URL, or run this in a checkout of the source"
    file=$(target) || exit 1
  fi
  check_place
  check_installed
  if [ "$service" = yes ]; then
    has_systemd || die "--service needs systemd, which is not running (there is no /run/systemd/system). Install without --service, then: sup daemon start"
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
    "$dir/sup" install-service </dev/null || die "sup is installed, but the service is not (see above); to try again: $dir/sup install-service"
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
  [ -w "$dir" ] || die "cannot remove $dir/sup: you may not write to $dir"
  ends=
  if ! is_ours; then :; elif [ -e "$(service_file)" ]; then ends="uninstall-service"; elif running; then ends="daemon stop"; fi
  if [ "$dry_run" = yes ]; then
    [ -z "$ends" ] || say "would run: $dir/sup $ends"
    say "would remove $dir/sup"
    return 0
  fi
  if [ -n "$ends" ]; then
    agree go "A sup daemon is installed as a service or running; its services will be stopped. Continue?" || die "nothing was removed"
    # shellcheck disable=SC2086 # two words
    "$dir/sup" $ends </dev/null || die "cannot stop the daemon; nothing was removed"
  fi
  rm -f "$dir/sup" || die "cannot remove $dir/sup"
  say "removed $dir/sup; units, logs and state were kept"
}

main() {
  safe_path
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
  case $version in latest) version= ;; v*) version=${version#v} ;; esac
  case $version in *[!0-9A-Za-z.+-]*) die "$version is not a version; a version looks like 1.2.3" ;; esac
  base=${base%/}
  dir=${dir:-$(default_dir)}
  case $dir in /*) ;; *) dir=$(pwd)/$dir ;; esac
  if [ "$action" = install ]; then install; else uninstall; fi
}

{ main "$@"; }

#!/bin/sh
# Runs the end-to-end tests: builds dist/sup, installs (as root) the programs that the scenarios of test/e2e use, and runs the
# scenarios. Arguments are passed to `bun test`, for example `sh scripts/e2e.sh ./test/e2e/lifecycle`.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
sh scripts/build.sh --if-changed

# Each line maps a command to its Debian package. A scenario whose program is missing reports that and is skipped; it never passes
# silently.
missing=
for pair in \
  nginx:nginx-light redis-server:redis-server python3:python3-minimal systemd-notify:systemd promtool:prometheus curl:curl \
  wget:wget busybox:busybox shellcheck:shellcheck zsh:zsh fish:fish mandoc:mandoc \
  pkaction:polkitd supervisord:supervisor ip:iproute2 chromium:chromium tmux:tmux \
  less:less vim.tiny:vim-tiny; do
  PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
# Check these files, because no command shows whether a complete systemd with user managers is installed.
[ -e /usr/lib/systemd/user/dbus.socket ] || missing="$missing dbus-user-session"
ls /usr/lib/*/security/pam_systemd.so >/dev/null 2>&1 || missing="$missing libpam-systemd"
# Debian installs PostgreSQL's server programs outside PATH.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"

if [ -n "$missing" ]; then
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing$missing" >&2
    # policy-rc.d keeps the packages from starting their servers. The tests run the servers under sup.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      printf '#!/bin/sh\nexit 101\n' >"$policy"
      chmod 755 "$policy"
      trap 'rm -f "$policy"' EXIT
      trap 'exit 130' INT TERM HUP
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of package names
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } </dev/null >&2 ||
      echo "cannot install$missing: the scenarios that need them are skipped" >&2
  else
    echo "not installed:$missing. The scenarios that need them are skipped; install them as root to run all." >&2
  fi
fi

paths=
for arg in "$@"; do
  case $arg in ./* | test/*) paths=given ;; esac
done
[ -n "$paths" ] || set -- ./test/e2e/ "$@"
# All scenarios together take twelve minutes on a quiet machine. The time limit ends a hang, but must allow for a slow machine.
SUP_TEST_SECONDS=${SUP_TEST_SECONDS:-3600} sh scripts/run-tests.sh --timeout 60000 "$@"

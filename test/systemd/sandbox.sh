#!/usr/bin/env bash
# A real systemd, as PID 1 of a PID namespace, on a machine whose own PID 1 may be anything. The machine is not changed: the
# sandbox's root is the machine's own "/" with a memory file system laid over it, its cgroups lie in one of its own, its
# network is its own. There are no cgroup controllers in it where the machine's v1 mounts hold them: test/vm is for those.
#
#   sandbox.sh check        says why it cannot work here, and fails; says nothing when it can
#   sandbox.sh keep         keeps a sandbox for as long as its standard input is open, and obeys lines of it:
#                             boot     starts systemd; answers `up PID`, by which `nsenter -a -t PID` gets in
#                             halt     orderly shutdown; answers `down CODE`
#                             crash    SIGKILL to PID 1; answers `down CODE`
#                           after `halt` or `crash`, `boot` finds the files of before. What goes wrong: `error WORDS`.
#   sandbox.sh shell        boots one and opens a root shell in it
#
# Nothing outlives its keeper: mounts are in a namespace of its own, PID 1 dies with it, and cgroups that a killed one left
# behind are removed by the next.
set -euo pipefail

missing() { # words for what is not here, or nothing
  [ "$(id -u)" = 0 ] || { echo "it takes root"; return; }
  [ -x /lib/systemd/systemd ] || { echo "systemd is not installed"; return; }
  local program
  for program in unshare nsenter setpriv loginctl dbus-daemon useradd; do
    command -v "$program" >/dev/null || { echo "$program is not installed"; return; }
  done
  [ -e /usr/lib/systemd/user/dbus.socket ] || { echo "dbus-user-session is not installed"; return; }
  compgen -G '/usr/lib/*/security/pam_systemd.so' >/dev/null || { echo "libpam-systemd is not installed"; return; }
  [ -n "$(cgroup_here)" ] || { echo "no cgroup v2 is mounted"; return; }
  unshare -m -p -f -C -i -u -n --propagation private true 2>/dev/null || { echo "namespaces cannot be made"; return; }
  local work=/run/sup-sandbox-check.$$ cg
  cg=$(cgroup_here)/sup-sandbox-check.$$
  if mkdir "$cg" 2>/dev/null; then rmdir "$cg"; else echo "cgroups cannot be made in $(cgroup_here)"; return; fi
  mkdir "$work"
  # shellcheck disable=SC2016
  unshare -m --propagation private sh -c 'mount -t tmpfs tmpfs "$0" && mkdir "$0/u" "$0/w" "$0/r" &&
    mount -t overlay overlay -o "lowerdir=/,upperdir=$0/u,workdir=$0/w" "$0/r"' "$work" 2>/dev/null || echo "an overlay over / cannot be mounted"
  rmdir "$work"
}

cgroup_here() { # the directory of the cgroup (version 2) that this process is in
  local mount path
  mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  path=$(sed -n 's/^0:://p' /proc/self/cgroup)
  [ -z "$mount" ] || [ -z "$path" ] || echo "$mount${path%/}"
}

say() { echo "$*"; }

# ---- the keeper, in a mount namespace of its own

keep() {
  local word here
  here=$(cgroup_here)
  remove_stale "$here"
  cgroup=$here/sup-sandbox-$$
  mkdir "$cgroup"
  # The place of the mount is hidden by what is mounted there, and the mount goes with this namespace.
  work=/run/sup-sandbox-$$
  mkdir "$work"
  mount -t tmpfs -o mode=755 tmpfs "$work"
  mkdir "$work/upper" "$work/work" "$work/root"
  pid='' launcher=''
  trap 'down KILL; clean' EXIT
  trap 'exit 130' INT TERM HUP
  while read -r word; do
    case $word in
      boot) if boot; then say "up $pid"; else say "error $(tail -n 3 "$work/console" | tr '\n' ' ')"; fi ;;
      halt) down TERM ;;
      crash) down KILL ;;
      *) say "error unknown word $word" ;;
    esac
  done
}

remove_stale() { # CGROUP-DIRECTORY
  local dir
  for dir in "$1"/sup-sandbox-*; do
    if [ ! -d "$dir" ] || [ -d "/proc/${dir##*-}" ]; then continue; fi
    echo 1 >"$dir/cgroup.kill" 2>/dev/null || true
    remove_cgroup "$dir"
    rmdir "/run/sup-sandbox-${dir##*-}" 2>/dev/null || true
  done
}

remove_cgroup() { # its processes may take a moment to be gone
  for _ in $(seq 100); do
    find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ -d "$1" ] || return 0
    sleep 0.05
  done
}

clean() {
  umount -l "$work" 2>/dev/null || true
  rmdir "$work" 2>/dev/null || true
  remove_cgroup "$cgroup"
}

boot() {
  local state=''
  (
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec setpriv --pdeathsig KILL unshare -m -p -f -C -i -u -n --kill-child=SIGKILL --propagation private "$0" inside "$work"
  ) </dev/null >"$work/console" 2>&1 &
  launcher=$!
  for _ in $(seq 1200); do
    [ -d "/proc/$launcher" ] || return 1
    pid=$(tr -d ' ' <"/proc/$launcher/task/$launcher/children" 2>/dev/null) || pid=''
    [ -z "$pid" ] || state=$(nsenter -a -t "$pid" systemctl is-system-running 2>/dev/null) || true
    case $state in running | degraded) return 0 ;; esac
    sleep 0.05
  done
  return 1
}

down() { # SIGNAL
  local code=0
  [ -n "$launcher" ] || return 0
  if [ "$1" = TERM ]; then
    nsenter -a -t "$pid" systemctl --no-block exit 0 2>/dev/null || kill -s RTMIN+4 "$pid" 2>/dev/null || true
    ( sleep 100; kill -KILL "$pid" ) 2>/dev/null &
    local patience=$!
    wait "$launcher" || code=$?
    kill "$patience" 2>/dev/null || true
  else
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    wait "$launcher" || code=$?
  fi
  pid='' launcher=''
  say "down $code"
}

# ---- the first process of the namespaces, which becomes systemd

inside() { # WORK
  local work=$1 root=$1/root
  hostname sandbox
  mount_root
  mount_system
  mount_dev
  [ -e "$work/booted" ] || prepare
  : >"$work/booted"
  mkdir -p "$root/.old"
  cd "$root"
  pivot_root . .old
  umount -l /.old
  rmdir /.old
  # The clock and the modules are the machine's.
  exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-syslog env -i container=sandbox TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --show-status=0 --log-target=journal --unit=multi-user.target systemd.unified_cgroup_hierarchy=1
}

mount_root() {
  local tries
  for tries in $(seq 60); do # at a second boot the kernel may need a moment to let go of the first one's
    [ "$tries" -lt 60 ] || break
    if mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root" 2>/dev/null; then return 0; fi
    sleep 0.05
  done
  mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
}

mount_system() {
  mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,bind,ro "$root/proc/sys" # the kernel's settings are the machine's
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
  mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
}

mount_dev() {
  local dev=$root/dev row name major minor
  mount -t tmpfs -o mode=755,nosuid tmpfs "$dev"
  for row in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$row"
    mknod -m 666 "$dev/$name" c "$major" "$minor"
  done
  mknod -m 600 "$dev/console" c 1 3
  mkdir -m 755 "$dev/pts"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$dev/pts"
  ln -s pts/ptmx "$dev/ptmx"
  mkdir -m 1777 "$dev/shm"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$dev/shm"
  ln -s /proc/self/fd "$dev/fd"
  for row in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${row%:*}" "$dev/${row#*:}"; done
}

# Nothing but systemd, journald, dbus and logind at boot: no timers, terminals, devices or services of the machine.
prepare() {
  local name units=$root/etc/systemd/system
  rm -f "$root/etc/machine-id" "$root/etc/localtime"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  ln -s /usr/share/zoneinfo/UTC "$root/etc/localtime"
  : >"$root/etc/fstab"
  rm -rf "$root/var/lib/systemd/linger" "$root/var/log/journal" "$units"/*.wants "$units"/*.requires
  for name in getty.target systemd-timesyncd.service systemd-networkd.service systemd-resolved.service systemd-udevd.service \
    systemd-pstore.service systemd-firstboot.service dev-hugepages.mount sys-fs-fuse-connections.mount; do
    ln -sf /dev/null "$units/$name"
  done
  mkdir -p "$root/etc/systemd/journald.conf.d" "$root/var/log/journal" # persistent: without it users have no journal
  printf '[Journal]\nStorage=persistent\nAudit=no\n' >"$root/etc/systemd/journald.conf.d/50-sandbox.conf"
}

shell() {
  coproc KEEPER { exec "$0" keep; }
  local word pid
  echo boot >&"${KEEPER[1]}"
  read -r word pid <&"${KEEPER[0]}"
  [ "$word" = up ] || { echo "sandbox.sh: $pid" >&2; exit 1; }
  nsenter -a -t "$pid" env -i HOME=/ TERM="${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -l || true
  eval "exec ${KEEPER[1]}>&-"
  wait
}

case ${1:-} in
  check)
    words=$(missing)
    [ -z "$words" ] || { echo "$words"; exit 1; }
    ;;
  keep)
    if [ "${SUP_SANDBOX_KEEPER:-}" = "$$" ]; then keep; else SUP_SANDBOX_KEEPER=$$ exec unshare -m --propagation private "$0" keep; fi
    ;;
  inside) inside "$2" ;;
  shell) shell ;;
  *)
    echo "usage: sandbox.sh check | keep | shell" >&2
    exit 2
    ;;
esac

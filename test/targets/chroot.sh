#!/usr/bin/env bash
# Runs a command of DIR in a root file system, as root of namespaces of its own (processes, mounts, network, cgroups), on the
# kernel of this machine: chroot.sh ROOT DIR COMMAND…
set -euo pipefail
if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || { echo "chroot.sh: it takes root" >&2 && exit 2; }
  # A cgroup of its own, where the machine has version 2 of them: what is in it is ended with it.
  unified=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
  group=
  if [ -n "$unified" ] && mkdir "$unified/sup-chroot.$$" 2>/dev/null; then
    group=$unified/sup-chroot.$$
    trap 'echo 1 >"$group/cgroup.kill" 2>/dev/null; find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true' EXIT
    exec 3>"$group/cgroup.procs"
  else
    exec 3>/dev/null
  fi
  # shellcheck disable=SC2016 # expanded there
  bash -c 'echo $$ >&3; exec 3>&-; exec unshare --mount --pid --net --cgroup --ipc --fork --kill-child "$@"' - "$0" --inside "$@"
  exit
fi
shift
root=$1 dir=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" 2>/dev/null || true
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/dev"
for name in null zero full random urandom tty; do
  : >"$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
rm -rf "$root/var/lib" "$root/tmp"
mkdir -p "$root/var/lib" "$root/tmp" "$root/t"
chmod 1777 "$root/tmp"
mount --bind "$dir" "$root/t"
# shellcheck disable=SC2016 # expanded there
exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/ chroot "$root" \
  /bin/sh -c 'busybox --install -s /bin; ifconfig lo 127.0.0.1 up; cd /t && exec "$@"' - "$@"

#!/usr/bin/env bash
# A small virtual machine: a real kernel with pure cgroup v2, all its controllers, and systemd as PID 1. For what the machine
# that runs the tests cannot do itself, because other mounts (cgroup v1) hold the controllers. QEMU in software emulation, so
# it needs no KVM, and everything in it is slow: a fork and exec takes some 40 ms.
#
#   vm.sh deps [arm64]              as root: qemu, and Debian's cloud kernel, which is unpacked and not installed
#   vm.sh image                     as root: a root file system out of the files of this machine's own packages; no download
#   vm.sh run [--in DIR] [--limit SECONDS] -- COMMAND…
#       boots, unpacks DIR at /t, runs COMMAND there as root, shows its output, ends with its exit code (124: time is over)
#   vm.sh run --root ROOT [--cpu arm64] …
#       in this root file system instead, with busybox and without systemd
#
# Kernel and image are kept in $SUP_VM_DIR (dist/vm of the checkout): some 150 MB. SUP_VM_KERNEL is another kernel to boot.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${SUP_VM_DIR:-$here/../../dist/vm}
mkdir -p "$home"
home=$(cd "$home" && pwd)
cpu=x64
# shellcheck source=test/vm/debs.sh
. "$here/debs.sh"

die() {
  echo "vm.sh: $*" >&2
  exit 2
}

kernel_dir() { if [ "$cpu" = arm64 ]; then echo "$home/kernel-arm64"; else echo "$home/kernel"; fi; }

kernel() {
  local file newest=
  [ -z "${SUP_VM_KERNEL:-}" ] || { echo "$SUP_VM_KERNEL" && return; }
  for file in "$(kernel_dir)"/boot/vmlinuz-*; do [ ! -e "$file" ] || newest=$file; done
  echo "$newest"
}

# ---- deps

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o APT::Sandbox::User=root "$@" </dev/null >&2
}

cloud_kernel() { # the package that linux-image-cloud-amd64 stands for today
  apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

deps() { # [arm64]
  local package
  cpu=${1:-x64}
  [ "$cpu" != arm64 ] || { deps_arm64 && return; }
  if command -v qemu-system-x86_64 >/dev/null && [ -n "$(kernel)" ]; then return 0; fi
  command -v apt-get >/dev/null || die "cannot get qemu and a kernel: this is not Debian"
  [ -n "$(cloud_kernel)" ] || apt update
  command -v qemu-system-x86_64 >/dev/null || apt install -y --no-install-recommends qemu-system-x86
  [ -z "$(kernel)" ] || return 0
  package=$(cloud_kernel)
  [ -n "$package" ] || die "cannot find a kernel: there is no package linux-image-cloud-amd64"
  mkdir -p "$home/deb" "$home/kernel"
  (cd "$home/deb" && apt download "$package")
  dpkg-deb -x "$home/deb/$package"_*.deb "$home/kernel"
  rm -rf "$home/deb" "$home/kernel/lib/modules" # NVMe and ext4, all that the guest needs, are built in
}

deps_arm64() {
  local package
  if ! command -v qemu-system-aarch64 >/dev/null; then
    apt update
    apt install -y --no-install-recommends qemu-system-arm
  fi
  [ -z "$(kernel)" ] || return 0
  package=$(foreign_depends arm64 linux-image-cloud-arm64 'linux-image-[0-9]')
  [ -n "$package" ] || die "cannot find a kernel: there is no package linux-image-cloud-arm64"
  dpkg-deb -x "$(foreign_deb arm64 "$package")" "$(kernel_dir)"
  rm -rf "$(kernel_dir)/lib/modules"
}

# ---- image

PACKAGES="systemd systemd-sysv dbus dbus-user-session libpam-systemd libnss-systemd polkitd procps util-linux mount login
  passwd psmisc mawk gawk base-files base-passwd"
# What would only wait for devices, networks and terminals that are not there.
MASKED="getty.target systemd-timesyncd.service systemd-networkd.service systemd-resolved.service systemd-pstore.service
  systemd-firstboot.service systemd-modules-load.service proc-sys-fs-binfmt_misc.automount systemd-random-seed.service"

installed_packages() { # the wanted and all they need, as far as they are installed here
  local essential
  essential=$(dpkg-query -Wf '${Essential} ${Package}\n' | sed -n 's/^yes //p')
  # shellcheck disable=SC2086 # lists of names
  apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    $essential $PACKAGES | sed -n 's/^\([a-z0-9][a-z0-9.+-]*\).*/\1/p' | sort -u |
    comm -12 - <(dpkg-query -Wf '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p' | sort -u)
}

copy_files() { # ROOT
  local name
  local -a packages
  mapfile -t packages < <(installed_packages)
  [[ " ${packages[*]} " == *" systemd "* ]] || die "cannot make an image: systemd is not installed here"
  mkdir -p "$1"/usr/{bin,sbin,lib,lib64}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$1/$name"; done
  # Configuration is taken whole; documentation is not. Files that only root of another machine could read are no loss.
  { dpkg -L "${packages[@]}"; find /etc -xdev; find /usr/bin /usr/sbin -lname '/etc/alternatives/*'; } |
    sed -E 's#^/(bin|sbin|lib|lib64)(/|$)#/usr/\1\2#' |
    grep -vE '^/usr/share/(doc|man|locale|info|lintian|i18n)/|^/\.$' | sort -u |
    { tar -C / --no-recursion --ignore-failed-read -cf - -T - 2>/dev/null || true; } | tar -C "$1" --keep-directory-symlink -xf -
}

prepare() { # ROOT
  local root=$1 name units=$1/etc/systemd/system
  rm -rf "$units"/*.wants "$units"/*.requires "$root/var/lib/systemd/linger"
  for name in $MASKED; do ln -sf /dev/null "$units/$name"; done
  mkdir -p "$root"/{proc,sys,dev,run,tmp,t,home,usr/local/bin,usr/local/sbin,var/tmp,var/log/journal}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  : >"$root/etc/fstab"
  : >"$root/etc/resolv.conf" || true
  echo vm >"$root/etc/hostname"
  rm -f "$root/etc/machine-id" "$root/etc/localtime"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  mkdir -p "$root/usr/share/zoneinfo"
  cp /usr/share/zoneinfo/Etc/UTC "$root/usr/share/zoneinfo/UTC" 2>/dev/null || true
  ln -s /usr/share/zoneinfo/UTC "$root/etc/localtime"
  mkdir -p "$units/multi-user.target.wants"
  ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
  ln -s ../vm-test.service "$units/multi-user.target.wants/vm-test.service"
  cat >"$units/vm-test.service" <<'UNIT'
[Unit]
Description=The command of vm.sh
After=multi-user.target systemd-user-sessions.service systemd-logind.service
[Service]
ExecStart=/usr/local/sbin/vm-test
StandardOutput=null
StandardError=null
UNIT
  # The disks: nvme0n2 brings a tar with the input, nvme0n3 takes the exit code; the command speaks on the second serial line.
  cat >"$root/usr/local/sbin/vm-test" <<'GUEST'
#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/
tar -C /t -xf /dev/nvme0n2
systemctl is-system-running --wait >/dev/null
systemd-run -q --pipe --wait --collect -p TasksMax=infinity --working-directory=/t --setenv=PATH="$PATH" --setenv=HOME=/ \
  bash ./.command >/dev/ttyS1 2>&1 </dev/null
echo $? | dd of=/dev/nvme0n3 bs=512 conv=sync,fsync,notrunc status=none
systemctl poweroff -ff
GUEST
  chmod 755 "$root/usr/local/sbin/vm-test"
}

image() {
  local root=$home/root
  [ "$(id -u)" = 0 ] || die "cannot make an image: it takes root, for the files' owners"
  rm -rf "$root"
  mkdir "$root"
  copy_files "$root"
  prepare "$root"
  rm -f "$home/disk.img.new"
  truncate -s "$(($(du -sm "$root" | cut -f1) + 600))M" "$home/disk.img.new"
  mkfs.ext4 -q -F -O ^has_journal -m 0 -d "$root" "$home/disk.img.new"
  mv "$home/disk.img.new" "$home/disk.img"
  rm -rf "$root"
}

# ---- run

# An image of a root file system that has no init of its own: this one does what vm-test does under systemd. The input is in
# it, and the console takes the exit code: newer kernels number several disks as they find them.
image_of() { # ROOT TAR IMAGE
  local work=$3.root
  cp -a "$1" "$work"
  mkdir -p "$work"/{proc,sys,dev,run,tmp,t}
  tar -C "$work/t" -xf "$2"
  cat >"$work/init" <<'GUEST'
#!/bin/sh
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
ln -s /proc/self/fd /dev/fd
ifconfig lo 127.0.0.1 up
cd /t
setsid sh ./.command </dev/null >/dev/ttyS0 2>&1
echo "vm.sh: exit code $?" >/dev/console
poweroff -f
GUEST
  chmod 755 "$work/init"
  truncate -s "$(($(du -sm "$work" | cut -f1) + 600))M" "$3"
  mkfs.ext4 -q -F -O ^has_journal -m 0 -d "$work" "$3"
  rm -rf "$work"
}

run() {
  local in='' limit=180 code=0 root='' work
  while [ $# -gt 0 ]; do
    case $1 in
      --in) in=$2 ;;
      --limit) limit=$2 ;;
      --cpu) cpu=$2 ;;
      --root) root=$2 ;;
      --)
        shift
        break
        ;;
      *) die "unknown option $1" ;;
    esac
    shift 2
  done
  [ -n "$(kernel)" ] || die "there is no kernel: vm.sh deps"
  [ -n "$root" ] || [ -e "$home/disk.img" ] || die "there is no image: vm.sh image"
  work=$(mktemp -d "$home/run.XXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$work'" EXIT
  mkdir "$work/in"
  printf '%q ' "$@" >"$work/in/.command"
  tar -C "${in:-$work/in}" -cf "$work/in.tar" .
  tar -C "$work/in" -rf "$work/in.tar" .command
  truncate -s %512 "$work/in.tar"
  truncate -s 64K "$work/out.img"
  if [ -n "$root" ]; then image_of "$root" "$work/in.tar" "$work/disk.img"; else cp --sparse=always "$home/disk.img" "$work/disk.img"; fi
  : >"$work/said"
  tail -f "$work/said" & # what the guest says, as it says it
  local tail=$!
  boot "$work" "$limit" || code=$?
  sleep 0.2 # tail looks once a second without inotify; with it, at once
  kill "$tail" 2>/dev/null || true
  if [ "$code" -ne 0 ]; then
    echo "vm.sh: qemu ended with $code; the last words of the console:" >&2
    tail -n 15 "$work/console" >&2
    exit "$code"
  fi
  code=$(tr -cd 0-9 <"$work/out.img")
  [ -z "$root" ] || code=$(tr -d '\r' <"$work/console" | sed -n 's/.*vm.sh: exit code //p')
  [ -n "$code" ] || die "the guest ended without a result"
  exit "$code"
}

boot() { # WORK LIMIT
  local words="root=/dev/nvme0n1 rw quiet panic=-1 mitigations=off random.trust_cpu=on"
  local -a machine
  if [ "$cpu" = arm64 ]; then
    machine=(qemu-system-aarch64 -machine virt -cpu cortex-a76 -append "console=ttyAMA0 init=/init $words"
      -serial "file:$1/console" -chardev "file,id=said,path=$1/said" -device "pci-serial,chardev=said")
  else
    machine=(qemu-system-x86_64 -cpu max -serial "file:$1/console" -serial "file:$1/said"
      -append "console=ttyS0 $words systemd.unified_cgroup_hierarchy=1 systemd.show_status=0")
  fi
  machine+=(-device "nvme,id=n0,serial=vm")
  disk 1 "$1/disk.img" "cache=unsafe"
  if [ -z "$root" ]; then
    disk 2 "$1/in.tar" "readonly=on"
    disk 3 "$1/out.img" "cache=unsafe"
  fi
  timeout "$2" "${machine[@]}" -accel "tcg,thread=multi" -m 1536 -smp 2 -nodefaults -no-user-config -display none -no-reboot \
    -kernel "$(kernel)"
}

disk() { # NUMBER FILE OPTION: more of `machine`
  machine+=(-drive "file=$2,format=raw,if=none,id=d$1,$3" -device "nvme-ns,drive=d$1,bus=n0,nsid=$1")
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
  deps | image) "$command" "$@" ;;
  run) run "$@" ;;
  *) die "usage: vm.sh deps [arm64] | image | run [--in DIR] [--limit SECONDS] [--root ROOT] [--cpu arm64] -- COMMAND…" ;;
esac

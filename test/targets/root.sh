#!/usr/bin/env bash
# Makes the small root file system that an executable of one target runs in: libc, busybox, and what else it needs. For musl
# that is libstdc++.so.6, which Debian has for glibc only: it is compiled here from Debian's source package of GCC against
# Debian's musl, in some minutes, once. Kept in $SUP_TARGETS_DIR (dist/targets of the checkout).
#
#   root.sh x64|arm64|x64-musl|arm64-musl     as root (packages); answers with the path of the root file system
set -euo pipefail
target=${1:-}
case ${target%-musl} in
  x64) debian=amd64 gnu=x86_64 ;;
  arm64) debian=arm64 gnu=aarch64 ;;
  *)
    echo "usage: root.sh x64|arm64|x64-musl|arm64-musl" >&2
    exit 2
    ;;
esac
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${SUP_TARGETS_DIR:-$here/../../dist/targets}
mkdir -p "$home/$target"
home=$(cd "$home" && pwd)
root=$home/$target/root
work=$home/$target/work
[ ! -e "$root/complete" ] || { echo "$root" && exit 0; }
rm -rf "$root" "$work"
mkdir -p "$work"

die() {
  echo "root.sh: $*" >&2
  exit 2
}

# shellcheck source=test/vm/debs.sh
. "$here/../vm/debs.sh"

main() {
  mkdir -p "$root"/{bin,sbin,lib,usr/bin,usr/sbin,usr/lib,usr/local/bin,etc,proc,sys,dev,run,tmp,root,var/lib,var/log,t}
  case $target in *-musl) musl ;; *) dpkg-deb -x "$(foreign_deb "$debian" libc6)" "$root" ;; esac
  dpkg-deb -x "$(foreign_deb "$debian" busybox-static)" "$work/busybox"
  cp "$work/busybox/bin/busybox" "$root/bin/"
  ln -s busybox "$root/bin/sh" # the others are made by it, where it can run
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
  printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
  rm -rf "${root:?}/usr/share" "$work"
  : >"$root/complete"
  echo "$root"
}

# ---- musl, and libstdc++ for it

gcc=12 # library and compiler must be of one version
triple=$gnu-linux-musl

musl() {
  echo "root.sh: compiling libstdc++ for $triple: some minutes, once" >&2
  packages
  unpack
  compilers
  own_parts
  libstdcxx
  cp "$work/sys/lib/$triple/libc.so" "$root/lib/ld-musl-$gnu.so.1"
  ln -s "ld-musl-$gnu.so.1" "$root/lib/libc.musl-$gnu.so.1"
  ln -s "../../lib/ld-musl-$gnu.so.1" "$root/usr/bin/ldd"
  cp "$work"/libstdc++/src/.libs/libstdc++.so.6.*.* "$root/usr/lib/libstdc++.so.6"
  "$triple-strip" "$root/usr/lib/libstdc++.so.6"
}

packages() {
  local compiler=g++-$gcc
  [ "$debian" = "$(dpkg --print-architecture)" ] || compiler=$compiler-$gnu-linux-gnu
  if ! command -v make >/dev/null || ! dpkg -s "$compiler" >/dev/null 2>&1; then
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$compiler" make xz-utils </dev/null >&2
  fi
}

unpack() {
  local package
  mkdir -p "$work/source" "$work/sys"
  for package in musl musl-dev linux-libc-dev; do dpkg-deb -x "$(foreign_deb "$debian" "$package")" "$work/sys"; done
  ln -sfn "$work/sys/lib/$triple/libc.so" "$work/sys/usr/lib/$triple/libc.so"
  dpkg-deb -x "$(foreign_deb "$(dpkg --print-architecture)" gcc-$gcc-source)" "$work/deb"
  tar -xJf "$work/deb/usr/src/gcc-$gcc"/gcc-$gcc.*.tar.xz -C "$work/source" --strip-components=1 --wildcards \
    '*/libstdc++-v3/*' '*/libgcc/*' '*/include/*' '*/config/*' '*/libiberty/*' '*/ltmain.sh' '*/libtool-ldflags' '*/config*' \
    '*/install-sh' '*/missing' '*/mkinstalldirs' '*/gcc/BASE-VER' '*/gcc/DATESTAMP' '*/gcc/DEV-PHASE' \
    --exclude='*/testsuite/*/*'
}

# A compiler for musl: Debian's for glibc, told where to look. What it links is a program or a library for musl.
compiler() { # gcc|g++
  local own=$gnu-linux-gnu-$1-$gcc lib=$work/sys/usr/lib/$triple builtin
  builtin=$(dirname "$("$own" -print-libgcc-file-name)")
  cat >"$work/bin/$triple-$1" <<END
#!/bin/bash
set -- -nostdinc -isystem $work/sys/usr/include/$triple -isystem $builtin/include -isystem $work/linux "\$@"
[ $1 != g++ ] || set -- -nostdinc++ "\$@"
for word in "\$@"; do
  case \$word in
    -c | -S | -E | -M | -MM | -r | --version | -v | -V | -print-* | -dump*) exec $own "\$@" ;;
    -shared) exec $own -nostdlib -L$lib "\$@" $work/own/libown.a $builtin/libgcc_eh.a $builtin/libgcc.a $work/own/libown.a -lc ;;
  esac
done
exec $own -nostdlib -no-pie -L$lib $lib/crt1.o $lib/crti.o "\$@" -lc $builtin/libgcc.a -lc $lib/crtn.o \
  -Wl,-dynamic-linker,/lib/ld-musl-$gnu.so.1
END
  chmod 755 "$work/bin/$triple-$1"
}

compilers() {
  local tool
  mkdir -p "$work/bin" "$work/linux"
  ln -sfn "$work/sys/usr/include/linux" "$work/linux/linux"
  ln -sfn "$work/sys/usr/include/asm-generic" "$work/linux/asm-generic"
  ln -sfn "$work/sys/usr/include/$gnu-linux-gnu/asm" "$work/linux/asm"
  compiler gcc
  compiler g++
  for tool in ar ranlib nm ld strip objdump as readelf; do
    ln -sf "$(command -v "$gnu-linux-gnu-$tool")" "$work/bin/$triple-$tool"
  done
  export PATH="$work/bin:$PATH"
}

# What Debian's static parts of GCC (the unwinder among them) ask for and musl has not.
own_parts() {
  mkdir -p "$work/own" "$work/libgcc"
  cd "$work/own"
  "$triple-gcc" -O2 -fPIC -c "$here/parts.c" -o parts.o
  "$triple-ar" rc libown.a parts.o
  ln -s "$work/source/libgcc/gthr-posix.h" "$work/libgcc/gthr-default.h" # libstdc++ looks for it where libgcc is built
}

libstdcxx() {
  mkdir -p "$work/libstdc++"
  cd "$work/libstdc++"
  "$work/source/libstdc++-v3/configure" --build="$(uname -m)-linux-gnu" --host="$triple" --prefix=/usr --disable-multilib \
    --enable-clocale=generic --disable-libstdcxx-pch --disable-nls --disable-symvers --disable-libstdcxx-backtrace \
    --disable-static --enable-shared CFLAGS='-O2 -g0' CXXFLAGS='-O2 -g0 -DGTHREAD_USE_WEAK=0' >configure.log 2>&1 ||
    die "cannot configure libstdc++: $(tail -n 5 configure.log); see $PWD/config.log"
  nice make -j"$(nproc)" >make.log 2>&1 || die "cannot build libstdc++: $(tail -n 5 make.log); see $PWD/make.log"
}

main

#!/usr/bin/env bash
# Runs basics.sh with the executable of a release for a target: run.sh x64|arm64|x64-musl|arm64-musl RELEASE. That of this
# machine's CPU runs in a chroot with namespaces of its own, on this kernel; that of another one in a virtual machine.
# SUP_VM_SECONDS (600) is what the virtual machine may take.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=$1
root=$("$here/root.sh" "$target")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/in/release"
gzip -dc "$2/sup-linux-$target.gz" >"$work/in/sup"
cp "$2/sup-linux-$target.gz" "$2/SHA256SUMS" "$2/install.sh" "$work/in/release/"
cp "$here/basics.sh" "$here/../vm/lib.sh" "$work/in/"
case $(uname -m)/$target in
  x86_64/x64* | aarch64/arm64*)
    cp -a "$root" "$work/root"
    "$here/chroot.sh" "$work/root" "$work/in" sh ./basics.sh
    ;;
  *)
    "$here/../vm/vm.sh" deps "${target%-musl}"
    "$here/../vm/vm.sh" run --cpu "${target%-musl}" --root "$root" --in "$work/in" --limit "${SUP_VM_SECONDS:-600}" -- sh ./basics.sh
    ;;
esac

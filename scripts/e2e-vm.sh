#!/bin/sh
# Runs the tests that need cgroup v2 controllers: each test/vm/*.test.sh runs with dist/sup in its own virtual machine
# (test/vm/vm.sh). As root it installs qemu and a kernel from Debian. Arguments select tests: `sh scripts/e2e-vm.sh limits` runs
# test/vm/limits.test.sh. SUP_VM_SECONDS (420) is the time limit of each test.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
sh scripts/build.sh --if-changed
test/vm/vm.sh deps
[ -e "${SUP_VM_DIR:-dist/vm}/disk.img" ] || test/vm/vm.sh image

[ $# -gt 0 ] || set -- test/vm/*.test.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$work/in"
cp dist/sup test/vm/*.sh "$work/in/"

. scripts/tally.sh

for name in "$@"; do
  name=$(basename "$name" .test.sh)
  echo "== $name"
  tally "$work/log" test/vm/vm.sh run --in "$work/in" --limit "${SUP_VM_SECONDS:-420}" -- bash "./$name.test.sh"
done
closing

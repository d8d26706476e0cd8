# What the other tests build upon: systemd, pure cgroup v2, and a sup that works as a system service's process would.
# shellcheck shell=bash source=test/vm/lib.sh
. ./lib.sh

check "cgroup v2 alone is mounted" test "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs
check "it has the controllers" grep -q 'cpu .*memory .*pids' /sys/fs/cgroup/cgroup.controllers
check "the executable runs" sup version

mkdir -p /etc/sup/units
cat >/etc/sup/units/web.unit.json <<'UNIT'
{ "enabled": true, "command": "sleep", "args": ["1000"] }
UNIT
systemd-run -q --unit daemon -p Delegate=yes -p Type=notify /usr/local/bin/sup daemon
check "a delegated service of systemd runs units" until_true 60 state_is web running
pid=$(pid_of web)
check "each run has a cgroup of its own" grep -q '/daemon.service/sup-.*/web\.' "/proc/$pid/cgroup"
systemctl stop daemon
check "and stops them" test ! -e "/proc/$pid"
done_with

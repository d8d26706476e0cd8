# `enforce`: the kernel holds runs to memory.max, cpu.max and pids.max, under a sup that systemd runs, also after it was killed.
# shellcheck shell=bash source=test/vm/lib.sh
. ./lib.sh

mkdir -p /etc/sup/units
unit() { # NAME LIMITS SCRIPT
  cat >"/etc/sup/units/$1.unit.json" <<UNIT
{ "enabled": true, "command": "sh", "args": ["-c", "$3"],
  "restart_policy": { "retry_delay": 1, "max_retries": 1000 },
  "resource_limits": { "action": "enforce", $2 } }
UNIT
}
# It grows when it is told to, once: what comes after that run is at peace.
unit hog '"max_memory_mb": 48' \
  "while [ ! -e /run/grow ]; do sleep 0.3; done; rm /run/grow; exec awk 'BEGIN { s = \\\"0123456789abcdef\\\"; while (1) s = s s }'"
unit busy '"max_cpu_percent": 20' "while :; do :; done"
unit forks '"max_tasks": 4' \
  "while :; do (for i in 1 2 3 4 5 6; do sleep 5 & done; wait) 2>&1; sleep 1; done"

group_of() { sed -n 's/^0:://p' "/proc/$(pid_of "$1")/cgroup" | sed 's#^#/sys/fs/cgroup#'; }
holds() { # UNIT FILE TEXT
  local now
  now=$(cat "$(group_of "$1")/$2") || return
  [ "$now" = "$3" ] || { echo "$2 of $1 holds $now, not $3"; return 1; }
}
all_hold() {
  holds hog memory.max 50331648 && holds hog memory.oom.group 1 && holds busy cpu.max '20000 100000' && holds forks pids.max 4
}
counts() { # UNIT FILE FIELD: is above zero
  awk -v field="$3" '$1 == field && $2 > 0 { found = 1 } END { exit !found }' "$(group_of "$1")/$2" || { cat "$(group_of "$1")/$2"; return 1; }
}
cpu_us() { awk '$1 == "usage_usec" { print $2 }' "$(group_of busy)/cpu.stat"; }
# Of one core over some seconds; a group may run ahead by one period of 100 ms.
takes_a_fifth() {
  local from began took share
  from=$(cpu_us) began=$(date +%s%N)
  sleep 4
  took=$(($(date +%s%N) - began))
  share=$((($(cpu_us) - from) * 100000 / took))
  echo "busy took $share % of a core"
  [ "$share" -le 26 ] && [ "$share" -ge 5 ]
}
says() { # COMMAND… -- WORDS
  local said words=${*: -1}
  said=$("${@:1:$#-1}" 2>&1)
  case $said in *"$words"*) ;; *) echo "it does not say \"$words\": $said"; return 1 ;; esac
}
other_pid() { [ -n "$(pid_of "$1")" ] && [ "$(pid_of "$1")" != "$2" ]; }
sup_pid() { systemctl show -p MainPID --value sup; }
new_sup() { [ "$(sup_pid)" != 0 ] && [ "$(sup_pid)" != "$1" ] && sup status; }

check "it is installed" sup install-service
check "sup runs as a service of systemd" until_true 60 state_is forks running
[ "$failures" -eq 0 ] || exit 1 # nothing else can be
check "the groups of runs have their limits" until_true 30 all_hold
check "sup has moved out of the way" test -n "$(grep -o 'sup.service/sup-.*\.daemon$' "/proc/$(sup_pid)/cgroup")"
check "explain says who enforces memory" says sup explain hog "memory.max"
check "and CPU" says sup explain busy "cpu.max"
check "and tasks" says sup explain forks "pids.max"
check "cpu.max throttles" until_true 30 counts busy cpu.stat nr_throttled
check "to what the unit says" takes_a_fifth
check "pids.max refuses forks" until_true 60 counts forks pids.events max

hog=$(pid_of hog)
touch /run/grow
check "memory.max ends the run that grows, and it is restarted" until_true 90 other_pid hog "$hog"
check "with the reason oom-kill" until_true 30 says sup events hog --json "oom-kill"
check "the next run is held, too" until_true 30 holds hog memory.max 50331648

daemon=$(sup_pid) busy=$(pid_of busy) hog=$(pid_of hog)
kill -9 "$daemon"
check "killed, sup is started again by systemd" until_true 90 new_sup "$daemon"
check "its units have gone on" test "$(pid_of busy) $(pid_of hog)" = "$busy $hog"
check "their limits are in force again" until_true 60 all_hold
check "the CPU is throttled again" takes_a_fifth
touch /run/grow
check "memory.max ends an adopted run" until_true 90 other_pid hog "$hog"
check "its run had the reason oom-kill" test "$(sup events hog --json | grep -o 'oom-kill' | wc -l)" -ge 2

sed -i 's/"max_cpu_percent": 20/"max_cpu_percent": 40/' /etc/sup/units/busy.unit.json
sup reload >/dev/null
check "a reload changes the limit of the run that lives" until_true 30 holds busy cpu.max '40000 100000'
check "without a restart" test "$(pid_of busy)" = "$busy"
systemctl stop sup
check "a stop ends everything" test ! -e "/proc/$busy"
done_with

# What every build of sup must do, wherever it runs: start, stop, restart, checks, logs byte for byte, and what outlives the
# daemon. POSIX sh and busybox are all it needs.
# shellcheck shell=sh source=test/vm/lib.sh
. ./lib.sh

export SUP_HOME=/var/lib/sup-test
mkdir -p "$SUP_HOME/units"
echo '{ "api": { "port": 7870 } }' >"$SUP_HOME/sup.json"
unit() { cat >"$SUP_HOME/units/$1.unit.json"; } # NAME, with the text on standard input
logs=$SUP_HOME/logs
page=http://127.0.0.1:7870

says() { # WORDS COMMAND…
  expected=$1
  shift
  output=$("$@" 2>&1)
  case $output in *"$expected"*) ;; *) echo "it does not say \"$expected\": $output"; return 1 ;; esac
}
code_is() { # CODE COMMAND…
  wanted=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" = "$wanted" ] || { echo "the exit code is $code, not $wanted"; return 1; }
}
alive() { [ -e "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"; }
gone() { ! alive "$1"; }
daemon_pid() { sup daemon status --json | tr -d ' \n' | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'; }
differs() { [ -n "$2" ] && [ "$1" != "$2" ]; }
field_is() { # UNIT KEY VALUE
  value=$(field "$1" "$2")
  [ "$value" = "$3" ] || { echo "$2 of $1 is $value, not $3"; return 1; }
}

# ---- the installer

installs() { SUP_BASE_URL=/t/release sh release/install.sh --yes --dir /opt/sup; }
library=/usr/lib/libstdc++.so.6
if [ -e "$library" ]; then # with musl
  mv "$library" /tmp/aside
  check "without libstdc++ the installer says what to do" says "apk add libstdc++" installs
  check "and installs nothing" test ! -e /opt/sup
  mv /tmp/aside "$library"
fi
check "the installer knows this machine" installs
check "what it installs runs" says "sup " /opt/sup/sup version

# ---- without a daemon

check "it says its version" says "sup " sup version
check "the quick commands answer without a daemon" code_is 5 sup is-active web
check "completion is printed" says "complete -F _sup sup" sup completion bash
check "a unit file is verified" says "web" sh -c 'echo "{ \"command\": 1 }" >/tmp/web.unit.json; sup verify /tmp/web.unit.json'

# ---- a daemon and its units

unit web <<'UNIT'
{ "enabled": true, "shell": true, "command": "exec sup demo-web 8099",
  "health_check": { "type": "http", "endpoint": "http://127.0.0.1:8099/healthz", "interval": 1, "action": "none" } }
UNIT
unit crash <<'UNIT'
{ "enabled": true, "command": "sh", "args": ["-c", "exit 3"], "restart_policy": { "retry_delay": 300 } }
UNIT
unit killed <<'UNIT'
{ "enabled": true, "command": "sh", "args": ["-c", "kill -SEGV $$"], "auto_restart": false }
UNIT
unit missing <<'UNIT'
{ "enabled": true, "command": "/no/such/program", "auto_restart": false }
UNIT
unit tree <<'UNIT'
{ "command": "sh", "args": ["-c", "setsid sh -c 'sleep 7001 & sleep 7002' & sleep 7003"] }
UNIT
unit identity <<'UNIT'
{ "command": "sh", "args": ["-c", "echo $(id -u) $(id -g) $(umask) $(ulimit -n) $(cut -d' ' -f19 /proc/$$/stat); exec sleep 7004"],
  "user": "nobody", "umask": "027", "nice": 5, "limits": { "nofile": 333 } }
UNIT
unit nested <<'UNIT'
{ "type": "notify", "command": "sup", "args": ["daemon"],
  "environment": { "SUP_HOME": "/var/lib/sup-nested" } }
UNIT
mkdir -p /var/lib/sup-nested
echo '{ "api": { "enabled": false } }' >/var/lib/sup-nested/sup.json
unit socket <<'UNIT'
{ "command": "sh", "args": ["-c", "echo $LISTEN_FDS $((LISTEN_PID - $$)) $(readlink /proc/$$/fd/3 | cut -d: -f1); exec sleep 7005"],
  "sockets": [{ "name": "http", "listen": "127.0.0.1:8098" }] }
UNIT
mkdir -p /tmp/input
{ seq 1 150000; head -c 2000000 /dev/urandom; printf 'a\0b\n\377\n'; seq 1 900000; } >/tmp/input/raw
unit raw <<'UNIT'
{ "type": "oneshot", "command": "cat", "args": ["/tmp/input/raw"], "log": { "format": "raw", "max_size_mb": 100 } }
UNIT
unit cri <<'UNIT'
{ "type": "oneshot", "command": "seq", "args": ["1", "600000"], "log": { "max_size_mb": 100 } }
UNIT
unit rotated <<'UNIT'
{ "type": "oneshot", "command": "seq", "args": ["1", "100000"], "log": { "max_size_mb": 1, "keep": 20 } }
UNIT
unit leaves <<'UNIT'
{ "command": "sh", "args": ["-c", "while [ ! -e /tmp/leave ]; do sleep 0.2; done; echo last words; exit 7"],
  "auto_restart": false }
UNIT
unit writer <<'UNIT'
{ "command": "sh", "args": ["-c", "i=0; while :; do i=$((i + 1)); echo line $i; [ $((i %% 50)) != 0 ] || sleep 0.1; done"],
  "log": { "max_size_mb": 100 } }
UNIT
rm -f /tmp/leave

check "a daemon starts in the background" says "started (pid" sup daemon start
sup daemon status >/dev/null || exit 1 # nothing else can be
check "an enabled unit runs once its http check has passed" until_true 60 state_is web running
check "and is healthy" field_is web health healthy
check "its run is born in a cgroup of its own" field_is web containment cgroup
check "a crash leads to back-off" until_true 30 state_is crash backoff
check "with its exit code" field_is crash exit_code 3
check "a death by a signal is told by its name" until_true 30 says SIGSEGV sup status killed
check "a command that does not exist is told as that" says "no such file" sup status missing
check "a command that is there ran (no false report)" says "exit code 3" sup events crash

pid=$(pid_of web)
check "restart gives a new process" sup restart web
check "which is another" differs "$pid" "$(pid_of web)"
pid=$(pid_of web)
check "stop ends it" sup stop web
check "so that it is gone" gone "$pid"
check "start starts it again" sup start web
pid=$(pid_of web)
wget -q -O /dev/null --post-data= http://127.0.0.1:8099/crash
came_back() { state_is web running && differs "$pid" "$(pid_of web)" && [ "$(field web restart_count)" -ge 1 ]; }
check "after a crash it comes back by itself" until_true 60 came_back

sup start tree >/dev/null
until_true 20 sh -c "ps -o args | grep -q '[s]leep 7002'"
sup stop tree >/dev/null
check "stop ends the whole tree, and who made a session of his own" code_is 1 sh -c "ps -o args | grep '[s]leep 700[123]'"

sup start identity >/dev/null
check "user, group, umask, limits and nice are set before the start" until_true 20 \
  says "65534 65534 0027 333 5" sup logs identity --bare

sup start nested >/dev/null
check "a notify unit runs once it says so: READY=1 of a daemon in a daemon" until_true 60 state_is nested running
check "that daemon answers" env SUP_HOME=/var/lib/sup-nested sup daemon status

sup start socket >/dev/null
check "a socket is handed over as descriptor 3, to exactly this process" until_true 20 says "1 0 socket" sup logs socket --bare
# Nobody accepts: what connects waits until its time is over.
check "and takes connections before anybody accepts" code_is 143 sh -c 'sleep 3 | timeout 2 nc 127.0.0.1 8098'

# ---- the page and the API

check "health is public" says ok wget -q -O - "$page/healthz"
check "the page is served" says "<title>" wget -q -O - "$page/"
check "the API refuses strangers" says 401 wget -O - "$page/api/supervisor/status"
check "and answers who has the token" says '"services"' \
  wget -q -O - --header "Authorization: Bearer $(sup token)" "$page/api/supervisor/status"
check "metrics have figures of the process" until_true 30 says 'sup_' \
  wget -q -O - --header "Authorization: Bearer $(sup token)" "$page/metrics"
check "memory is measured" until_true 30 differs null "$(until_true 30 sh -c '! sup status web --json | grep -q "\"memory_mb\":null"'; field web memory_mb)"
check "events are in the store" says "exit code 3" sup events crash
check "doctor runs" sh -c 'sup doctor; [ $? -le 1 ]'

# ---- logs

sup start raw cri rotated >/dev/null
check "raw output is kept byte for byte, binary too" until_true 60 cmp /tmp/input/raw "$logs/raw.log"
all_lines() { # of seq 1 600000, each stamped, in order
  awk '$2 != "stdout" || $3 != "F" || $4 != NR { bad = 1; exit } END { print NR; exit bad || NR != 600000 }' "$logs/cri.log"
}
check "600,000 stamped lines are all there, in order" until_true 60 all_lines
rotated_lines() {
  ls "$logs"/rotated.log.* >/dev/null && sup logs rotated -n 100000 --bare | awk '$1 != NR { bad = 1; exit } END { print NR; exit bad || NR != 100000 }'
}
check "rotated and compressed lines are read back" until_true 60 rotated_lines

# ---- what outlives the daemon

sup start writer leaves >/dev/null
until_true 20 state_is writer running
web=$(pid_of web) writer=$(pid_of writer) leaves=$(pid_of leaves) before=$(daemon_pid)
kill -9 "$before"
check "the daemon was killed" until_true 20 gone "$before"
check "its services go on" alive "$web"
touch /tmp/leave
check "one of them ends meanwhile" until_true 20 gone "$leaves"
check "another daemon starts" says "started (pid" sup daemon start
check "it has taken over what ran" test "$(pid_of web) $(pid_of writer)" = "$web $writer"
check "the last words of what ended are in its log" says "last words" sup logs leaves --bare
ended_with() {
  if [ -n "$(remembers)" ]; then field_is leaves exit_code 7; else state_is leaves failed || state_is leaves stopped; fi
}
# Linux 6.15 and later can say how a stranger's process has ended.
remembers() { uname -r | awk -F. '$1 > 6 || ($1 == 6 && $2 >= 15) { print "yes" }'; }
check "how it ended is known (Linux 6.15), or told as unknown" until_true 20 ended_with

pid=$(daemon_pid)
start_time() { sup daemon status --json | tr -d ' \n' | sed -n 's/.*"start_time":"\([^"]*\).*/\1/p'; }
renewed() { differs "$started" "$(start_time)"; }
started=$(start_time)
sup daemon reexec >/dev/null 2>&1 # its own limit of 20 s may be too short for a virtual machine
check "the daemon renews itself" until_true 90 renewed
check "with the same pid" test "$(daemon_pid)" = "$pid"
check "and its services go on" test "$(pid_of web) $(pid_of writer)" = "$web $writer"
check "a new start works after it" sup restart nested

# Killed again and again while a service writes: no line is lost, none is there twice, no service dies.
for round in 1 2 3 4 5; do
  kill -9 "$(daemon_pid)"
  [ "$round" != 3 ] || sleep 1
  sup daemon start >/dev/null 2>&1
  [ "$round" != 4 ] || sup daemon reexec >/dev/null 2>&1
done
check "killed five times more, the writer is the same process" test "$(pid_of writer)" = "$writer"
lines=$(wc -l <"$logs/writer.log")
check "it goes on writing into its log" until_true 30 sh -c "[ \"\$(wc -l <$logs/writer.log)\" -gt $lines ]"
sup stop writer >/dev/null
unbroken() { awk '$4 != "line" || $5 != NR { print NR ": " $0; bad = 1; exit } END { print NR; exit bad || NR < 1000 }' "$logs/writer.log"; }
check "of what it wrote each line is there once" unbroken

check "the daemon never missed its keeper or its C functions" code_is 1 grep -E 'will not be known|cannot compile' "$logs/sup.log"

# ---- the end

pids="$(pid_of web) $(pid_of socket) $(daemon_pid)"
check "the daemon stops" sup daemon stop
all_gone() { for pid in $pids; do gone "$pid" || { ps; return 1; }; done; }
check "and nothing of it is left" all_gone
check "no keeper either" until_true 20 code_is 1 sh -c "ps -o args | grep '[s]up-keeper'"
done_with

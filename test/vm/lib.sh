# Sourced by the tests that run inside the virtual machine, as root, in a directory with the executable: checks, and waiting.
# shellcheck shell=bash
set -u
export NO_COLOR=1
failures=0
install -m 755 sup /usr/local/bin/sup

check() { # WORDS COMMAND…: PASS or FAIL
  local words=$1 said
  shift
  if said=$("$@" 2>&1); then
    echo "PASS $words"
  else
    echo "FAIL $words"
    echo "$said" | tail -n 20 | sed 's/^/     /'
    failures=$((failures + 1))
  fi
}

until_true() { # SECONDS COMMAND…: the only polling, for what tells nobody
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      "$@" # once more, for what it says
      return
    fi
    sleep 0.2
  done
}

state_is() { # UNIT STATE
  local now
  now=$(sup status "$1" --json | tr -d ' \n' | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p')
  [ "$now" = "$2" ] || { echo "$1 is $now, not $2"; return 1; }
}

pid_of() { sup status "$1" --json | tr -d ' \n' | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'; }

done_with() { # the exit code of the test
  [ "$failures" -eq 0 ]
}

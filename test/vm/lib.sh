# Sourced by the tests that run inside a virtual machine or a root file system of their own, as root, in a directory with the
# executable: checks, and waiting. POSIX, for busybox.
# shellcheck shell=sh
set -u
export NO_COLOR=1
failures=0
mkdir -p /usr/local/bin
cp sup /usr/local/bin/sup
chmod 755 /usr/local/bin/sup

check() { # WORDS COMMAND…: PASS or FAIL
  words=$1
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
  end=$(($(date +%s) + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$(date +%s)" -ge "$end" ]; then
      "$@" # once more, for what it says
      return
    fi
    sleep 0.2
  done
}

# A word or number of a unit's status, by its key. The first of this name: events and processes follow, and have pids too.
field() { # UNIT KEY
  sup status "$1" --json | tr -d ' \n' | tr '{,' '\n\n' | sed -n "s/^\"$2\":\"\{0,1\}\([^\"}]*\).*/\1/p" | sed -n 1p
}

state_is() { # UNIT STATE
  now=$(field "$1" state)
  [ "$now" = "$2" ] || { echo "$1 is $now, not $2"; return 1; }
}

pid_of() { field "$1" pid; }

done_with() { # the exit code of the test
  [ "$failures" -eq 0 ]
}

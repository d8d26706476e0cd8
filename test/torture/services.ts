import type { UnitFile } from "../harness/services.ts";

const sh = (script: string, more: UnitFile = {}): UnitFile => ({ enabled: true, command: "/bin/sh", args: ["-c", script], ...more });
const forEver = { max_retries: -1, retry_delay: 0.05, backoff_multiplier: 1 };

/** Writes numbered lines without end, in bursts at full speed; one process for the whole torture. */
const WRITER = 'BEGIN { for (i = 1; ; i++) { print "line " i; if (i %% 20000 == 0) { fflush(); system("sleep 0.05") } } }';

/** The same with an end: once the file `gate` exists, it writes the number of its lines to `total` and exits. */
const COUNTER = `BEGIN { for (i = 1; ; i++) { print "line " i; if (i %% 20000 == 0) { fflush(); if (system("sleep 0.05; test -e %S/gate") == 0) { print i >"%S/total"; exit } } } }`;

/** The services, each difficult for a supervisor in its own way. */
export const services: Readonly<Record<string, UnitFile>> = {
  writer: { enabled: true, command: "awk", args: [WRITER], log: { max_size_mb: 20, keep: 1000, compress: false } },
  limited: { enabled: true, command: "awk", args: [COUNTER], log: { max_size_mb: 20, keep: 1000, compress: false, rate_limit: 1_000_000 } },
  looper: sh('echo "$SUP_INVOCATION_ID" >>"$RUNS"; sleep 0.03; echo "last words of $SUP_INVOCATION_ID"; exit 3', {
    restart_policy: forEver,
    environment: { RUNS: "%S/runs" },
  }),
  daemons: sh("setsid sleep 1000 & (setsid sh -c 'sleep 1000 & sleep 1000' &) ; exec sleep 1000"),
  forking: sh("setsid sleep 1000 & (sleep 1000 &) ; sleep 0.4; exit 1", { restart_policy: forEver }),
  family: sh("sh -c 'sh -c \"sleep 1000 & wait\" & wait' & wait"),
  checked: sh("exec sleep 1000", { health_check: { type: "exec", command: "/bin/true", interval: 1 } }),
  base: sh("exec sleep 1000", { priority: 1 }),
  needs: sh("exec sleep 1000", { dependencies: ["base"] }),
  once: sh("echo done", { type: "oneshot", remain_after_exit: true }),
  halted: sh("exec sleep 1000"),
};

/** Units whose main process must stay the same from beginning to end, whatever happens to sup. */
export const STEADY = ["writer", "daemons", "family", "checked", "base", "needs"] as const;

import { describeExit } from "../../base/exit.ts";
import { formatDuration } from "../../base/duration.ts";
import { SIGNALS } from "../../base/signals.ts";
import { isSuccess, noteStart } from "./restart.ts";
import type { Effect } from "./effects.ts";
import type { UnitEvent } from "./events.ts";
import { exitDetails, tell, type Outcome, type Situation } from "./outcome.ts";
import type { Cause, Ending, Env, Unit } from "./record.ts";
import { settle } from "./settle.ts";

/**
 * The moves of the unit machine: each takes a unit and an event and gives the unit after it, with what is to be done.
 * They decide and never act. `table.ts` says which move belongs to which phase and event.
 */
export type Move<E extends UnitEvent = UnitEvent> = (situation: Situation, event: E) => Outcome;
type Of<T extends UnitEvent["type"]> = Extract<UnitEvent, { type: T }>;

const KILL_AGAIN_MS = 5_000;
const HOOK_GUARD_MS = 5_000;

/** Nothing changes. */
const same = ({ unit }: Situation): Outcome => ({ unit, effects: [] });

/** A start from rest, or one that does not wait for the back-off: the count of retries begins anew. */
export const wantUp: Move<Of<"start"> | Of<"restart">> = ({ unit }, event) => ({
  unit: {
    ...unit,
    phase: "waiting",
    want: "up",
    cause: event.cause,
    reason: event.cause,
    due: null,
    ending: null,
    ledger: { ...unit.ledger, retries: 0 },
    restarting: event.type === "restart" && unit.run > 0,
    succeeded: false,
  },
  effects: [],
});

/** A start of what is already coming or up: only an open stop is taken back. */
export const keepUp: Move<Of<"start">> = ({ unit }, event) => ({
  unit: unit.want === "up" ? unit : { ...unit, want: "up", cause: event.cause, reason: event.cause },
  effects: [],
});

/** The stop is recorded; the world lets it go on when no dependent is in the way. */
export const holdStop: Move<Of<"stop">> = ({ unit }, event) => ({ unit: { ...unit, want: "down", cause: event.cause }, effects: [] });

export const cancel: Move<Of<"stop">> = ({ unit }, event) => ({
  unit: { ...unit, phase: "idle", want: "down", cause: event.cause, reason: event.cause, due: null, restarting: false },
  effects: [tell("stopped", `stopped before it started again (${event.cause})`, { reason: event.cause })],
});

/** `sup stop` of a unit that has failed: nothing to stop, but it must not come back by `fatal_retry_after`. */
export const stayDown: Move<Of<"stop">> = ({ unit }, event) => ({
  unit: { ...unit, want: "down", cause: event.cause, due: null },
  effects: [],
});

export const launch: Move<Of<"clear">> = (situation) => {
  const { unit, spec, env } = situation;
  const run = Math.max(unit.run, unit.earlierRuns) + 1;
  const begun: Unit = {
    ...unit,
    run,
    process: null,
    ending: null,
    execAtMs: null,
    readyAtMs: null,
    statusText: null,
    due: null,
    succeeded: false,
    restarts: unit.restarts + (unit.restarting ? 1 : 0),
    restartedAtMs: unit.restarting ? env.nowMs : unit.restartedAtMs,
    restarting: false,
    ledger: noteStart(unit.ledger, env.nowMs),
  };
  const hooks = spec.preStart;
  if (hooks.length === 0) return execute({ ...situation, unit: begun });
  const timeout = hooks.reduce((sum, hook) => sum + hook.timeoutMs, HOOK_GUARD_MS);
  return {
    unit: { ...begun, phase: "preparing", due: { atMs: env.nowMs + timeout, why: "hook-timeout" } },
    effects: [tell("starting", "running pre_start", { run }), { type: "prepare", run }],
  };
};

export const prepared: Move<Of<"prepared">> = (situation, event) => {
  if (event.failure === null) return execute(situation);
  return sweep(situation, ending({ by: "hook", detail: event.failure }));
};

function execute({ unit, spec, env }: Situation): Outcome {
  const due = spec.startTimeoutMs === null ? null : ({ atMs: env.nowMs + spec.startTimeoutMs, why: "start-timeout" } as const);
  return { unit: { ...unit, phase: "starting", due }, effects: [{ type: "spawn", run: unit.run }] };
}

/** Exec has happened. Ready at once, unless readiness is asked of a check or of the service itself. */
export const spawned: Move<Of<"spawned">> = (situation, event) => {
  const { unit, spec, env } = situation;
  const alive: Unit = { ...unit, process: event.process, execAtMs: env.nowMs };
  // Whoever asks for a start leaves the reason; after a retry it is still how the last run ended.
  const cause = unit.reason === unit.cause ? unit.cause : "policy";
  const said = tell("started", `started, pid ${event.process.pid}`, { run: unit.run, pid: event.process.pid, cause });
  if (spec.check !== null || spec.type === "notify") return { unit: alive, effects: [said] };
  const up = becomeReady({ ...situation, unit: alive });
  return { unit: up.unit, effects: [said, ...up.effects] };
};

/** The stop came between the request to execute and its result: the signal is sent already, in the same order. */
export const spawnedLate: Move<Of<"spawned">> = ({ unit, env }, event) => ({
  unit: { ...unit, process: event.process, execAtMs: env.nowMs },
  effects: [],
});

export const becomeReady = ({ unit, spec, env }: Situation): Outcome => {
  const took = env.nowMs - (unit.execAtMs ?? env.nowMs);
  return {
    unit: { ...unit, phase: "running", due: runLimit(unit, spec), reason: unit.cause, readyAtMs: env.nowMs },
    effects: [
      tell("running", `running, ready after ${formatDuration(took)}`, {
        run: unit.run,
        pid: unit.process?.pid ?? null,
        after_ms: Math.round(took),
      }),
    ],
  };
};

/** A oneshot's start is over when it is done: what its file gives it for the start, it has for the whole run. */
const runLimit = (unit: Unit, spec: Situation["spec"]): Unit["due"] =>
  spec.type === "oneshot" && spec.startTimeoutMs !== null && unit.execAtMs !== null
    ? { atMs: unit.execAtMs + spec.startTimeoutMs, why: "start-timeout" }
    : null;

export const spawnFailed: Move<Of<"spawnFailed">> = (situation, event) => {
  const { failure } = event;
  const end = ending({ by: failure.resources ? "shortage" : "spawn", detail: failure.message });
  const outcome = sweep(situation, end);
  return { ...outcome, effects: [tell("start-failed", failure.message, { run: event.run, stage: failure.stage }), ...outcome.effects] };
};

/** The main process ended; what it left behind is ended before anything else happens. */
export const mainExited: Move<Of<"exited">> = (situation, event) => {
  const { unit, spec } = situation;
  const words = describeExit(event.exit);
  const already = unit.ending?.by === "quit" ? null : unit.ending;
  const success = isSuccess(spec.restart, { by: "exit", exit: event.exit });
  // Only who is asked for more than to be executed is still `starting`: a check, or READY=1.
  const early = success && unit.phase === "starting" && spec.type !== "oneshot";
  const own = ending({ by: early ? "protocol" : "exit", exit: event.exit, detail: early ? `${words} before it was ready` : words });
  const end = already ? { ...already, exit: event.exit } : own;
  const outcome = sweep(situation, end);
  const details = { run: unit.run, ...exitDetails(event.exit), success: success && !early, expected: already !== null };
  return { ...outcome, effects: [tell("exited", words, details), ...outcome.effects] };
};

function sweep({ unit, spec, env }: Situation, end: Ending): Outcome {
  const going = unit.phase === "stopping" || unit.phase === "killing";
  const due = going && unit.due !== null ? unit.due : { atMs: env.nowMs + spec.stop.timeoutMs, why: "stop-timeout" as const };
  return {
    unit: { ...unit, phase: "cleaning", process: null, due, ending: withTime(unit, end, env) },
    effects: [{ type: "sweep", run: unit.run, signal: leftoverSignal(unit, spec) }],
  };
}

/**
 * What the processes get that outlived the main one: with `group` the stop signal, unless they had it already; with
 * `mixed` SIGKILL; with `process` nothing (0). Whatever is left at the deadline gets SIGKILL in any case.
 */
function leftoverSignal(unit: Unit, spec: Situation["spec"]): number {
  const { graceful, killMode, signal } = spec.stop;
  if (!graceful || unit.phase === "killing" || killMode === "mixed") return SIGNALS.SIGKILL;
  const had = unit.phase === "stopping" && unit.ending?.by !== "quit";
  return killMode === "process" || had ? 0 : signal;
}

/** Sends the stop signal (or SIGKILL, when a graceful stop is disabled) for the reason given. */
function stopFor(situation: Situation, end: Ending): Outcome {
  const { unit, spec, env } = situation;
  const said = tell("stopping", `stopping: ${end.detail}`, {
    run: unit.run,
    reason: end.by === "stop" || end.by === "restart" ? end.cause : end.by,
  });
  const ended = { ...unit, ending: withTime(unit, end, env) };
  if (!spec.stop.graceful) {
    const due = { atMs: env.nowMs + KILL_AGAIN_MS, why: "kill-again" } as const;
    return { unit: { ...ended, phase: "killing", due }, effects: [said, { type: "kill", run: unit.run }] };
  }
  const due = { atMs: env.nowMs + spec.stop.timeoutMs, why: "stop-timeout" } as const;
  // Who hangs is asked for a core dump, as systemd does it (WatchdogSignal=).
  const number = end.by === "watchdog" ? SIGNALS.SIGABRT : spec.stop.signal;
  const signal: Effect = { type: "signal", run: unit.run, signal: number, mode: spec.stop.killMode };
  return { unit: { ...ended, phase: "stopping", due }, effects: [said, signal] };
}

const withTime = (unit: Unit, end: Ending, env: Env): Ending => ({
  ...end,
  ranMs: end.ranMs ?? (unit.readyAtMs === null ? null : env.nowMs - unit.readyAtMs),
});

const ending = (part: Partial<Ending> & Pick<Ending, "by" | "detail">): Ending => ({
  cause: "none",
  exit: null,
  killed: [],
  ranMs: null,
  ...part,
});

export const released: Move<Of<"release">> = (situation) => {
  if (situation.unit.want === "up") return same(situation);
  return stopFor(situation, ending({ by: "stop", cause: situation.unit.cause, detail: askedBy(situation.unit.cause) }));
};

/** pre_start runs: nobody depends on the unit yet, so the stop goes ahead at once. */
export const stopNow: Move<Of<"stop">> = (situation, event) =>
  stopFor(
    { ...situation, unit: { ...situation.unit, want: "down", cause: event.cause } },
    ending({ by: "stop", cause: event.cause, detail: askedBy(event.cause) }),
  );

export const restartNow: Move<Of<"restart">> = (situation, event) =>
  stopFor(
    { ...situation, unit: { ...situation.unit, want: "up", cause: event.cause, ledger: askedAnew(situation.unit, event.cause) } },
    ending({ by: "restart", cause: event.cause, detail: `restart, ${askedBy(event.cause)}` }),
  );

/** The operator's start or restart begins a new count. */
const askedAnew = (unit: Unit, cause: Cause): Unit["ledger"] => (cause === "operator" ? { ...unit.ledger, retries: 0 } : unit.ledger);

const ASKED: { readonly [C in Cause]?: string } = {
  operator: "asked by the operator",
  dependency: "a dependency restarts",
  watch: "a watched file changed",
  schedule: "its next run is due",
  reload: "its unit file changed",
};
const askedBy = (cause: Cause): string => ASKED[cause] ?? cause;

export const condemned: Move<Of<"condemned">> = (situation, event) => {
  const outcome = stopFor(situation, ending({ by: event.by, detail: event.detail }));
  return { ...outcome, effects: [tell("unhealthy", event.detail, { run: event.run, by: event.by }), ...outcome.effects] };
};

export const notReadyInTime: Move<Of<"due">> = (situation) => {
  const { unit, spec } = situation;
  const words = `not ${unit.phase === "starting" ? "ready" : "done"} within ${formatDuration(spec.startTimeoutMs ?? 0)}`;
  const outcome = stopFor(situation, ending({ by: "timeout", detail: words }));
  return { ...outcome, effects: [tell("start-failed", words, { run: unit.run, stage: "ready" }), ...outcome.effects] };
};

export const hookOverdue: Move<Of<"due">> = (situation) =>
  stopFor(situation, ending({ by: "hook", detail: "pre_start did not end in time" }));

export const kill: Move<Of<"due">> = ({ unit, spec, env }) => {
  const words = `did not stop within ${formatDuration(spec.stop.timeoutMs)}`;
  const end: Unit["ending"] = unit.ending?.by === "quit" ? { ...unit.ending, by: "timeout", detail: words } : unit.ending;
  return {
    unit: { ...unit, phase: "killing", ending: end, due: { atMs: env.nowMs + KILL_AGAIN_MS, why: "kill-again" } },
    effects: [tell("killed", `${words}: SIGKILL`, { run: unit.run }), { type: "kill", run: unit.run }],
  };
};

export const killAgain: Move<Of<"due">> = ({ unit, env }) => ({
  unit: { ...unit, due: { atMs: env.nowMs + KILL_AGAIN_MS, why: "kill-again" } },
  effects: [{ type: "kill", run: unit.run }],
});

/** What the main process left behind did not go in time. */
export const killLeftovers: Move<Of<"due">> = killAgain;

/** The pre_start commands were ended by the stop. */
export const preparedLate: Move<Of<"prepared">> = (situation) =>
  sweep(situation, situation.unit.ending ?? ending({ by: "stop", detail: "" }));

/** While it stops: the operator wants it down after all. */
export const stopInstead: Move<Of<"stop">> = ({ unit }, event) => ({ unit: { ...unit, want: "down", cause: event.cause }, effects: [] });

/** While it stops: start it again as soon as it is down, with a clean count. */
export const startAfter: Move<Of<"start"> | Of<"restart">> = ({ unit }, event) => {
  const end = unit.ending ?? ending({ by: "restart", detail: askedBy(event.cause) });
  const again: Ending = { ...end, by: "restart", cause: event.cause };
  return { unit: { ...unit, want: "up", cause: event.cause, ending: again, ledger: askedAnew(unit, event.cause) }, effects: [] };
};

export const reload: Move<Of<"reload">> = ({ unit, spec, env }) => {
  const timeout = spec.reload?.kind === "command" ? spec.reload.timeoutMs : 0;
  return {
    unit: { ...unit, phase: "reloading", due: { atMs: env.nowMs + timeout + HOOK_GUARD_MS, why: "reload-timeout" } },
    effects: [{ type: "reload", run: unit.run }],
  };
};

export const reloaded: Move<Of<"reloaded">> = ({ unit, spec }, event) => ({
  unit: { ...unit, phase: "running", due: runLimit(unit, spec) },
  effects: [
    event.failure === null
      ? tell("reloaded", "reloaded its configuration", { run: unit.run })
      : tell("reload-failed", event.failure, { run: unit.run }),
  ],
});

export const reloadOverdue: Move<Of<"due">> = ({ unit, spec }) => ({
  unit: { ...unit, phase: "running", due: runLimit(unit, spec) },
  effects: [tell("reload-failed", "the reload did not end in time", { run: unit.run })],
});

export const swept: Move<Of<"swept">> = (situation, event) => {
  const { unit } = situation;
  const end = unit.ending && { ...unit.ending, killed: event.killed };
  return finish({ ...situation, unit: { ...unit, ending: end } });
};

/** After the processes: post_stop, then what the policy says. A unit that stays "up" after success runs post_stop when it is stopped. */
function finish(situation: Situation): Outcome {
  const { unit, spec, env } = situation;
  const staysUp = spec.remainAfterExit && unit.want === "up" && unit.ending !== null && isSuccess(spec.restart, unit.ending);
  if (spec.postStop.length === 0 || staysUp) return settle(situation);
  const timeout = spec.postStop.reduce((sum, hook) => sum + hook.timeoutMs, HOOK_GUARD_MS);
  return {
    unit: { ...unit, phase: "finishing", due: { atMs: env.nowMs + timeout, why: "hook-timeout" } },
    effects: [{ type: "finish", run: unit.run }],
  };
}

/** An up-without-process oneshot is stopped (or restarted): there is nothing to signal. */
export const closeExited: Move<Of<"release"> | Of<"restart">> = (situation, event) => {
  const { unit } = situation;
  if (event.type === "release" && unit.want === "up") return same(situation);
  const restart = event.type === "restart";
  const cause = restart ? event.cause : unit.cause;
  const end = ending({ by: restart ? "restart" : "stop", cause, detail: askedBy(cause), exit: unit.last?.exit ?? null });
  return finish({ ...situation, unit: { ...unit, want: restart ? "up" : "down", cause, ending: end } });
};

export const finished: Move<Of<"finished">> = (situation, event) => {
  const outcome = settle(situation);
  if (event.failure === null) return outcome;
  return { ...outcome, effects: [tell("stopping", `post_stop: ${event.failure}`, { run: event.run }), ...outcome.effects] };
};

/** The commands are killed before the unit goes on: a new run must not begin beside the old one's post_stop. */
export const finishOverdue: Move<Of<"due">> = (situation) => {
  if (situation.unit.due?.why === "kill-again") return settle(situation);
  const outcome = killAgain(situation, { type: "due", run: situation.unit.run, why: "hook-timeout" });
  const said = tell("killed", "post_stop did not end in time: SIGKILL", { run: situation.unit.run });
  return { ...outcome, effects: [said, ...outcome.effects] };
};

/** `backoff` or `fatal` has waited long enough. */
export const retry: Move<Of<"due">> = ({ unit }) => ({
  unit: { ...unit, phase: "waiting", due: null, restarting: true },
  effects: [],
});

export const retryFatal: Move<Of<"due">> = ({ unit }) => ({
  unit: { ...unit, phase: "waiting", due: null, restarting: true, ledger: { ...unit.ledger, retries: 0 } },
  effects: [],
});

export const reset: Move<Of<"reset">> = ({ unit }) => ({
  unit: { ...unit, ledger: { ...unit.ledger, retries: 0 } },
  effects: [tell("reset", "the failure count was reset")],
});

export const resetDown: Move<Of<"reset">> = ({ unit }) => ({
  unit: { ...unit, phase: "idle", want: "down", reason: "none", due: null, ledger: { ...unit.ledger, retries: 0 } },
  effects: [tell("reset", `no longer ${unit.phase}: reset by the operator`)],
});

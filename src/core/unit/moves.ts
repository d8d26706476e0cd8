import { describeExit } from "../../base/exit.ts";
import { formatDuration } from "../../base/duration.ts";
import { SIGNALS } from "../../base/signals.ts";
import { drain, isDraining, notDraining } from "../service/drain.ts";
import { isSuccess, noteStart } from "./restart.ts";
import { countRestart } from "./restart-count.ts";
import type { Effect } from "./effects.ts";
import type { UnitEvent } from "./events.ts";
import { describeCause, ending, exitDetails, record, withTime, type Outcome, type Situation } from "./outcome.ts";
import type { Cause, Ending, Unit } from "./record.ts";
import { HOOK_GUARD_MS, isCommand, preparation, preparationMs } from "./preparation.ts";
import { sendSignal } from "./stop-signal.ts";
import { settle } from "./settle.ts";

/**
 * The moves (transition functions) of the unit state machine. Each move takes a unit and an event, and returns the next unit and
 * the effects to perform. Moves decide and never act. `table.ts` assigns a move to each pair of phase and event.
 */
export type Move<E extends UnitEvent = UnitEvent> = (situation: Situation, event: E) => Outcome;
type Of<T extends UnitEvent["type"]> = Extract<UnitEvent, { type: T }>;

const KILL_AGAIN_MS = 5_000;

const unchanged = ({ unit }: Situation): Outcome => ({ unit, effects: [] });

/** Starts a unit that is down or that waits for its back-off, and resets the retry counter. */
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

/** Handles a start request for a unit that is already starting or up. It only cancels a pending stop. */
export const keepUp: Move<Of<"start">> = ({ unit }, event) => ({
  unit: unit.want === "up" ? unit : { ...unit, want: "up", cause: event.cause, reason: event.cause },
  effects: [],
});

/** Records the stop request. The stop proceeds when the world sends `release`, once no dependent is up. */
export const holdStop: Move<Of<"stop">> = ({ unit }, event) => ({ unit: { ...unit, want: "down", cause: event.cause }, effects: [] });

export const cancel: Move<Of<"stop">> = ({ unit }, event) => ({
  unit: { ...unit, phase: "idle", want: "down", cause: event.cause, reason: event.cause, due: null, restarting: false },
  effects: [record("stopped", `stopped before starting: ${describeCause(event.cause)}`, { reason: event.cause })],
});

/** Handles a stop request for a failed or fatal unit. No process runs, but `fatal_retry_after` must not start the unit again. */
export const stayDown: Move<Of<"stop">> = ({ unit }, event) => ({
  unit: { ...unit, want: "down", cause: event.cause, due: null },
  effects: [],
});

export const launch: Move<Of<"clear">> = (situation) => {
  const { unit, spec, env } = situation;
  const run = Math.max(unit.run, unit.earlierRuns) + 1;
  const begun: Unit = {
    ...notDraining(unit),
    run,
    process: null,
    ending: null,
    execAtMs: null,
    readyAtMs: null,
    statusText: null,
    reload: null,
    testedRestart: null,
    due: null,
    succeeded: false,
    ...(unit.restarting && countRestart(unit)),
    restartedAtMs: unit.restarting ? env.nowMs : unit.restartedAtMs,
    restarting: false,
    ledger: noteStart(unit.ledger, env.nowMs),
  };
  const { preStart: hooks, conditions } = spec;
  if (hooks.length + conditions.length === 0) return execute({ ...situation, unit: begun });
  const prepare: Effect = { type: "prepare", run };
  return {
    unit: { ...begun, phase: "preparing", due: { atMs: env.nowMs + preparationMs(spec), why: "hook-timeout" } },
    effects: hooks.length === 0 && !conditions.some(isCommand) ? [prepare] : [record("starting", preparation(spec), { run }), prepare],
  };
};

export const prepared: Move<Of<"prepared">> = (situation, event) => {
  if (event.unmet !== undefined) return sweep(situation, ending({ by: "condition", detail: `condition not met: ${event.unmet}` }));
  if (event.failure === null) return execute(situation);
  const outcome = sweep(situation, ending({ by: "hook", detail: event.failure }));
  return { ...outcome, effects: [hookFailed(situation, event.failure), ...outcome.effects] };
};

const hookFailed = ({ unit }: Situation, detail: string): Effect => record("start-failed", detail, { run: unit.run, stage: "pre_start" });

function execute({ unit, spec, env }: Situation): Outcome {
  const due = spec.startTimeoutMs === null ? null : ({ atMs: env.nowMs + spec.startTimeoutMs, why: "start-timeout" } as const);
  return { unit: { ...unit, phase: "starting", due }, effects: [{ type: "spawn", run: unit.run }] };
}

/** Handles a successful exec of the command. The unit is ready immediately unless a check, READY=1 or a line of output decides readiness. */
export const spawned: Move<Of<"spawned">> = (situation, event) => {
  const { unit, spec, env } = situation;
  const alive: Unit = { ...unit, process: event.process, execAtMs: env.nowMs };
  // A requested start sets reason and cause to the same value. After a retry, the reason still says how the last run ended.
  const cause = unit.reason === unit.cause ? unit.cause : "policy";
  const entry = record("started", `started, pid ${event.process.pid}`, { run: unit.run, pid: event.process.pid, cause });
  if (spec.check !== null || spec.type === "notify" || spec.readyLog !== null) return { unit: alive, effects: [entry] };
  const up = becomeReady({ ...situation, unit: alive });
  return { unit: up.unit, effects: [entry, ...up.effects] };
};

/**
 * Handles a spawn result that arrives after a stop was requested. No signal is needed here, because the interpreter performs effects
 * in order and sends the stop signal after the spawn.
 */
export const spawnedLate: Move<Of<"spawned">> = ({ unit, env }, event) => ({
  unit: { ...unit, process: event.process, execAtMs: env.nowMs },
  effects: [],
});

export const becomeReady = ({ unit, spec, env }: Situation): Outcome => {
  const took = env.nowMs - (unit.execAtMs ?? env.nowMs);
  return {
    unit: { ...unit, phase: "running", due: runLimit(unit, spec), reason: unit.cause, readyAtMs: env.nowMs },
    effects: [
      record("running", `running, ready after ${formatDuration(took)}`, {
        run: unit.run,
        pid: unit.process?.pid ?? null,
        after_ms: Math.round(took),
      }),
    ],
  };
};

/** Returns the deadline of a ready unit. The start of a oneshot lasts until it exits, so `start_timeout` limits its whole run. */
export const runLimit = (unit: Unit, spec: Situation["spec"]): Unit["due"] =>
  spec.type === "oneshot" && spec.startTimeoutMs !== null && unit.execAtMs !== null
    ? { atMs: unit.execAtMs + spec.startTimeoutMs, why: "start-timeout" }
    : null;

export const spawnFailed: Move<Of<"spawnFailed">> = (situation, event) => {
  const { failure } = event;
  const end = ending({ by: failure.resources ? "shortage" : "spawn", detail: failure.message });
  const outcome = sweep(situation, end);
  return { ...outcome, effects: [record("start-failed", failure.message, { run: event.run, stage: failure.stage }), ...outcome.effects] };
};

/** Handles the exit of the main process. The remaining processes of the run must end before anything else happens. */
export const mainExited: Move<Of<"exited">> = (situation, event) => {
  const { unit, spec } = situation;
  const words = describeExit(event.exit);
  const already = unit.ending?.by === "quit" ? null : (unit.ending ?? pendingRestart(unit));
  const success = isSuccess(spec.restart, { by: "exit", exit: event.exit });
  // A live unit is still `starting` only if a check, READY=1 or a line of output decides its readiness.
  const early = success && unit.phase === "starting" && spec.type !== "oneshot";
  const own = ending({ by: early ? "protocol" : "exit", exit: event.exit, detail: early ? `${words} before it was ready` : words });
  const end = already ? { ...already, exit: event.exit } : own;
  const outcome = sweep(situation, end);
  const details = { run: unit.run, ...exitDetails(event.exit), success: success && !early, expected: already !== null };
  return { ...outcome, effects: [record("exited", words, details), ...outcome.effects] };
};

/**
 * Returns the ending for a run that ends by itself while its pre_restart commands run, or null if none run. The requested restart
 * then happens immediately.
 */
export const pendingRestart = ({ want, testedRestart }: Unit): Ending | null =>
  want === "up" && testedRestart?.state === "testing"
    ? ending({ by: "restart", cause: testedRestart.cause, detail: describeCause(testedRestart.cause) })
    : null;

function sweep({ unit, spec, env }: Situation, end: Ending): Outcome {
  const going = (unit.phase === "stopping" && !isDraining(unit)) || unit.phase === "killing";
  const due = going && unit.due !== null ? unit.due : { atMs: env.nowMs + spec.stop.timeoutMs, why: "stop-timeout" as const };
  return {
    unit: { ...unit, phase: "cleaning", process: null, unsent: null, testedRestart: null, due, ending: withTime(unit, end, env) },
    effects: [{ type: "sweep", run: unit.run, signal: end.by === "condition" ? SIGNALS.SIGKILL : leftoverSignal(unit, spec) }],
  };
}

/**
 * Returns the signal for processes that outlive the main process or post_stop. With kill mode `group` it is the stop signal, unless
 * the processes already received it. With `mixed` it is SIGKILL, and with `process` it is 0 (no signal). Processes that are left at
 * the deadline get SIGKILL in any case.
 */
export function leftoverSignal(unit: Unit, spec: Situation["spec"]): number {
  const { graceful, killMode, signal } = spec.stop;
  if (!graceful || unit.due?.why === "kill-again" || killMode === "mixed") return SIGNALS.SIGKILL;
  const alreadySent = unit.phase === "stopping" && unit.ending?.by !== "quit" && !isDraining(unit);
  return killMode === "process" || alreadySent ? 0 : signal;
}

/** Stops the run with the stop signal, or with SIGKILL if the graceful stop is disabled. A run that a rollout replaces is drained first. */
function stopFor(situation: Situation, end: Ending): Outcome {
  const { unit, spec, env } = situation;
  if (unit.drains && unit.readyAtMs !== null && (end.by === "stop" || end.by === "restart")) {
    const drained = drain(situation, end);
    if (drained !== null) return drained;
  }
  const verb = end.by === "restart" ? "restarting" : "stopping";
  const entry = record("stopping", `${verb}: ${end.detail}`, {
    run: unit.run,
    reason: end.by === "stop" || end.by === "restart" ? end.cause : end.by,
  });
  const ended = { ...notDraining(unit), testedRestart: null, ending: withTime(unit, end, env) };
  if (!spec.stop.graceful) {
    const due = { atMs: env.nowMs + KILL_AGAIN_MS, why: "kill-again" } as const;
    return { unit: { ...ended, phase: "killing", due }, effects: [entry, { type: "kill", run: unit.run }] };
  }
  // A unit that missed its watchdog gets SIGABRT so that it dumps core, like systemd's WatchdogSignal=.
  const number = end.by === "watchdog" ? SIGNALS.SIGABRT : spec.stop.signal;
  const signalled = sendSignal({ ...situation, unit: ended }, number, spec.stop.timeoutMs, "stop-timeout");
  return { unit: signalled.unit, effects: [entry, signalled.effect] };
}

export const released: Move<Of<"release">> = (situation) => {
  if (situation.unit.want === "up") return unchanged(situation);
  return stopFor(situation, ending({ by: "stop", cause: situation.unit.cause, detail: describeCause(situation.unit.cause) }));
};

/** Stops a unit whose pre_start commands run. No other unit depends on it yet, so the stop proceeds immediately. */
export const stopNow: Move<Of<"stop">> = (situation, event) =>
  stopFor(
    { ...situation, unit: { ...situation.unit, want: "down", cause: event.cause } },
    ending({ by: "stop", cause: event.cause, detail: describeCause(event.cause) }),
  );

/** Handles a restart request for a ready unit. The unit is stopped only after its pre_restart commands have succeeded. */
export const restartTested: Move<Of<"restart">> = (situation, event) => {
  const { unit, spec } = situation;
  if (spec.preRestart.length === 0) return restartNow(situation, event);
  const isTesting = unit.testedRestart?.state === "testing";
  const wanted: Unit = { ...unit, want: "up", testedRestart: { cause: event.cause, state: "testing", failure: null } };
  return { unit: wanted, effects: isTesting ? [] : [{ type: "testRestart", run: unit.run }] };
};

/** Handles the end of the pre_restart commands. A stop that was requested in the meantime replaces the restart. */
export const tested: Move<Of<"restartTested">> = (situation, { failure }) => {
  const { unit } = situation;
  if (unit.testedRestart?.state !== "testing") return unchanged(situation);
  if (unit.want === "down") return { unit: { ...unit, testedRestart: null }, effects: [] };
  const { cause } = unit.testedRestart;
  if (failure === null) return restartNow(situation, { type: "restart", cause });
  const entry = record("restart-failed", `not restarted, it goes on running: ${failure}`, { run: unit.run, cause });
  return { unit: { ...notDraining(unit), testedRestart: { cause, state: "failed", failure } }, effects: [entry] };
};

export const restartNow: Move<Of<"restart">> = (situation, event) =>
  stopFor(
    { ...situation, unit: { ...situation.unit, want: "up", cause: event.cause, ledger: ledgerAfterRequest(situation.unit, event.cause) } },
    ending({ by: "restart", cause: event.cause, detail: describeCause(event.cause) }),
  );

/** A start or restart by the operator resets the retry counter. */
const ledgerAfterRequest = (unit: Unit, cause: Cause): Unit["ledger"] =>
  cause === "operator" ? { ...unit.ledger, retries: 0 } : unit.ledger;

export const condemned: Move<Of<"condemned">> = (situation, event) => {
  const outcome = stopFor(situation, ending({ by: event.by, detail: event.detail }));
  const isStart = event.by === "log" && situation.unit.phase === "starting";
  const entry = isStart
    ? record("start-failed", event.detail, { run: event.run, stage: "ready" })
    : record("unhealthy", event.detail, { run: event.run, by: event.by });
  return { ...outcome, effects: [entry, ...outcome.effects] };
};

export const notReadyInTime: Move<Of<"due">> = (situation, event) => {
  const { unit, spec } = situation;
  const cause = event.detail === undefined ? "" : `; ${event.detail}`;
  const words = `not ${unit.phase === "starting" ? "ready" : "finished"} within ${formatDuration(spec.startTimeoutMs ?? 0)}${cause}`;
  const outcome = stopFor(situation, ending({ by: "timeout", detail: words }));
  return { ...outcome, effects: [record("start-failed", words, { run: unit.run, stage: "ready" }), ...outcome.effects] };
};

export const hookOverdue: Move<Of<"due">> = (situation) => {
  const detail = situation.spec.preStart.length > 0 ? "pre_start did not finish in time" : "the conditions were not checked in time";
  const outcome = stopFor(situation, ending({ by: "hook", detail }));
  return { ...outcome, effects: [hookFailed(situation, detail), ...outcome.effects] };
};

/** Handles the end of the time to drain, or of the time to stop. */
export const stopOverdue: Move<Of<"due">> = (situation, event) =>
  isDraining(situation.unit) && situation.unit.ending !== null ? stopFor(situation, situation.unit.ending) : kill(situation, event);

const kill: Move<Of<"due">> = ({ unit, spec, env }) => {
  const words = `did not stop within ${formatDuration(spec.stop.timeoutMs)}`;
  const end: Unit["ending"] = unit.ending?.by === "quit" ? { ...unit.ending, by: "timeout", detail: words } : unit.ending;
  return {
    unit: { ...unit, phase: "killing", ending: end, due: { atMs: env.nowMs + KILL_AGAIN_MS, why: "kill-again" } },
    effects: [record("killed", `${words}; sending SIGKILL`, { run: unit.run }), { type: "kill", run: unit.run }],
  };
};

export const killAgain: Move<Of<"due">> = ({ unit, env }) => ({
  unit: { ...unit, due: { atMs: env.nowMs + KILL_AGAIN_MS, why: "kill-again" } },
  effects: [{ type: "kill", run: unit.run }],
});

/** Handles processes that outlived the main process and did not exit in time. */
export const killLeftovers: Move<Of<"due">> = killAgain;

/** Handles the end of the pre_start commands after a stop was requested. */
export const preparedLate: Move<Of<"prepared">> = (situation) =>
  sweep(situation, situation.unit.ending ?? ending({ by: "stop", detail: "" }));

/** Handles a stop request for a unit that is already stopping for another reason. The unit stays down afterwards. It ends a drain. */
export const stopInstead: Move<Of<"stop">> = (situation, event) => {
  const unit: Unit = { ...situation.unit, want: "down", cause: event.cause };
  if (!isDraining(unit)) return { unit, effects: [] };
  return stopFor({ ...situation, unit }, ending({ by: "stop", cause: event.cause, detail: describeCause(event.cause) }));
};

/** Handles a start request for a unit that is stopping. The unit starts again as soon as it is down. */
export const startAfter: Move<Of<"start"> | Of<"restart">> = ({ unit }, event) => {
  const end = unit.ending ?? ending({ by: "restart", detail: describeCause(event.cause) });
  const again: Ending = { ...end, by: "restart", cause: event.cause };
  return { unit: { ...unit, want: "up", cause: event.cause, ending: again, ledger: ledgerAfterRequest(unit, event.cause) }, effects: [] };
};

export const swept: Move<Of<"swept">> = (situation, event) => {
  const { unit } = situation;
  const detail = unit.ending !== null && event.left && isDaemonized(situation) ? `${unit.ending.detail}${DAEMONIZED}` : unit.ending?.detail;
  const end = unit.ending && { ...unit.ending, killed: event.killed, detail: detail ?? "" };
  return finish({ ...situation, unit: { ...unit, ending: end } });
};

const DAEMONIZED = ", but it left processes in the background, which were ended: run it in the foreground";
const DAEMONIZED_MS = 5000;

/** Returns true if a server probably forked into the background, as for an init script: it exited with code 0 soon after the start. */
function isDaemonized({ unit, spec, env }: Situation): boolean {
  const { ending: end, execAtMs } = unit;
  if (spec.type === "oneshot" || end === null || (end.by !== "exit" && end.by !== "protocol") || execAtMs === null) return false;
  return end.exit?.kind === "code" && end.exit.code === 0 && env.nowMs - execAtMs < DAEMONIZED_MS;
}

/**
 * Continues after all processes of the run are gone: runs the post_stop commands, then applies the restart policy. A successful unit
 * with `remain_after_exit` runs post_stop only when it is stopped.
 */
function finish(situation: Situation): Outcome {
  const { unit, spec, env } = situation;
  const staysUp = spec.remainAfterExit && unit.want === "up" && unit.ending !== null && isSuccess(spec.restart, unit.ending);
  if (spec.postStop.length === 0 || staysUp || unit.ending?.by === "condition") return settle(situation);
  const timeout = spec.postStop.reduce((sum, hook) => sum + hook.timeoutMs, HOOK_GUARD_MS);
  return {
    unit: { ...unit, phase: "finishing", due: { atMs: env.nowMs + timeout, why: "hook-timeout" } },
    effects: [{ type: "finish", run: unit.run }],
  };
}

/** Stops or restarts a oneshot that counts as running although it has no process. Therefore no signal is sent. */
export const closeExited: Move<Of<"release"> | Of<"restart">> = (situation, event) => {
  const { unit } = situation;
  if (event.type === "release" && unit.want === "up") return unchanged(situation);
  const restart = event.type === "restart";
  const cause = restart ? event.cause : unit.cause;
  const end = ending({ by: restart ? "restart" : "stop", cause, detail: describeCause(cause), exit: unit.last?.exit ?? null });
  return finish({ ...situation, unit: { ...unit, want: restart ? "up" : "down", cause, ending: end } });
};

/** Starts the unit again after its back-off delay has passed. */
export const retry: Move<Of<"due">> = ({ unit }) => ({
  unit: { ...unit, phase: "waiting", due: null, restarting: true },
  effects: [],
});

export const retryFatal: Move<Of<"due">> = ({ unit }) => ({
  unit: { ...unit, phase: "waiting", due: null, restarting: true, ledger: { ...unit.ledger, retries: 0 } },
  effects: [],
});

export const stable: Move<Of<"stable">> = ({ unit }) => ({ unit: { ...unit, ledger: { ...unit.ledger, retries: 0 } }, effects: [] });

export const reset: Move<Of<"reset">> = ({ unit }) => ({
  unit: { ...unit, ledger: { ...unit.ledger, retries: 0 } },
  effects: [record("reset", "the retry counter was reset")],
});

export const resetDown: Move<Of<"reset">> = ({ unit }) => ({
  unit: { ...unit, phase: "idle", want: "down", reason: "none", due: null, ledger: { ...unit.ledger, retries: 0 } },
  effects: [record("reset", `no longer ${unit.phase}: reset by the operator`)],
});

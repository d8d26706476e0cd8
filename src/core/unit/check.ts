import { writtenPattern } from "../../base/pattern.ts";
import type { Health } from "../../base/words.ts";
import type { ProbeResult } from "../../ports/prober.ts";
import type { CheckSpec, Spec } from "../../spec/spec.ts";
import type { Effect } from "./effects.ts";
import { record } from "./outcome.ts";

/**
 * The health check of one run. Consecutive failures and successes are compared with thresholds, as in Kubernetes' prober.
 * A probe that failed because of sup itself (`broken`) does not count. After an "unhealthy" verdict with action `restart`,
 * no more probes run until the next run begins.
 *
 * While a unit is starting, probes run every `start_interval`, so that sup notices readiness soon. The short interval must not
 * make the check stricter. Therefore two failures that are closer together than `interval` count as one.
 */
export interface CheckState {
  readonly run: number;
  readonly health: Health;
  readonly failures: number;
  readonly successes: number;
  /** Monotonic time at which the check began. For a starting unit, `start_period` counts from here. */
  readonly startedAtMs: number;
  /** Monotonic time of the next probe; null while a probe runs, and after an "unhealthy" verdict with action `restart`. */
  readonly dueMs: number | null;
  /**
   * Monotonic time at which the running or last probe was due. The next probe is scheduled relative to this time, not to the
   * end of the probe, so that the schedule does not drift.
   */
  readonly slotMs: number;
  /** Number of the running or last probe. Late results of earlier probes are dropped. */
  readonly seq: number;
  readonly probing: boolean;
  readonly ready: boolean;
  readonly lastFailureMs: number | null;
  /** The last results, newest last; at most 10. */
  readonly results: readonly CheckResult[];
}

export interface CheckResult {
  /** Monotonic time at which the probe started. */
  readonly atMs: number;
  readonly kind: ProbeResult["kind"];
  readonly detail: string;
  readonly responseMs: number | null;
  /** True if this is the result of the fallback probe, which runs after the primary probe has failed. */
  readonly fallback: boolean;
}

export interface CheckOutcome {
  readonly state: CheckState;
  /** `ready` if the check passed for the first time, `unhealthy` if the failures have just reached the threshold. */
  readonly verdict: "ready" | "unhealthy" | null;
}

const KEPT_RESULTS = 10;

export const beginCheck = (run: number, nowMs: number): CheckState => ({
  run,
  health: "starting",
  failures: 0,
  successes: 0,
  startedAtMs: nowMs,
  dueMs: nowMs,
  slotMs: nowMs,
  seq: 0,
  probing: false,
  ready: false,
  lastFailureMs: null,
  results: [],
});

/** Describes what a unit waits for before it is ready: a line of output, a probe to pass (with the last failure), or its READY=1. */
export function whyNotReady(check: CheckState | null, { type, readyLog }: Pick<Spec, "type" | "readyLog">): string | undefined {
  if (readyLog !== null) return `no line of its output matches ready_log: ${writtenPattern(readyLog)}`;
  const last = check?.results.findLast(({ kind }) => kind !== "ok");
  if (last !== undefined) return `last probe: ${last.detail}`;
  if (type === "notify") return "it has not sent READY=1";
  return check === null ? undefined : "no probe has ended yet";
}

/** The initial state of a check that a changed unit file has added or replaced while the unit is already ready. */
export const beginLiveCheck = (run: number, nowMs: number): CheckState => ({ ...beginCheck(run, nowMs), health: "unknown", ready: true });

/**
 * Returns the check of a live unit after its unit file changed, or null if the file has no check now. An unchanged check
 * continues. A changed check begins anew, and decides readiness only if the unit is not ready yet. Probe numbers continue,
 * because a probe of the old check may still run.
 */
export function changedCheck(
  state: CheckState | null,
  before: CheckSpec | null,
  after: CheckSpec | null,
  unit: { readonly run: number; readonly ready: boolean; readonly nowMs: number },
): CheckState | null {
  if (JSON.stringify(before) === JSON.stringify(after)) return state;
  if (after === null) return null;
  const fresh = unit.ready ? beginLiveCheck(unit.run, unit.nowMs) : beginCheck(unit.run, unit.nowMs);
  return { ...fresh, seq: state?.seq ?? 0 };
}

/**
 * Delays the next probe of a unit that has just become ready by `part` (0 to 1) of the interval. Otherwise units that started
 * together would all be probed at the same moments from then on. Probes are due at multiples of GRID_MS, so that a daemon with many
 * checks wakes once for several probes.
 */
export const spreadSlots = (state: CheckState, spec: CheckSpec, part: number): CheckState =>
  state.dueMs === null
    ? state
    : { ...state, dueMs: Math.ceil((state.slotMs + Math.max(MIN_SPREAD_MS, part * spec.intervalMs)) / GRID_MS) * GRID_MS };

const MIN_SPREAD_MS = 10;
const GRID_MS = 20;

/** Records that the probe that was due has started. */
export const beginProbe = (state: CheckState): CheckState => ({
  ...state,
  dueMs: null,
  slotMs: state.dueMs ?? state.slotMs,
  seq: state.seq + 1,
  probing: true,
});

/** Counts the result of the probe with number `seq`, which arrived at `nowMs`. */
export function probed(state: CheckState, spec: CheckSpec, seq: number, result: CheckResult, nowMs: number): CheckOutcome {
  if (seq !== state.seq || !state.probing) return { state, verdict: null };
  const results = [...state.results, result].slice(-KEPT_RESULTS);
  const next: CheckState = { ...state, probing: false, results };
  if (result.kind === "broken") return { state: scheduleNext(next, spec, nowMs), verdict: null };
  return result.kind === "ok" ? passed(next, spec, result, nowMs) : failed(next, spec, result, nowMs);
}

function passed(state: CheckState, spec: CheckSpec, result: CheckResult, nowMs: number): CheckOutcome {
  const successes = state.successes + 1;
  const enough = state.health === "starting" || state.health === "healthy" || successes >= spec.successThreshold;
  const health: Health = enough ? (result.fallback ? "degraded" : "healthy") : state.health;
  const next = scheduleNext({ ...state, successes, failures: 0, lastFailureMs: null, health, ready: true }, spec, nowMs);
  return { state: next, verdict: state.ready ? null : "ready" };
}

function failed(state: CheckState, spec: CheckSpec, result: CheckResult, nowMs: number): CheckOutcome {
  if (!counts(state, spec, result)) return { state: scheduleNext({ ...state, successes: 0 }, spec, nowMs), verdict: null };
  const failures = state.failures + 1;
  const next: CheckState = { ...state, successes: 0, failures, lastFailureMs: result.atMs };
  if (failures < spec.failureThreshold) return { state: scheduleNext(next, spec, nowMs), verdict: null };
  const unhealthy: CheckState = { ...next, health: "unhealthy" };
  if (spec.action === "restart") return { state: unhealthy, verdict: "unhealthy" };
  return { state: scheduleNext(unhealthy, spec, nowMs), verdict: state.health === "unhealthy" ? null : "unhealthy" };
}

function counts(state: CheckState, spec: CheckSpec, result: CheckResult): boolean {
  if (!state.ready && result.atMs - state.startedAtMs < spec.startPeriodMs) return false;
  if (state.ready || state.lastFailureMs === null) return true;
  return result.atMs - state.lastFailureMs >= spec.intervalMs - TOLERANCE_MS;
}

/**
 * Returns the history entry for a change of health, or null if no entry is needed. Two changes have entries of their own: the unit
 * has become ready, and the unit is stopped because of bad health.
 */
export function healthChangeEvent(before: CheckState, after: CheckState, spec: CheckSpec, result: CheckResult): Effect | null {
  if (after.health === before.health) return null;
  const details = { run: after.run, health: after.health, was: before.health, failures: after.failures };
  switch (after.health) {
    case "degraded":
      return record("degraded", `only the fallback check passes: ${result.detail}`, details);
    case "healthy":
      if (before.health !== "degraded" && before.health !== "unhealthy") return null;
      return record("healthy", `healthy again: ${result.detail}`, details);
    case "unhealthy":
      if (spec.action === "restart") return null;
      return record("unhealthy", `${describeFailure(after, result)}; left running (action none)`, {
        ...details,
        by: "health",
      });
    default:
      return null;
  }
}

export const describeFailure = ({ failures }: Pick<CheckState, "failures">, { detail }: Pick<CheckResult, "detail">): string =>
  `health check failed ${failures} ${failures === 1 ? "time" : "times in a row"}: ${detail}`;

/** Timers may fire up to this many milliseconds early. */
const TOLERANCE_MS = 10;

/** Schedules the next probe on the grid of `slotMs`. Times on the grid that passed during a slow probe are skipped. */
function scheduleNext(state: CheckState, spec: CheckSpec, nowMs: number): CheckState {
  const step = state.ready ? spec.intervalMs : Math.min(spec.startIntervalMs, spec.intervalMs);
  const missed = Math.max(0, Math.floor((nowMs - state.slotMs) / step));
  return { ...state, dueMs: state.slotMs + (missed + 1) * step };
}

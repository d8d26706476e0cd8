import type { Health } from "../../base/words.ts";
import type { ProbeResult } from "../../ports/prober.ts";
import type { CheckSpec } from "../../spec/spec.ts";
import type { Effect } from "./effects.ts";
import { record } from "./outcome.ts";

/**
 * Counts probe results like Kubernetes' prober: consecutive failures and successes are compared with thresholds. A probe
 * that broke through sup's own fault does not count. After an "unhealthy" verdict with action `restart`, no more probes
 * run until the next run begins.
 *
 * While a unit is starting, probes run every `start_interval` so that readiness is noticed soon. That must not make the
 * check stricter: two failures closer together than `interval` count as one.
 */
export interface CheckState {
  readonly run: number;
  readonly health: Health;
  readonly failures: number;
  readonly successes: number;
  /** Monotonic time of exec. */
  readonly startedAtMs: number;
  /** Monotonic time of the next probe; null while a probe runs and after the final verdict. */
  readonly dueMs: number | null;
  /** When the running probe was due. The next one is scheduled from here, not from its end, so that checks do not drift. */
  readonly slotMs: number;
  /** Number of the running or last probe. A late result of an earlier one is dropped. */
  readonly seq: number;
  readonly probing: boolean;
  readonly ready: boolean;
  readonly lastFailureMs: number | null;
  /** Newest last; at most 10. */
  readonly results: readonly CheckResult[];
}

export interface CheckResult {
  /** Monotonic. */
  readonly atMs: number;
  readonly kind: ProbeResult["kind"];
  readonly detail: string;
  readonly responseMs: number | null;
  /** The primary probe failed; this is the result of the fallback. */
  readonly fallback: boolean;
}

export interface CheckOutcome {
  readonly state: CheckState;
  /** `ready`: the check passed for the first time. `unhealthy`: the failure threshold was reached. */
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

/** What a unit that is not ready yet waits for: the last probe that failed, or its READY=1. */
export function whyNotReady(check: CheckState | null, isNotify: boolean): string | undefined {
  const last = check?.results.findLast(({ kind }) => kind !== "ok");
  if (last !== undefined) return `last probe: ${last.detail}`;
  if (isNotify) return "it has not sent READY=1";
  return check === null ? undefined : "no probe has ended yet";
}

/** The check of a unit that is already ready: its file gained a check, or a different one, while it runs. */
export const beginLiveCheck = (run: number, nowMs: number): CheckState => ({ ...beginCheck(run, nowMs), health: "unknown", ready: true });

/**
 * The check of a live unit after its file changed. An unchanged check continues. A changed one begins anew and decides
 * readiness only if the unit is not ready yet. Probe numbers continue, because a probe of the old check may still run.
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
 * Shifts the slots of a unit that has just become ready by `part` (0 to 1) of the interval, so that the checks of units
 * that started together are not due at the same moment forever.
 */
export const spreadSlots = (state: CheckState, spec: CheckSpec, part: number): CheckState =>
  state.dueMs === null ? state : { ...state, dueMs: state.slotMs + Math.max(MIN_SPREAD_MS, part * spec.intervalMs) };

const MIN_SPREAD_MS = 10;

/** The due probe has started. */
export const beginProbe = (state: CheckState): CheckState => ({
  ...state,
  dueMs: null,
  slotMs: state.dueMs ?? state.slotMs,
  seq: state.seq + 1,
  probing: true,
});

/** Counts the result of probe `seq`, received at `nowMs`. */
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
 * The history entry for a change of health, if it needs one. Becoming ready and being condemned for bad health have
 * entries of their own.
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

/** Timers may fire early by less than this. */
const TOLERANCE_MS = 10;

/** The next slot that is not past; slots that passed during a slow probe are skipped. */
function scheduleNext(state: CheckState, spec: CheckSpec, nowMs: number): CheckState {
  const step = state.ready ? spec.intervalMs : Math.min(spec.startIntervalMs, spec.intervalMs);
  const missed = Math.max(0, Math.floor((nowMs - state.slotMs) / step));
  return { ...state, dueMs: state.slotMs + (missed + 1) * step };
}

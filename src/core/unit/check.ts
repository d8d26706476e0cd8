import type { Health } from "../../base/words.ts";
import type { ProbeResult } from "../../ports/prober.ts";
import type { CheckSpec } from "../../spec/spec.ts";
import type { Effect } from "./effects.ts";
import { tell } from "./outcome.ts";

/**
 * Counting probe results, as Kubernetes' prober does it: consecutive failures and successes against thresholds; a probe
 * that broke by our own fault counts for nothing; after the verdict the check holds until a newer run begins.
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
  /** When the next probe is due; null while one is under way and after the verdict. */
  readonly dueMs: number | null;
  /** The slot that the probe under way was due at: the next one is counted from here, so that checks do not drift. */
  readonly slotMs: number;
  /** Number of the probe under way or the last one; a late result of another is dropped. */
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
  /** The primary failed and this is the fallback's word. */
  readonly fallback: boolean;
}

export interface CheckOutcome {
  readonly state: CheckState;
  /** `ready`: it passed for the first time; `unhealthy`: the threshold was reached. */
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

/** A check of a unit whose file got its first (or another) check while it runs: it is ready already. */
export const beginLiveCheck = (run: number, nowMs: number): CheckState => ({ ...beginCheck(run, nowMs), health: "unknown", ready: true });

/**
 * The check of a live unit whose file changed. One that is as it was goes on; another one begins, and asks for readiness
 * only where the unit is not ready. Numbers of probes go on, for one of the old check may still be under way.
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
 * The check of a unit that has just become ready: its slots are moved by a part of the interval (0 to 1), so that checks
 * of units that started together are not all due in the same moment for ever.
 */
export const spread = (state: CheckState, spec: CheckSpec, part: number): CheckState =>
  state.dueMs === null ? state : { ...state, dueMs: state.slotMs + Math.max(MIN_SPREAD_MS, part * spec.intervalMs) };

const MIN_SPREAD_MS = 10;

/** The due probe is under way. */
export const probing = (state: CheckState): CheckState => ({
  ...state,
  dueMs: null,
  slotMs: state.dueMs ?? state.slotMs,
  seq: state.seq + 1,
  probing: true,
});

/** Takes in the result of probe `seq` at `nowMs`. */
export function probed(state: CheckState, spec: CheckSpec, seq: number, result: CheckResult, nowMs: number): CheckOutcome {
  if (seq !== state.seq || !state.probing) return { state, verdict: null };
  const results = [...state.results, result].slice(-KEPT_RESULTS);
  const next: CheckState = { ...state, probing: false, results };
  if (result.kind === "broken") return { state: again(next, spec, nowMs), verdict: null };
  return result.kind === "ok" ? passed(next, spec, result, nowMs) : failed(next, spec, result, nowMs);
}

function passed(state: CheckState, spec: CheckSpec, result: CheckResult, nowMs: number): CheckOutcome {
  const successes = state.successes + 1;
  const enough = state.health === "starting" || state.health === "healthy" || successes >= spec.successThreshold;
  const health: Health = enough ? (result.fallback ? "degraded" : "healthy") : state.health;
  const next = again({ ...state, successes, failures: 0, lastFailureMs: null, health, ready: true }, spec, nowMs);
  return { state: next, verdict: state.ready ? null : "ready" };
}

function failed(state: CheckState, spec: CheckSpec, result: CheckResult, nowMs: number): CheckOutcome {
  if (!counts(state, spec, result)) return { state: again({ ...state, successes: 0 }, spec, nowMs), verdict: null };
  const failures = state.failures + 1;
  const next: CheckState = { ...state, successes: 0, failures, lastFailureMs: result.atMs };
  if (failures < spec.failureThreshold) return { state: again(next, spec, nowMs), verdict: null };
  const unhealthy: CheckState = { ...next, health: "unhealthy" };
  if (spec.action === "restart") return { state: unhealthy, verdict: "unhealthy" };
  return { state: again(unhealthy, spec, nowMs), verdict: state.health === "unhealthy" ? null : "unhealthy" };
}

function counts(state: CheckState, spec: CheckSpec, result: CheckResult): boolean {
  if (!state.ready && result.atMs - state.startedAtMs < spec.startPeriodMs) return false;
  if (state.ready || state.lastFailureMs === null) return true;
  return result.atMs - state.lastFailureMs >= spec.intervalMs - TOLERANCE_MS;
}

/**
 * The line of history that a change of health is worth. A run that becomes ready has one of its own, and so has one that
 * is condemned for its health.
 */
export function healthNews(before: CheckState, after: CheckState, spec: CheckSpec, result: CheckResult): Effect | null {
  if (after.health === before.health) return null;
  const details = { run: after.run, health: after.health, was: before.health, failures: after.failures };
  switch (after.health) {
    case "degraded":
      return tell("degraded", `only its fallback check passes: ${result.detail}`, details);
    case "healthy":
      if (before.health !== "degraded" && before.health !== "unhealthy") return null;
      return tell("healthy", `healthy again: ${result.detail}`, details);
    case "unhealthy":
      if (spec.action === "restart") return null;
      return tell("unhealthy", `${failedWords(after, result)}; its check's action is none: it is left running`, {
        ...details,
        by: "health",
      });
    default:
      return null;
  }
}

export const failedWords = ({ failures }: Pick<CheckState, "failures">, { detail }: Pick<CheckResult, "detail">): string =>
  `health check failed ${failures} ${failures === 1 ? "time" : "times in a row"}: ${detail}`;

/** A timer may be early by less than this. */
const TOLERANCE_MS = 10;

/** The next slot that is not past; slots that a slow probe used up are left out. */
function again(state: CheckState, spec: CheckSpec, nowMs: number): CheckState {
  const step = state.ready ? spec.intervalMs : Math.min(spec.startIntervalMs, spec.intervalMs);
  const missed = Math.max(0, Math.floor((nowMs - state.slotMs) / step));
  return { ...state, dueMs: state.slotMs + (missed + 1) * step };
}

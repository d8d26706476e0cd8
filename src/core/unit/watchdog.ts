import type { SdNotifyFields } from "./sd-notify.ts";
import { isProbed } from "./phase.ts";
import type { Unit } from "./record.ts";

/**
 * The sign of life that a unit with `watchdog` owes: WATCHDOG=1 within each period, from the moment it is ready
 * (sd_watchdog_enabled(3)). It is kept beside the unit and never written down: a sign of life must not cost a write.
 */
export interface Watchdog {
  readonly run: number;
  /** Null: switched off by the service. */
  readonly everyMs: number | null;
  /** Monotonic; null while none is owed. */
  readonly dueMs: number | null;
  /** The period is over and the grace runs. */
  readonly overdue: boolean;
}

/** What has come by the end of a period may wait in the socket still: so much later it has been read. */
const GRACE_MS = 50;

/** A look that is this late was held up by our own absence (a stopped daemon, a machine that slept), which the service's was too. */
const ABSENT_MS = 1000;

/** The watchdog of a unit as it is now. */
export function watchdogOf(state: Watchdog | null, unit: Unit, periodMs: number | null, nowMs: number): Watchdog | null {
  if (!isProbed(unit)) return null;
  if (state === null && periodMs === null) return null;
  const mine = state?.run === unit.run ? state : { run: unit.run, everyMs: periodMs, dueMs: null, overdue: false };
  const owed = unit.phase !== "starting" && mine.everyMs !== null;
  if (owed === (mine.dueMs !== null)) return mine;
  return { ...mine, dueMs: owed ? nowMs + mine.everyMs! : null, overdue: false };
}

/** The unit has said something. */
export function fed(state: Watchdog | null, unit: Unit, notice: SdNotifyFields, nowMs: number): Watchdog | null {
  if (notice.watchdogMs === null && notice.watchdog !== "alive") return state;
  const everyMs = notice.watchdogMs === null ? (state?.everyMs ?? null) : notice.watchdogMs || null;
  return watchdogOf({ run: unit.run, everyMs, dueMs: null, overdue: false }, unit, null, nowMs);
}

/** Whatever is due by now. `expired`: the unit missed its period. */
export function looked(state: Watchdog, nowMs: number): { readonly state: Watchdog; readonly expired: boolean } {
  const { dueMs, everyMs, overdue } = state;
  if (dueMs === null || everyMs === null || dueMs > nowMs) return { state, expired: false };
  if (nowMs - dueMs > ABSENT_MS) return { state: { ...state, dueMs: nowMs + everyMs, overdue: false }, expired: false };
  if (!overdue) return { state: { ...state, dueMs: nowMs + GRACE_MS, overdue: true }, expired: false };
  return { state: { ...state, dueMs: null }, expired: true };
}

import type { SdNotifyFields } from "./sd-notify.ts";
import { becomeReady, pendingRestart, type Move } from "./moves.ts";
import { reloadByItself, reloadNotified } from "./reload-moves.ts";
import { record, type Outcome, type Situation } from "./outcome.ts";
import type { UnitEvent } from "./events.ts";
import type { Due, DueWhy, Unit } from "./record.ts";

/** The moves that a service itself triggers with sd_notify(3). `watchdog.ts` handles WATCHDOG=1. */
type Of<T extends UnitEvent["type"]> = Extract<UnitEvent, { type: T }>;

/** Handles a notification during the start. READY=1 counts only for units of type `notify`. A check decides when other units are ready. */
export const notifiedStarting: Move<Of<"notified">> = (situation, { notice }) => {
  const unit = withNotice(situation, notice, "start-timeout");
  const counts = notice.ready && situation.spec.type === "notify" && unit.process !== null;
  return counts ? becomeReady({ ...situation, unit }) : { unit, effects: [] };
};

export const notifiedRunning: Move<Of<"notified">> = (situation, { notice }) => {
  const unit = withNotice(situation, notice, null);
  if (notice.stopping) return quitting(situation, unit);
  // If RELOADING=1 and READY=1 arrive in one datagram, the reload has already finished.
  if (!notice.reloading || notice.ready) return { unit, effects: [] };
  return reloadByItself({ ...situation, unit }, notice);
};

export const notifiedReloading: Move<Of<"notified">> = (situation, { notice }) => {
  const unit = withNotice(situation, notice, "reload-timeout");
  if (notice.stopping) return quitting(situation, unit);
  return reloadNotified({ ...situation, unit }, notice);
};

export const notifiedStopping: Move<Of<"notified">> = (situation, { notice }) => ({
  unit: withNotice(situation, notice, "stop-timeout"),
  effects: [],
});

/** Makes another process of the unit its main process. */
export const mainChanged: Move<Of<"mainChanged">> = ({ unit }, event) => {
  if (unit.process === null) return { unit, effects: [] };
  const entry = record("main-process", `main process is now pid ${event.process.pid}`, { run: unit.run, pid: event.process.pid });
  return { unit: { ...unit, process: event.process }, effects: [entry] };
};

/** Applies STATUS= and EXTEND_TIMEOUT_USEC=. The latter extends only a deadline of kind `why`, and never shortens it. */
function withNotice({ unit, env }: Situation, { status, extendMs }: SdNotifyFields, why: DueWhy | null): Unit {
  const due = extendMs === null || unit.due === null || unit.due.why !== why ? unit.due : later(unit.due, env.nowMs + extendMs);
  const statusText = status === null ? unit.statusText : status === "" ? null : status;
  return due === unit.due && statusText === unit.statusText ? unit : { ...unit, due, statusText };
}

const later = (due: Due, atMs: number): Due => (due.atMs >= atMs ? due : { ...due, atMs });

/**
 * Handles a service that stops by itself. It gets no signal and must exit within `stop.timeout`. Its exit decides whether the run was
 * a failure.
 */
function quitting({ spec, env }: Situation, unit: Unit): Outcome {
  const ranMs = unit.readyAtMs === null ? null : env.nowMs - unit.readyAtMs;
  const quit = { by: "quit", cause: "none", exit: null, detail: "the service is stopping by itself", killed: [], ranMs } as const;
  const ending = { ...(pendingRestart(unit) ?? quit), ranMs };
  return {
    unit: { ...unit, phase: "stopping", testedRestart: null, ending, due: { atMs: env.nowMs + spec.stop.timeoutMs, why: "stop-timeout" } },
    effects: [record("stopping", "the service announced that it is stopping (STOPPING=1)", { run: unit.run })],
  };
}

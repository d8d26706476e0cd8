import type { SdNotifyFields } from "./sd-notify.ts";
import { becomeReady, reloaded, type Move } from "./moves.ts";
import { tell, type Outcome, type Situation } from "./outcome.ts";
import type { UnitEvent } from "./events.ts";
import type { Due, DueWhy, Unit } from "./record.ts";

/** The moves that a service asks for itself, by sd_notify(3). Signs of life are the world's business (`core/watchdog.ts`). */
type Of<T extends UnitEvent["type"]> = Extract<UnitEvent, { type: T }>;

/** READY=1 counts where it is asked for; a unit whose readiness is a check's business is not ready by its own word. */
export const notifiedStarting: Move<Of<"notified">> = (situation, { notice }) => {
  const unit = heard(situation, notice, "start-timeout");
  const counts = notice.ready && situation.spec.type === "notify" && unit.process !== null;
  return counts ? becomeReady({ ...situation, unit }) : { unit, effects: [] };
};

export const notifiedRunning: Move<Of<"notified">> = (situation, { notice }) => {
  const unit = heard(situation, notice, null);
  if (notice.stopping) return quitting(situation, unit);
  // Both in one datagram: the reload is over as it is told.
  if (!notice.reloading || notice.ready) return { unit, effects: [] };
  const due = { atMs: situation.env.nowMs + reloadLimit(situation, notice), why: "reload-timeout" } as const;
  return { unit: { ...unit, phase: "reloading", due }, effects: [] };
};

export const notifiedReloading: Move<Of<"notified">> = (situation, { notice }) => {
  const unit = heard(situation, notice, "reload-timeout");
  if (notice.stopping) return quitting(situation, unit);
  if (!notice.ready) return { unit, effects: [] };
  return reloaded({ ...situation, unit }, { type: "reloaded", run: unit.run, failure: null });
};

export const notifiedStopping: Move<Of<"notified">> = (situation, { notice }) => ({
  unit: heard(situation, notice, "stop-timeout"),
  effects: [],
});

/** Another process of the unit is its main process from now on. */
export const mainChanged: Move<Of<"mainChanged">> = ({ unit }, event) => {
  if (unit.process === null) return { unit, effects: [] };
  const said = tell("main-process", `its main process is pid ${event.process.pid} now`, { run: unit.run, pid: event.process.pid });
  return { unit: { ...unit, process: event.process }, effects: [said] };
};

/** Its words, and more time for what it is about (EXTEND_TIMEOUT_USEC never shortens). */
function heard({ unit, env }: Situation, { status, extendMs }: SdNotifyFields, why: DueWhy | null): Unit {
  const due = extendMs === null || unit.due === null || unit.due.why !== why ? unit.due : later(unit.due, env.nowMs + extendMs);
  const statusText = status === null ? unit.statusText : status === "" ? null : status;
  return due === unit.due && statusText === unit.statusText ? unit : { ...unit, due, statusText };
}

const later = (due: Due, atMs: number): Due => (due.atMs >= atMs ? due : { ...due, atMs });

/** A reload has the time of a start: systemd.service(5), RELOADING=1 and TimeoutStartSec. */
const FOR_RELOAD_MS = 60_000;
const reloadLimit = ({ spec }: Situation, { extendMs }: SdNotifyFields): number =>
  Math.max(spec.startTimeoutMs ?? FOR_RELOAD_MS, extendMs ?? 0);

/** It stops by itself: it has the time of a stop, without a signal; how it ends says whether that was a failure. */
function quitting({ spec, env }: Situation, unit: Unit): Outcome {
  const ranMs = unit.readyAtMs === null ? null : env.nowMs - unit.readyAtMs;
  const ending = { by: "quit", cause: "none", exit: null, detail: "it stops by itself", killed: [], ranMs } as const;
  return {
    unit: { ...unit, phase: "stopping", ending, due: { atMs: env.nowMs + spec.stop.timeoutMs, why: "stop-timeout" } },
    effects: [tell("stopping", "it says that it stops", { run: unit.run })],
  };
}

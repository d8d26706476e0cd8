import { formatDuration } from "../../base/duration.ts";
import { signalName } from "../../base/signals.ts";
import type { UnitEvent } from "./events.ts";
import { runLimit, type Move } from "./moves.ts";
import { HOOK_GUARD_MS } from "./preparation.ts";
import { record, type Outcome, type Situation } from "./outcome.ts";
import type { Due, Reload } from "./record.ts";
import type { SdNotifyFields } from "./sd-notify.ts";

/**
 * The moves that reload a service's own configuration. The exit code of a reload command tells whether the reload succeeded. A reload
 * signal has no result, unless the service is of type `notify` and announces the reload (RELOADING=1). Such a reload succeeds with
 * READY=1, and fails if READY=1 does not follow.
 */
type Of<T extends UnitEvent["type"]> = Extract<UnitEvent, { type: T }>;

/** How long a service of type `notify` has to announce a reload after the signal was sent or the command has ended. */
const NOTICE_MS = 1000;
/** A reload may take as long as a start (systemd.service(5), RELOADING=1 and TimeoutStartSec). This applies without `start_timeout`. */
const RELOAD_TIMEOUT_MS = 60_000;

const REQUESTED: Reload = { delivered: false, announced: false, ready: false, result: null };
const BY_ITSELF: Reload = { delivered: true, announced: true, ready: false, result: null };

export const reload: Move<Of<"reload">> = ({ unit, spec, env }) => {
  const timeout = spec.reload?.kind === "command" ? spec.reload.timeoutMs : 0;
  const due = { atMs: env.nowMs + timeout + HOOK_GUARD_MS, why: "reload-timeout" } as const;
  return { unit: { ...unit, phase: "reloading", reload: REQUESTED, due }, effects: [{ type: "reload", run: unit.run }] };
};

/** Handles a reload that the service announces (RELOADING=1) although sup did not request one. */
export const reloadByItself = (situation: Situation, notice: SdNotifyFields): Outcome => {
  const { unit } = situation;
  return { unit: { ...unit, phase: "reloading", reload: BY_ITSELF, due: answerDue(situation, notice, null) }, effects: [] };
};

/** Handles the event that the reload signal was sent or that the reload command has ended. */
export const reloadDelivered: Move<Of<"reloaded">> = (situation, { failure }) => {
  const { unit, spec, env } = situation;
  const { announced, ready } = unit.reload ?? REQUESTED;
  if (failure !== null || ready || (!announced && spec.type !== "notify")) return endReload(situation, failure);
  const due = announced ? unit.due : ({ atMs: env.nowMs + NOTICE_MS, why: "reload-notice" } as const);
  return { unit: { ...unit, reload: { ...(unit.reload ?? REQUESTED), delivered: true }, due }, effects: [] };
};

/** Handles a notification during a reload. READY=1 counts only after the reload was delivered or announced. */
export const reloadNotified = (situation: Situation, notice: SdNotifyFields): Outcome => {
  const { unit } = situation;
  const before = unit.reload ?? BY_ITSELF;
  const announced = before.announced || notice.reloading;
  const ready = (notice.ready || (before.ready && !notice.reloading)) && (announced || before.delivered);
  const now: Reload = { ...before, announced, ready };
  const due = notice.reloading ? answerDue(situation, notice, unit.due) : unit.due;
  const after = { ...situation, unit: { ...unit, reload: now, due } };
  return ready && before.delivered ? endReload(after, null) : { unit: after.unit, effects: [] };
};

export const reloadOverdue: Move<Of<"due">> = (situation, { why }) => {
  if (why === "reload-notice") return endReload(situation, null); // this service does not announce its reloads
  const { announced } = situation.unit.reload ?? REQUESTED;
  const limit = formatDuration(situation.spec.startTimeoutMs ?? RELOAD_TIMEOUT_MS);
  const silent = `the service announced a reload (RELOADING=1) but did not send READY=1 within ${limit}`;
  return endReload(situation, announced ? silent : "the reload did not finish in time");
};

function endReload({ unit, spec }: Situation, failure: string | null): Outcome {
  const { announced, ready } = unit.reload ?? REQUESTED;
  const isUnanswered = spec.reload?.kind === "signal" && !announced && !ready;
  const message = isUnanswered ? `${signalName(spec.reload.signal)} sent` : "configuration reloaded";
  const result = { failure, message };
  return {
    unit: { ...unit, phase: "running", due: runLimit(unit, spec), reload: { ...(unit.reload ?? REQUESTED), result } },
    effects: [record(failure === null ? "reloaded" : "reload-failed", failure ?? message, { run: unit.run })],
  };
}

/** Returns the deadline for the READY=1 that must follow RELOADING=1. */
function answerDue({ spec, env }: Situation, { extendMs }: SdNotifyFields, due: Due | null): Due {
  const atMs = env.nowMs + Math.max(spec.startTimeoutMs ?? RELOAD_TIMEOUT_MS, extendMs ?? 0);
  return { atMs: Math.max(atMs, due?.atMs ?? 0), why: "reload-timeout" };
}

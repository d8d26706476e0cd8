import type { EventType, UnitEvent } from "./events.ts";
import * as move from "./moves.ts";
import * as own from "./notice-moves.ts";
import * as postStop from "./post-stop-moves.ts";
import * as reloading from "./reload-moves.ts";
import type { Phase } from "./phase.ts";
import { signalSent } from "./stop-signal.ts";

/**
 * The reaction of a unit to each event in each phase. The type requires a cell for every pair of phase and event. A cell is one of:
 *
 *   move        a function computes the next unit and the effects
 *   ignore      nothing happens, for the given reason
 *   refuse      the request fails with an error for the user
 *   impossible  a bug in `World` or in the interpreter caused the event; the daemon logs it and continues
 *
 * `step.ts` drops facts of other runs before it consults this table.
 */
export type Cell<E extends UnitEvent> =
  | { readonly kind: "move"; readonly move: move.Move<E>; readonly name: string; readonly to: string }
  | { readonly kind: "ignore"; readonly why: string }
  | { readonly kind: "refuse"; readonly why: string }
  | { readonly kind: "impossible"; readonly why: string };

export type Row = { readonly [T in EventType]: Cell<Extract<UnitEvent, { type: T }>> };

/** Makes a cell of kind `move`. `to` lists the phases that the move may lead to, for the diagram; "=" means that the phase does not change. */
const go = <E extends UnitEvent>(to: string, name: string, fn: move.Move<E>): Cell<E> => ({ kind: "move", move: fn, name, to });
const ignore = (why: string): { readonly kind: "ignore"; readonly why: string } => ({ kind: "ignore", why });
const refuse = (why: string): { readonly kind: "refuse"; readonly why: string } => ({ kind: "refuse", why });
const never = (why: string): { readonly kind: "impossible"; readonly why: string } => ({ kind: "impossible", why });

const SETTLES = "idle waiting backoff failed fatal";
const OVER = ignore("the run has ended");
const STOPS = ignore("it is already stopping");
const noReload = refuse("it is not running");
const noClear = never("only a waiting unit is cleared");
const notYet = ignore("the main process does not exist yet");
const noRelease = ignore("its stop does not wait for dependents");

const over = {
  prepared: OVER,
  spawned: OVER,
  spawnFailed: OVER,
  ready: OVER,
  notified: OVER,
  mainChanged: OVER,
  exited: OVER,
  condemned: OVER,
  stable: OVER,
  reloaded: OVER,
  signalSent: OVER,
  restartTested: OVER,
  swept: OVER,
  finished: OVER,
} as const;

const down = {
  ...over,
  start: go("waiting", "wantUp", move.wantUp),
  restart: go("waiting", "wantUp", move.wantUp),
  reload: noReload,
  clear: noClear,
  release: noRelease,
} as const;

const noStage = never("this result was not requested");

/** The cells that `starting`, `running` and `reloading` share. */
const up = {
  start: go("=", "keepUp", move.keepUp),
  stop: go("=", "holdStop", move.holdStop),
  restart: go("= stopping killing", "restartTested", move.restartTested),
  restartTested: go("= stopping killing", "tested", move.tested),
  reset: go("=", "reset", move.reset),
  clear: noClear,
  release: go("stopping killing", "released", move.released),
  prepared: OVER,
  spawned: never("it was already executed"),
  spawnFailed: never("it was already executed"),
  ready: ignore("it is ready"),
  mainChanged: go("=", "mainChanged", own.mainChanged),
  exited: go("cleaning", "mainExited", move.mainExited),
  condemned: go("stopping killing", "condemned", move.condemned),
  stable: go("=", "stable", move.stable),
  signalSent: noStage,
  swept: noStage,
  finished: noStage,
} as const;

/** The cells that `stopping`, `killing`, `cleaning` and `finishing` share. */
const goingDown = {
  start: go("=", "startAfter", move.startAfter),
  stop: go("=", "stopInstead", move.stopInstead),
  restart: go("=", "startAfter", move.startAfter),
  reload: noReload,
  reset: go("=", "reset", move.reset),
  clear: noClear,
  release: noRelease,
  ready: STOPS,
  notified: STOPS,
  mainChanged: STOPS,
  condemned: STOPS,
  stable: STOPS,
  reloaded: STOPS,
  signalSent: OVER,
  restartTested: STOPS,
} as const;

const terminating = {
  ...goingDown,
  prepared: go("cleaning", "preparedLate", move.preparedLate),
  spawned: go("=", "spawnedLate", move.spawnedLate),
  notified: go("=", "notifiedStopping", own.notifiedStopping),
  mainChanged: go("=", "mainChanged", own.mainChanged),
  spawnFailed: go("cleaning", "spawnFailed", move.spawnFailed),
  exited: go("cleaning", "mainExited", move.mainExited),
  signalSent: go("=", "signalSent", signalSent),
  swept: noStage,
  finished: noStage,
} as const;

const mainIsGone = never("the main process is gone");

export const table: { readonly [P in Phase]: Row } = {
  idle: {
    ...down,
    stop: ignore("it is down"),
    reset: ignore("there is nothing to reset"),
    due: ignore("nothing is due"),
  },
  waiting: {
    ...over,
    start: go("=", "keepUp", move.keepUp),
    stop: go("idle", "cancel", move.cancel),
    restart: ignore("it is about to start"),
    reload: noReload,
    reset: go("=", "reset", move.reset),
    clear: go("preparing starting", "launch", move.launch),
    release: noRelease,
    due: ignore("nothing is due"),
  },
  preparing: {
    start: ignore("it is starting"),
    stop: go("stopping killing", "stopNow", move.stopNow),
    restart: go("stopping killing", "restartNow", move.restartNow),
    reload: noReload,
    reset: go("=", "reset", move.reset),
    clear: noClear,
    release: noRelease,
    prepared: go("starting cleaning", "prepared", move.prepared),
    spawned: noStage,
    spawnFailed: noStage,
    ready: noStage,
    notified: notYet,
    mainChanged: notYet,
    exited: noStage,
    condemned: notYet,
    stable: notYet,
    reloaded: noStage,
    signalSent: noStage,
    restartTested: noStage,
    swept: noStage,
    finished: noStage,
    due: go("stopping killing", "hookOverdue", move.hookOverdue),
  },
  starting: {
    ...up,
    restart: go("stopping killing", "restartNow", move.restartNow),
    restartTested: noStage,
    reload: refuse("it is still starting"),
    stable: ignore("it is not ready"),
    reloaded: noStage,
    spawned: go("= running", "spawned", move.spawned),
    spawnFailed: go("cleaning", "spawnFailed", move.spawnFailed),
    ready: go("running", "becomeReady", move.becomeReady),
    notified: go("= running", "notifiedStarting", own.notifiedStarting),
    due: go("stopping killing", "notReadyInTime", move.notReadyInTime),
  },
  running: {
    ...up,
    notified: go("= reloading stopping", "notifiedRunning", own.notifiedRunning),
    reload: go("reloading", "reload", reloading.reload),
    reloaded: ignore("the reload was abandoned"),
    due: go("stopping killing", "notReadyInTime", move.notReadyInTime),
  },
  reloading: {
    ...up,
    notified: go("= running stopping", "notifiedReloading", own.notifiedReloading),
    reload: refuse("a reload is already in progress"),
    reloaded: go("= running", "reloadDelivered", reloading.reloadDelivered),
    due: go("running", "reloadOverdue", reloading.reloadOverdue),
  },
  exited: {
    ...over,
    start: go("=", "keepUp", move.keepUp),
    stop: go("=", "holdStop", move.holdStop),
    restart: go("finishing waiting", "closeExited", move.closeExited),
    reload: noReload,
    reset: go("=", "reset", move.reset),
    clear: noClear,
    release: go("finishing idle", "closeExited", move.closeExited),
    due: ignore("nothing is due"),
  },
  stopping: {
    ...terminating,
    stop: go("= killing", "stopInstead", move.stopInstead),
    due: go("= killing", "stopOverdue", move.stopOverdue),
  },
  killing: { ...terminating, due: go("=", "killAgain", move.killAgain) },
  cleaning: {
    ...goingDown,
    prepared: OVER,
    spawned: mainIsGone,
    spawnFailed: mainIsGone,
    exited: mainIsGone,
    swept: go(`finishing exited ${SETTLES}`, "swept", move.swept),
    finished: noStage,
    due: go("=", "killLeftovers", move.killLeftovers),
  },
  finishing: {
    ...goingDown,
    prepared: OVER,
    spawned: mainIsGone,
    spawnFailed: mainIsGone,
    exited: mainIsGone,
    swept: go(SETTLES, "sweptAgain", postStop.sweptAgain),
    finished: go("=", "finished", postStop.finished),
    due: go("=", "finishOverdue", postStop.finishOverdue),
  },
  backoff: {
    ...down,
    stop: go("idle", "cancel", move.cancel),
    reset: go("=", "reset", move.reset),
    due: go("waiting", "retry", move.retry),
  },
  failed: {
    ...down,
    stop: go("=", "stayDown", move.stayDown),
    reset: go("idle", "resetDown", move.resetDown),
    due: ignore("nothing is due"),
  },
  fatal: {
    ...down,
    stop: go("=", "stayDown", move.stayDown),
    reset: go("idle", "resetDown", move.resetDown),
    due: go("waiting", "retryFatal", move.retryFatal),
  },
};

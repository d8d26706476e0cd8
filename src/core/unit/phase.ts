import type { State, UnitType } from "../../base/words.ts";

/**
 * The private phases of a unit. What the world sees are seven words; everything that decides works with these.
 *
 *   idle       down, nothing runs
 *   waiting    wanted up; waits for its dependencies or for its turn
 *   preparing  the pre_start commands run
 *   starting   the command was executed (or is about to be) and is not ready yet
 *   running    ready
 *   reloading  ready, and re-reading its own configuration
 *   exited     a oneshot that succeeded and counts as up (remain_after_exit)
 *   stopping   the stop signal was sent
 *   killing    SIGKILL was sent
 *   cleaning   the main process is gone; what it left behind is being ended
 *   finishing  the post_stop commands run
 *   backoff    it failed and will be started again at `due`
 *   failed     it failed and must not be started again by itself
 *   fatal      it failed too often
 */
export const PHASES = [
  "idle",
  "waiting",
  "preparing",
  "starting",
  "running",
  "reloading",
  "exited",
  "stopping",
  "killing",
  "cleaning",
  "finishing",
  "backoff",
  "failed",
  "fatal",
] as const;
export type Phase = (typeof PHASES)[number];

const STATE_OF: Record<Phase, State> = {
  idle: "stopped",
  waiting: "starting",
  preparing: "starting",
  starting: "starting",
  running: "running",
  reloading: "running",
  exited: "running",
  stopping: "stopping",
  killing: "stopping",
  cleaning: "stopping",
  finishing: "stopping",
  backoff: "backoff",
  failed: "failed",
  fatal: "fatal",
};

/** The public state. A unit that is up but was told to stop, and waits for its dependents to go first, is `stopping`. */
export function stateOf(unit: { readonly phase: Phase; readonly want: "up" | "down" }): State {
  const state = STATE_OF[unit.phase];
  return unit.want === "down" && HOLDS[unit.phase] ? "stopping" : state;
}

/** Phases in which a stop waits until the dependents that are stopping too are down. */
const HOLDS: Record<Phase, boolean> = {
  idle: false,
  waiting: false,
  preparing: false,
  starting: true,
  running: true,
  reloading: true,
  exited: true,
  stopping: false,
  killing: false,
  cleaning: false,
  finishing: false,
  backoff: false,
  failed: false,
  fatal: false,
};
export const holdsStop = (phase: Phase): boolean => HOLDS[phase];

/** Nothing of the unit runs, and nothing will by itself (but for a fatal unit's `fatal_retry_after`). */
export const isDown = (phase: Phase): boolean => phase === "idle" || phase === "failed" || phase === "fatal";

/** The unit's processes may be alive. */
export const isLive = (phase: Phase): boolean => !isDown(phase) && phase !== "waiting" && phase !== "backoff" && phase !== "exited";

/** It takes a place of `start_concurrency`. */
export const isStarting = (phase: Phase): boolean => phase === "preparing" || phase === "starting";

/** Its main process runs and is meant to. */
export const isProbed = (unit: { readonly phase: Phase; readonly process: unknown }): boolean =>
  unit.process !== null && (unit.phase === "starting" || unit.phase === "running" || unit.phase === "reloading");

/** It has to say READY=1 yet. */
export const awaitsReadyNotice = (unit: { readonly phase: Phase }, spec: { readonly type: UnitType }): boolean =>
  spec.type === "notify" && unit.phase === "starting";

/** It may be asked whether it is well: not before its READY=1, where that is asked for. */
export const mayProbe = (unit: { readonly phase: Phase; readonly process: unknown }, spec: { readonly type: UnitType }): boolean =>
  isProbed(unit) && !awaitsReadyNotice(unit, spec);

/** The word shown in `sub_state`. */
export function subStateOf(unit: { readonly phase: Phase; readonly want: "up" | "down" }): string {
  if (unit.want === "down" && HOLDS[unit.phase]) return "waiting for dependents";
  if (unit.phase === "idle") return "dead";
  if (unit.phase === "stopping") return "stop-signal";
  if (unit.phase === "finishing") return "post-stop";
  return unit.phase;
}

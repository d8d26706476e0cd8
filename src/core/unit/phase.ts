import type { State, UnitType } from "../../base/words.ts";

/**
 * The private phases of a unit. Decisions use these; users see the seven states that they map to.
 *
 *   idle       down, nothing runs
 *   waiting    wanted up; waits for its dependencies or for `start_concurrency`
 *   preparing  the pre_start commands run
 *   starting   the command was executed (or is about to be) and is not ready yet
 *   running    ready
 *   reloading  ready, and re-reading its own configuration
 *   exited     a oneshot that succeeded and counts as up (remain_after_exit)
 *   stopping   the stop signal was sent
 *   killing    SIGKILL was sent
 *   cleaning   the main process is gone; its remaining processes are being ended
 *   finishing  the post_stop commands run, then their remaining processes are being ended
 *   backoff    it failed and will be started again at `due`
 *   failed     it failed and its policy does not restart it
 *   fatal      its retries are used up
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

/** The public state. A unit that is up and waits for its dependents to stop first is `stopping`. */
export function stateOf(unit: { readonly phase: Phase; readonly want: "up" | "down" }): State {
  const state = STATE_OF[unit.phase];
  return unit.want === "down" && HOLDS[unit.phase] ? "stopping" : state;
}

/** Phases in which a stop waits until all dependents that are stopping too are down. */
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

/** No process of the unit runs, and none will start automatically (except by a fatal unit's `fatal_retry_after`). */
export const isDown = (phase: Phase): boolean => phase === "idle" || phase === "failed" || phase === "fatal";

/** The unit's processes may be alive. */
export const isLive = (phase: Phase): boolean => !isDown(phase) && phase !== "waiting" && phase !== "backoff" && phase !== "exited";

/** The unit counts towards `start_concurrency`. */
export const isStarting = (phase: Phase): boolean => phase === "preparing" || phase === "starting";

/** The main process runs and is not being stopped. */
export const isProbed = (unit: { readonly phase: Phase; readonly process: unknown }): boolean =>
  unit.process !== null && (unit.phase === "starting" || unit.phase === "running" || unit.phase === "reloading");

/** The unit has not sent its READY=1 yet. */
export const awaitsReadyNotice = (unit: { readonly phase: Phase }, spec: { readonly type: UnitType }): boolean =>
  spec.type === "notify" && unit.phase === "starting";

/** Probes may run: for units of type `notify` not before READY=1. */
export const mayProbe = (unit: { readonly phase: Phase; readonly process: unknown }, spec: { readonly type: UnitType }): boolean =>
  isProbed(unit) && !awaitsReadyNotice(unit, spec);

/** The value of `sub_state`. */
export function subStateOf(unit: { readonly phase: Phase; readonly want: "up" | "down" }): string {
  if (unit.want === "down" && HOLDS[unit.phase]) return "waiting for dependents";
  if (unit.phase === "idle") return "dead";
  if (unit.phase === "stopping") return "stop-signal";
  if (unit.phase === "finishing") return "post-stop";
  return unit.phase;
}

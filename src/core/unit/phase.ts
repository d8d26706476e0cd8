import type { State, UnitType } from "../../base/words.ts";

/**
 * The private phases of a unit. The code decides by phase. Users see only the seven public states that the phases map to.
 *
 *   idle       the unit is down and has not failed; no process runs
 *   waiting    the unit should run; it waits for its dependencies or for `start_concurrency`
 *   preparing  the conditions are checked, then the pre_start commands run
 *   starting   the command was executed (or is about to be), and the unit is not ready yet
 *   running    the unit is ready
 *   reloading  the unit is ready and re-reads its own configuration
 *   exited     the unit is a oneshot that succeeded and counts as running (remain_after_exit)
 *   stopping   the stop signal was sent
 *   killing    SIGKILL was sent
 *   cleaning   the main process is gone; sup ends the remaining processes of the run
 *   finishing  the post_stop commands run; then sup ends the processes that they left behind
 *   backoff    the unit failed and will be started again at `due`
 *   failed     the unit failed and its policy does not restart it
 *   fatal      the unit failed and its retries are used up
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

/** Returns the public state. A unit that should stop and waits for its dependents to stop first is `stopping`. */
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

/**
 * Returns true if no process of the unit runs and none will start automatically. This includes a fatal unit that waits for
 * `fatal_retry_after`.
 */
export const isDown = (phase: Phase): boolean => phase === "idle" || phase === "failed" || phase === "fatal";

/** Returns true if processes of the unit may be alive. */
export const isLive = (phase: Phase): boolean => !isDown(phase) && phase !== "waiting" && phase !== "backoff" && phase !== "exited";

/** Returns true if the unit counts towards `start_concurrency`. */
export const isStarting = (phase: Phase): boolean => phase === "preparing" || phase === "starting";

/** Returns true if the main process runs and is not being stopped. */
export const isProbed = (unit: { readonly phase: Phase; readonly process: unknown }): boolean =>
  unit.process !== null && (unit.phase === "starting" || unit.phase === "running" || unit.phase === "reloading");

interface ReadyBy {
  readonly type: UnitType;
  readonly readyLog: unknown;
}

/** Returns true if the unit must still send READY=1, or write the line of `ready_log`. */
export const awaitsReadyNotice = (unit: { readonly phase: Phase }, spec: ReadyBy): boolean =>
  (spec.type === "notify" || spec.readyLog !== null) && unit.phase === "starting";

/** Returns true if probes may run. They wait for READY=1 of units of type `notify`, and for the line of `ready_log`. */
export const mayProbe = (unit: { readonly phase: Phase; readonly process: unknown }, spec: ReadyBy): boolean =>
  isProbed(unit) && !awaitsReadyNotice(unit, spec);

/** Returns the published value of `sub_state`. */
export function subStateOf(unit: { readonly phase: Phase; readonly want: "up" | "down" }): string {
  if (unit.want === "down" && HOLDS[unit.phase]) return "waiting for dependents";
  if (unit.phase === "idle") return "dead";
  if (unit.phase === "stopping") return "stop-signal";
  if (unit.phase === "finishing") return "post-stop";
  return unit.phase;
}

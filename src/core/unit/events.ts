import type { Exit } from "../../base/exit.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { SdNotifyFields } from "./sd-notify.ts";
import type { Cause, DueWhy, SpawnFailure } from "./record.ts";

/**
 * Everything that can happen to a unit. Requests have imperative names and come from the operator, the planner or the world.
 * Facts have names in the past tense and carry the number of the run that they concern.
 */
export type UnitEvent =
  | { readonly type: "start"; readonly cause: Cause }
  | { readonly type: "stop"; readonly cause: Cause }
  | { readonly type: "restart"; readonly cause: Cause }
  | { readonly type: "reload" }
  | { readonly type: "reset" }
  /** The world reports that the dependencies are met and that `start_concurrency` allows another start. */
  | { readonly type: "clear" }
  /** The world reports that no dependent of this unit is stopping any more: all of them are down. The stop of this unit may proceed. */
  | { readonly type: "release" }
  /** The conditions and the pre_start commands are done. `unmet`: the condition that is not met, in words; nothing else was run. */
  | { readonly type: "prepared"; readonly run: number; readonly failure: string | null; readonly unmet?: string }
  | { readonly type: "spawned"; readonly run: number; readonly process: ProcessRef }
  | { readonly type: "spawnFailed"; readonly run: number; readonly failure: SpawnFailure }
  | { readonly type: "ready"; readonly run: number }
  /** The service sent an sd_notify(3) message. */
  | { readonly type: "notified"; readonly run: number; readonly notice: SdNotifyFields }
  /** The service sent MAINPID=, so another process of the run is the main process from now on. */
  | { readonly type: "mainChanged"; readonly run: number; readonly process: ProcessRef }
  | { readonly type: "exited"; readonly run: number; readonly exit: Exit }
  /** A live run failed its health check, missed its watchdog, exceeded a limit, or wrote a line that matches `fail_log`. */
  | { readonly type: "condemned"; readonly run: number; readonly by: "health" | "watchdog" | "resources" | "log"; readonly detail: string }
  /** The unit has been running for `reset_after`. */
  | { readonly type: "stable"; readonly run: number }
  /** The reload signal was sent, or the reload command has ended. */
  | { readonly type: "reloaded"; readonly run: number; readonly failure: string | null }
  /** The signal of a stop or drain was sent. */
  | { readonly type: "signalSent"; readonly run: number }
  /** The pre_restart commands have ended. */
  | { readonly type: "restartTested"; readonly run: number; readonly failure: string | null }
  /**
   * No process of the run is left. `killed` names the processes that needed SIGKILL. `left` is true if other processes outlived the
   * main process.
   */
  | { readonly type: "swept"; readonly run: number; readonly killed: readonly string[]; readonly left?: boolean }
  | { readonly type: "finished"; readonly run: number; readonly failure: string | null }
  /** The unit's deadline has passed. `detail` describes the known cause of a timeout. */
  | { readonly type: "due"; readonly run: number; readonly why: DueWhy; readonly detail?: string };

export type EventType = UnitEvent["type"];

export const EVENT_TYPES = [
  "start",
  "stop",
  "restart",
  "reload",
  "reset",
  "clear",
  "release",
  "prepared",
  "spawned",
  "spawnFailed",
  "ready",
  "notified",
  "mainChanged",
  "exited",
  "condemned",
  "stable",
  "reloaded",
  "signalSent",
  "restartTested",
  "swept",
  "finished",
  "due",
] as const satisfies readonly EventType[];

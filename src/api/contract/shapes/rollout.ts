import { z } from "zod";
import { id, time } from "./common.ts";

export const rolloutStatus = z.object({
  service: id,
  /** The number of the rollout, which new runs get as SUP_GENERATION. */
  generation: z.number().int(),
  /** The state. `reverting` means that the definition that worked last is in force again, and that units with the new one are restarted. */
  state: z.enum(["running", "paused", "reverting", "done", "failed", "cancelled"]),
  /** True in the states `running`, `paused` and `reverting`. */
  active: z.boolean(),
  /** How many units are to be restarted, and how many of them were restarted and are healthy. */
  total: z.number().int(),
  restarted: z.number().int(),
  /**
   * True while the rollout is paused because as many new units as `canary` says are healthy. It ends when the rollout is
   * promoted or rolled back.
   */
  awaits_promotion: z.boolean(),
  failure: z.string().nullable(),
  started: time,
  ended: time.nullable(),
  /** The units in the order in which they are restarted, then the additional units, which are removed at the end. */
  units: z.array(z.object({ id, additional: z.boolean(), phase: z.enum(["old", "starting", "new", "leaving", "gone"]) })),
  /** What a dry run would do, in order. */
  steps: z.array(z.string()).optional(),
});
export type RolloutStatus = z.infer<typeof rolloutStatus>;

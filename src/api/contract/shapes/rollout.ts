import { z } from "zod";
import { id, time } from "./common.ts";

export const rolloutStatus = z.object({
  service: id,
  /** The number of the rollout, which new runs get as SUP_GENERATION. */
  generation: z.number().int(),
  /** `reverting`: the definition that worked last is in force again, and the units that run the new one are restarted. */
  state: z.enum(["running", "paused", "reverting", "done", "failed", "cancelled"]),
  /** True while it goes on, is paused, or reverts. */
  active: z.boolean(),
  /** How many units are to be restarted, and how many of them were restarted and are healthy. */
  total: z.number().int(),
  restarted: z.number().int(),
  /** True while it is paused, because as many new units as `canary` says are healthy, until it is promoted or rolled back. */
  awaits_promotion: z.boolean(),
  failure: z.string().nullable(),
  started: time,
  ended: time.nullable(),
  /** The units in the order in which they are restarted, then the additional units, which leave at the end. */
  units: z.array(z.object({ id, additional: z.boolean(), phase: z.enum(["old", "starting", "new", "leaving", "gone"]) })),
  /** What a dry run would do, in order. */
  steps: z.array(z.string()).optional(),
});
export type RolloutStatus = z.infer<typeof rolloutStatus>;

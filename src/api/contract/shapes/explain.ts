import { z } from "zod";
import { CONDITIONS } from "../../../base/words.ts";
import { id, time } from "./common.ts";
import { service } from "./service.ts";

export const why = z.object({
  service,
  /** The history, oldest first, with repetitions summed up. `lines` is the last output of a failed run. */
  story: z.array(z.object({ time, text: z.string(), lines: z.array(z.string()) })),
  policy: z.array(z.string()),
  /** What happens next. `time` says when, or is null if the unit waits for something else. */
  next: z.array(z.object({ text: z.string(), time: time.nullable() })),
});
export type Why = z.infer<typeof why>;

export const explanation = z.object({
  id,
  /** The unit and everything it needs, in start order. The units of one wave start in parallel. */
  waves: z.array(z.array(id)),
  needs: z.array(z.object({ unit: id, condition: z.enum(CONDITIONS), required: z.boolean() })),
  needed_by: z.array(id),
  ready_when: z.string(),
  /**
   * The retries if every run failed at once, with times counted from the first start. Without a limit, only the first retries are
   * listed.
   */
  retries: z.array(z.object({ attempt: z.number().int(), delay_seconds: z.number(), at_seconds: z.number() })),
  /** The time until the unit gives up, or null if it retries forever or never retries. */
  fatal_after_seconds: z.number().nullable(),
  policy: z.array(z.string()),
  enforcement: z.array(z.string()),
  /** What automatic scaling would do with the unit's service now, in sentences. Absent if the service does not scale itself. */
  scaling: z.array(z.string()).optional(),
  /** The service that the unit belongs to; absent for a plain unit. */
  service: z.string().optional(),
});
export type Explanation = z.infer<typeof explanation>;

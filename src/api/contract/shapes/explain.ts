import { z } from "zod";
import { CONDITIONS } from "../../../base/words.ts";
import { id, time } from "./common.ts";
import { service } from "./service.ts";

export const why = z.object({
  service,
  /** Oldest first; repetitions are summed up. `lines`: the last output of a failed run. */
  story: z.array(z.object({ time, text: z.string(), lines: z.array(z.string()) })),
  policy: z.array(z.string()),
  /** `time`: when it will happen; null when it waits for something else. */
  next: z.array(z.object({ text: z.string(), time: time.nullable() })),
});
export type Why = z.infer<typeof why>;

export const explanation = z.object({
  id,
  /** The unit and everything it needs, in start order: the units of a wave start in parallel. */
  waves: z.array(z.array(id)),
  needs: z.array(z.object({ unit: id, condition: z.enum(CONDITIONS), required: z.boolean() })),
  needed_by: z.array(id),
  ready_when: z.string(),
  /** The retries if every run failed at once, counted from the first start; only the first ones when there is no limit. */
  retries: z.array(z.object({ attempt: z.number().int(), delay_seconds: z.number(), at_seconds: z.number() })),
  /** Null: it retries for ever, or never. */
  fatal_after_seconds: z.number().nullable(),
  policy: z.array(z.string()),
  enforcement: z.array(z.string()),
});
export type Explanation = z.infer<typeof explanation>;

import { z } from "zod";
import { id, time } from "./common.ts";

export const event = z.object({
  id: z.number().int(),
  service_id: id.nullable(),
  event_type: z.string(),
  timestamp: time,
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type Event = z.infer<typeof event>;

import { z } from "zod";
import { SEVERITIES } from "../../../base/words.ts";
import { id, time } from "./common.ts";

export const alert = z.object({
  id: z.number().int(),
  service_id: id.nullable(),
  severity: z.enum(SEVERITIES),
  alert_type: z.string(),
  message: z.string(),
  created_at: time,
  resolved_at: time.nullable(),
  acknowledged: z.boolean(),
});
export type Alert = z.infer<typeof alert>;

import { z } from "zod";
import { id } from "./common.ts";

export const logLine = z.object({
  time: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  full: z.boolean(),
  text: z.string(),
  service_id: id.optional(),
});
export type LogLineShape = z.infer<typeof logLine>;

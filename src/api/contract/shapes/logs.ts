import { z } from "zod";
import { id } from "./common.ts";

export const logLine = z.object({
  time: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  /** False: a piece of a line over 1 MiB, or of one whose end has not been written yet. */
  full: z.boolean(),
  text: z.string(),
  service_id: id.optional(),
});
export type LogLineShape = z.infer<typeof logLine>;

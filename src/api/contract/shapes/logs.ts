import { z } from "zod";
import { id } from "./common.ts";

export const logLine = z.object({
  time: z.string(),
  stream: z.enum(["stdout", "stderr"]),
  /** False for a piece of a line: the line is longer than 1 MiB, or its end has not been written yet. */
  full: z.boolean(),
  text: z.string(),
  service_id: id.optional(),
});
export type LogLineShape = z.infer<typeof logLine>;

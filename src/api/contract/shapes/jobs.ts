import { z } from "zod";
import { REASONS, STATES } from "../../../base/words.ts";
import { id } from "./common.ts";

export const jobOutcome = z.object({
  id,
  /**
   * `failed` is explained by `message`. `unchanged` means that there was nothing to do. `pending` means not finished yet
   * (wait=false).
   */
  result: z.enum(["done", "unchanged", "failed", "pending", "planned"]),
  state: z.enum(STATES),
  message: z.string(),
  /** An error code of `errors.ts`, if the action failed. */
  code: z.string().optional(),
});
export type JobOutcome = z.infer<typeof jobOutcome>;

export const jobResult = z.object({
  job: z.string().optional().describe("Id of the job, for `GET …/jobs/<id>`; absent when the action is not a job"),
  outcomes: z.array(jobOutcome),
  warnings: z.array(z.string()),
});
export type JobResult = z.infer<typeof jobResult>;

/** The end of a transient unit. */
export const runEnd = z.object({
  id,
  state: z.enum(STATES),
  reason: z.enum(REASONS),
  /** The exit code of the main process: 128 plus the signal number if a signal killed the process, null if it never ran. */
  exit_code: z.number().int().nullable(),
  message: z.string(),
});
export type RunEnd = z.infer<typeof runEnd>;

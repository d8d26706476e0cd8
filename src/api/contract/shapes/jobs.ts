import { z } from "zod";
import { AGENT_NAME } from "../../../base/names.ts";
import { REASONS, STATES } from "../../../base/words.ts";
import { id } from "./common.ts";

export const ACTIONS = ["start", "stop", "restart", "reload", "kill", "enable", "disable", "reset-failed"] as const;
export type Action = (typeof ACTIONS)[number];

export const jobRequest = z.strictObject({
  action: z.enum(ACTIONS),
  units: z.array(z.string().max(200)).min(1).max(10_000).describe("Names, globs and `@groups`"),
  wait: z.boolean().default(true).describe("If true, the response is sent when the action is done; if false, as soon as it was requested"),
  now: z.boolean().default(false).describe("With enable: also start now; with disable: also stop now"),
  cascade: z.boolean().default(false).describe("With stop: first stop the running units that need them"),
  dry_run: z.boolean().default(false).describe("Only report what would happen"),
  signal: z.string().optional().describe("With kill: `SIGHUP`, `HUP` or `1`"),
  agent: z
    .string()
    .regex(AGENT_NAME, "must be 1 to 64 letters, digits, spaces, _ . @ : / or -")
    .optional()
    .describe("Name of the agent that makes the request; the history of each unit then contains it"),
});
export type JobRequest = z.input<typeof jobRequest>;

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

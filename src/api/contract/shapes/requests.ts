import { z } from "zod";
import { AGENT_NAME } from "../../../base/names.ts";
import { MAX_TYPED_BYTES } from "../limits.ts";
import { id } from "./common.ts";

export const ACTIONS = ["start", "stop", "restart", "reload", "kill", "enable", "disable", "reset-failed"] as const;
export type Action = (typeof ACTIONS)[number];

export const jobRequest = () =>
  z.strictObject({
    action: z.enum(ACTIONS),
    units: z.array(z.string().max(200)).min(1).max(10_000).describe("Names, globs and `@groups`"),
    wait: z
      .boolean()
      .default(true)
      .describe("If true, the response is sent when the action is done; if false, as soon as it was requested"),
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
export type JobRequest = z.input<ReturnType<typeof jobRequest>>;

export const metricsReport = () => z.strictObject({ service_id: id, metrics: z.record(z.string().min(1).max(128), z.number()) });
export type MetricsReport = z.infer<ReturnType<typeof metricsReport>>;

const size = (of: string) => z.int().min(1).max(10_000).optional().describe(`${of} of the client's terminal`);

/** A client that attaches to the terminal of a unit. */
export const attaching = () =>
  z.strictObject({
    columns: size("Columns"),
    rows: size("Rows"),
    watch: z.boolean().default(false).describe("Only look, and never type"),
    take: z.boolean().default(false).describe("Type from now on, whoever typed before"),
    name: z.string().max(100).default("another client").describe("What other clients call this one"),
  });
export type Attaching = z.output<ReturnType<typeof attaching>>;

export const typed = () =>
  z.strictObject({
    session: z.string().max(64).describe("The session of the attached client"),
    data: z
      .base64()
      .max((MAX_TYPED_BYTES / 3) * 4)
      .optional()
      .describe("What to type, in base64"),
    columns: size("Columns"),
    rows: size("Rows"),
  });

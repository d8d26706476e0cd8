import { z } from "zod";
import { HEALTHS, REASONS, STATES } from "../../../base/words.ts";
import { id, time } from "./common.ts";

export const probeResult = z.object({
  time,
  kind: z.enum(["ok", "bad", "broken"]),
  detail: z.string(),
  response_ms: z.number().nullable(),
  fallback: z.boolean(),
});
export type ProbeResultShape = z.infer<typeof probeResult>;

export const serviceHealth = z.object({
  id,
  health: z.enum(HEALTHS),
  state: z.enum(STATES),
  /** How the last run ended; null before the first end. */
  last_exit: z.string().nullable(),
  check: z.string().nullable(),
  consecutive_failures: z.number().int(),
  failure_threshold: z.number().int().nullable(),
  next_probe: time.nullable(),
  results: z.array(probeResult),
});
export type ServiceHealth = z.infer<typeof serviceHealth>;

export const overallHealth = z.object({
  status: z.enum(["healthy", "degraded", "unhealthy"]),
  counts: z.record(z.string(), z.number().int()),
  /** `detail` says what the last failed probe reported, or how the last run ended. */
  not_healthy: z.array(
    z.object({ id, state: z.enum(STATES), health: z.enum(HEALTHS), reason: z.enum(REASONS), detail: z.string().nullable().optional() }),
  ),
});
export type OverallHealth = z.infer<typeof overallHealth>;

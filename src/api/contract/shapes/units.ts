import { z } from "zod";
import { CONDITIONS, STATES } from "../../../base/words.ts";
import { id } from "./common.ts";

export const problem = z.object({
  severity: z.enum(["error", "warning"]),
  file: z.string(),
  line: z.number().int().nullable(),
  column: z.number().int().nullable(),
  /** The dotted path of the key, or "" for the whole file. */
  key: z.string(),
  /** The offending value as JSON. */
  value: z.string().nullable(),
  message: z.string(),
  hint: z.string().nullable(),
});
export type ProblemShape = z.infer<typeof problem>;

export const reloadPlan = z.object({
  dry_run: z.boolean(),
  units: z.array(
    z.object({
      id,
      change: z.enum(["added", "removed", "changed", "broken", "masked"]),
      /** The dotted keys that differ. A change applies `live` (at once) or needs a `restart`. */
      keys: z.array(z.object({ key: z.string(), applies: z.enum(["live", "restart"]) })),
      action: z.enum(["start", "stop", "restart", "apply", "keep", "load"]),
      message: z.string(),
    }),
  ),
  problems: z.array(problem),
});
export type ReloadPlan = z.infer<typeof reloadPlan>;

export const serviceFile = z.object({
  id,
  files: z.array(z.object({ path: z.string(), text: z.string() })),
  /** The merged unit with defaults. It has the keys of a unit file. */
  effective: z.record(z.string(), z.unknown()),
  /** The source of each dotted key: `default`, or `path:line`. */
  sources: z.record(z.string(), z.string()),
});
export type ServiceFile = z.infer<typeof serviceFile>;

/** The file that declares a unit, as it is on disk. */
export const unitText = z.object({
  id,
  path: z.string(),
  text: z.string(),
  /** Null if the secrets are hidden, because such a text must not replace the file. */
  etag: z.string().nullable(),
});
export type UnitText = z.infer<typeof unitText>;

export const unitWrite = z.object({
  id,
  path: z.string(),
  /** Identifies the new content. */
  etag: z.string(),
  /** False if the text has errors. Such a text is never written. */
  valid: z.boolean(),
  written: z.boolean(),
  /** Errors and warnings of the file, and new errors of other files. */
  problems: z.array(problem),
  /** What a reload would do if the file had this content. */
  plan: reloadPlan.shape.units,
});
export type UnitWrite = z.infer<typeof unitWrite>;

export const graph = z.object({
  /** A node is a service: a plain unit, or a service with `instances`, whose units are in `units`. */
  nodes: z.array(z.object({ id, state: z.enum(STATES), wave: z.number().int(), units: z.array(id).optional() })),
  edges: z.array(z.object({ from: id, to: id, condition: z.enum(CONDITIONS), required: z.boolean() })),
});
export type Graph = z.infer<typeof graph>;

import { z } from "zod";
import { CONTAINMENTS, HEALTHS, STATES } from "../../../base/words.ts";
import { id, time } from "./common.ts";
import { service } from "./service.ts";

export const daemon = z.object({
  version: z.string(),
  pid: z.number().int(),
  start_time: time,
  uptime_seconds: z.number(),
  /** `system`, `user` or `portable` (SUP_HOME is set). */
  mode: z.string(),
  unit_path: z.array(z.string()),
  state_dir: z.string(),
  log_dir: z.string(),
  socket: z.string(),
  /** The address of the page, such as `http://127.0.0.1:7870`. If it is null, `notes` has the reason. */
  url: z.string().nullable(),
  /** How the processes of units are tracked. `containment_note` says why there are no cgroups. */
  containment: z.enum(CONTAINMENTS),
  containment_note: z.string().nullable(),
  /** Conditions that an operator should know of: a port in use, a damaged database that was set aside, a bad unit file. */
  notes: z.array(z.string()),
  /**
   * Directories of the unit path that a user's daemon ignores while the system's daemon answers on `owner`, with the units in
   * them.
   */
  left_alone: z.array(z.object({ directory: z.string(), units: z.array(z.string()), owner: z.string() })),
});
export type DaemonInfo = z.infer<typeof daemon>;

const maskedUnit = z.object({ id, file: z.string() });
const brokenUnit = z.object({ id, file: z.string(), problems: z.array(z.string()) });
export type BrokenUnit = z.infer<typeof brokenUnit>;

export const status = z.object({
  daemon,
  services: z.array(service),
  /** Units and templates that cannot be started because their file is a link to /dev/null. They are not in `services`. */
  masked: z.array(maskedUnit).optional(),
  /** Units and templates that could not be loaded because their file has errors; they are not in `services`. */
  broken: z.array(brokenUnit).optional(),
});
export type Status = z.infer<typeof status>;

/** What changes when unit files change, apart from the services: the daemon's notes, and the units that are not loaded. */
export interface UnitFiles {
  readonly notes: readonly string[];
  readonly masked: ReadonlyArray<z.infer<typeof maskedUnit>>;
  readonly broken: readonly BrokenUnit[];
}

/** Figures of the machine on which the daemon runs, measured at its last tick. A figure is null if it is unknown. */
export const host = z.object({
  name: z.string(),
  cores: z.number().int(),
  /** CPU use in percent of all cores, over the time since the tick before. */
  cpu_percent: z.number().nullable(),
  /** All memory in MiB, and the memory in use that the kernel cannot reclaim without swapping. */
  memory_mb: z.number().nullable(),
  memory_used_mb: z.number().nullable(),
  /** The file system that holds the logs, in MiB. */
  disk_mb: z.number().nullable(),
  disk_free_mb: z.number().nullable(),
  /** The load averages over 1, 5 and 15 minutes. */
  load: z.array(z.number()).nullable(),
});
export type Host = z.infer<typeof host>;

export const summary = z.object({
  total: z.number().int(),
  by_state: z.record(z.enum(STATES), z.number().int()),
  by_health: z.record(z.enum(HEALTHS), z.number().int()),
  restarts_24h: z.number().int(),
  cpu_percent: z.number(),
  memory_mb: z.number(),
  critical_down: z.array(id),
  open_alerts: z.number().int(),
});
export type Summary = z.infer<typeof summary>;

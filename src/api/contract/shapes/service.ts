import { z } from "zod";
import { CONDITIONS, CONTAINMENTS, HEALTHS, REASONS, STATES } from "../../../base/words.ts";
import { id, time } from "./common.ts";
import { event } from "./events.ts";
import { logLine } from "./logs.ts";

const schedule = z.object({
  cron: z.string().nullable(),
  timezone: z.string().nullable(),
  every_seconds: z.number().nullable(),
  catch_up: z.boolean(),
  overlap: z.enum(["skip", "queue", "kill"]),
  /** False: the operator or the unit file disables it. */
  active: z.boolean(),
  next_run: time.nullable(),
  /** When it was last due and ran, or was skipped because the previous run had not ended. */
  last_run: time.nullable(),
  /** Another run follows as soon as the present one ends. */
  queued: z.boolean(),
});

export const service = z.object({
  id,
  name: z.string(),
  description: z.string(),
  state: z.enum(STATES),
  sub_state: z.string(),
  reason: z.enum(REASONS),
  /** When it entered this state; null before its first change. */
  state_since: time.nullable(),
  health: z.enum(HEALTHS),
  pid: z.number().int().nullable(),
  port: z.number().int().nullable(),
  start_time: time.nullable(),
  uptime_seconds: z.number(),
  /** Restarts by the restart policy, after a failure or a clean exit. */
  restart_count: z.number().int(),
  /** The other restarts, by who requested them. */
  requested_restarts: z.object({
    operator: z.number().int(),
    watch: z.number().int(),
    schedule: z.number().int(),
    dependency: z.number().int(),
    reload: z.number().int(),
  }),
  last_restart: time.nullable(),
  priority: z.number().int(),
  critical: z.boolean(),
  auto_restart: z.boolean(),
  enabled: z.boolean(),
  groups: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  cpu_percent: z.number().nullable(),
  memory_mb: z.number().nullable(),
  tasks: z.number().int().nullable(),
  /** Open file descriptors of all its processes. */
  open_files: z.number().int().nullable(),
  exit_code: z.number().int().nullable(),
  /** The service's own description of its status (sd_notify, STATUS=). */
  status_text: z.string().nullable(),
  /** How its processes are tracked: in a cgroup of their own, or by marks that they carry. Null while none runs. */
  containment: z.enum(CONTAINMENTS).nullable(),
  /** How the last run ended: "exit code 3", "killed by SIGKILL", "cannot execute: no such file or directory (ENOENT)". */
  last_exit: z.string().nullable(),
  /** SUP_INVOCATION_ID of the present run, or of the last one; null before the first. */
  invocation: z.string().nullable(),
  /** Ids of the dependencies it waits for. */
  waiting_for: z.array(z.string()),
  /** The file on disk differs from the version in use, or can no longer be read. */
  changed_on_disk: z.boolean(),
  /** Problems of the file on disk, while the last good version stays in use. */
  problems: z.array(z.string()),
  /** Failed retries since it last ran well. */
  retries: z.number().int(),
  max_retries: z.number().int(),
  next_attempt: time.nullable(),
  file: z.string(),
  type: z.string(),
  schedule: schedule.nullable(),
  dependencies: z.array(z.object({ unit: id, condition: z.enum(CONDITIONS), required: z.boolean(), restart: z.boolean() })),
});
export type Service = z.infer<typeof service>;

/** One process of a unit. Everything but pid and name is null when unknown, such as for a process that has just ended. */
export const serviceProcess = z.object({
  pid: z.number().int(),
  name: z.string(),
  ppid: z.number().int().nullable(),
  /** Percent of one core: over the time since the last sample, or since its start when it is younger than that. */
  cpu_percent: z.number().nullable(),
  /** MiB of resident memory; pages that processes share count in each of them. */
  memory_mb: z.number().nullable(),
  started_at: time.nullable(),
});
export type ServiceProcess = z.infer<typeof serviceProcess>;

/** One output loss of the log. */
const loss = z.object({
  /** `limit`: `log.rate_limit` dropped it. `disk`: the disk refused it. */
  why: z.enum(["limit", "disk"]),
  lines: z.number().int(),
  bytes: z.number().int(),
  since: time,
  cause: z.string(),
  /** False: lines are still being lost. */
  over: z.boolean(),
});

/** The service with everything that the machine has to be searched for. */
export const serviceDetail = service.extend({
  command: z.string(),
  /** How each of its resource limits is enforced, in words. */
  enforcement: z.array(z.string()),
  /** Limits that it is predicted to reach, in sentences. */
  predictions: z.array(z.string()),
  /** Memory of all its processes with shared pages counted proportionally (PSS); null unless requested. */
  pss_mb: z.number().nullable(),
  log: z.object({
    /** Output that was lost since the daemon opened the log. */
    losses: z.array(loss),
    /** Why the file was not rotated although it was due. */
    trouble: z.string().nullable(),
  }),
  processes: z.array(serviceProcess),
  recent_events: z.array(event),
  recent_lines: z.array(logLine),
});
export type ServiceDetail = z.infer<typeof serviceDetail>;

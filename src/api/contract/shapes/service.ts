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
  /** False if the operator or the unit file disables the schedule. */
  active: z.boolean(),
  next_run: time.nullable(),
  /** The time at which the schedule was last due. At that time a run started, or was skipped because the previous run had not ended. */
  last_run: time.nullable(),
  /** True if another run follows as soon as the present one ends. */
  queued: z.boolean(),
});

export const service = z.object({
  id,
  name: z.string(),
  description: z.string(),
  state: z.enum(STATES),
  sub_state: z.string(),
  reason: z.enum(REASONS),
  /** The time at which the unit entered this state, or null before its first change. */
  state_since: time.nullable(),
  health: z.enum(HEALTHS),
  pid: z.number().int().nullable(),
  port: z.number().int().nullable(),
  start_time: time.nullable(),
  uptime_seconds: z.number(),
  /** The number of restarts by the restart policy, after a failure or a clean exit. */
  restart_count: z.number().int(),
  /** The number of other restarts, by who requested them. */
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
  /** The number of open file descriptors of all processes of the unit. */
  open_files: z.number().int().nullable(),
  exit_code: z.number().int().nullable(),
  /** The service's own description of its status (sd_notify, STATUS=). */
  status_text: z.string().nullable(),
  /** How the unit's processes are tracked: by a cgroup of their own, or by session, parent and environment. Null while no process runs. */
  containment: z.enum(CONTAINMENTS).nullable(),
  /** How the last run ended: "exit code 3", "killed by SIGKILL", "cannot execute: no such file or directory (ENOENT)". */
  last_exit: z.string().nullable(),
  /**
   * How the main process of the last run ended, such as "killed by SIGTERM". Present if `last_exit` contains the reason why
   * sup ended the run instead.
   */
  last_exit_status: z.string().nullable().optional(),
  /** While the unit is down after a failure, the line of the run's last output that says most about the cause. Otherwise null. */
  last_line: z.string().nullable().optional(),
  /** While the unit is unhealthy or degraded, what the last failed probe reported. Otherwise null. */
  probe_failure: z.string().nullable().optional(),
  /**
   * The limits that the unit exceeds at present, with the last sample. Memory is in MiB, CPU in percent of one core. `text` is, for
   * example, "memory is over its limit: 600 MiB of 512 MiB". Absent if there are none.
   */
  over_limits: z
    .array(z.object({ limit: z.enum(["memory", "cpu", "tasks"]), value: z.number(), max: z.number(), text: z.string() }))
    .optional(),
  /** The SUP_INVOCATION_ID of the present run or, if the unit is down, of the last run. Null before the first run. */
  invocation: z.string().nullable(),
  /** The ids of the dependencies that the unit waits for. */
  waiting_for: z.array(z.string()),
  /** The same dependencies with their states. A state is null if there is no such unit. */
  obstacles: z.array(z.object({ unit: z.string(), state: z.enum(STATES).nullable() })).optional(),
  /** True if the unit file on disk differs from the version in use or can no longer be read. */
  changed_on_disk: z.boolean(),
  /**
   * Set while the unit file on disk is not in force because its rollout failed or was rolled back. Contains the number of the
   * rollout, its end and the cause. `sup reload` tries the file again.
   */
  reverted: z.object({ rollout: z.number().int(), time, cause: z.string() }).optional(),
  /** True if the unit file was deleted. `sup reload` then stops the unit and removes it. */
  file_removed: z.boolean().optional(),
  /** The problems of the unit file on disk. While it has problems, the last good version stays in use. */
  problems: z.array(z.string()),
  /** The number of failed retries since the unit last ran well. */
  retries: z.number().int(),
  max_retries: z.number().int(),
  next_attempt: time.nullable(),
  file: z.string(),
  type: z.string(),
  /** The service that the unit belongs to. `service` and `instance` are absent for a plain unit, which is the only unit of its service. */
  service: z.string().optional(),
  instance: z.number().int().optional(),
  /** How the service is scaled automatically; absent without automatic scaling. */
  scaling: z
    .object({ min: z.number().int(), max: z.number().int(), metrics: z.array(z.object({ metric: z.string(), target: z.number() })) })
    .optional(),
  /** True if the service has fewer units now, so that this unit is stopped and then removed. */
  leaving: z.boolean().optional(),
  /** For the totals of a service with `instances`: the ids of its units, how many are running, and how many should be. */
  units: z.array(id).optional(),
  ready: z.number().int().optional(),
  wanted: z.number().int().optional(),
  schedule: schedule.nullable(),
  dependencies: z.array(z.object({ unit: id, condition: z.enum(CONDITIONS), required: z.boolean(), restart: z.boolean() })),
});
export type Service = z.infer<typeof service>;

/**
 * One process of a unit. A field is null if unknown, for example because the process has just ended. Only pid and name are
 * always known.
 */
export const serviceProcess = z.object({
  pid: z.number().int(),
  name: z.string(),
  ppid: z.number().int().nullable(),
  /** CPU use in percent of one core since the last sample. For a process that started later, since its start. */
  cpu_percent: z.number().nullable(),
  /** Resident memory in MiB. Pages that processes share count in each process. */
  memory_mb: z.number().nullable(),
  started_at: time.nullable(),
});
export type ServiceProcess = z.infer<typeof serviceProcess>;

/** A loss of output in the log. */
const loss = z.object({
  /** `limit` means that `log.rate_limit` dropped the output, `disk` that the disk refused it. */
  why: z.enum(["limit", "disk"]),
  lines: z.number().int(),
  bytes: z.number().int(),
  since: time,
  cause: z.string(),
  /** False while lines are still being lost. */
  over: z.boolean(),
});

/** The service with further details, some of which need a search of the whole machine. */
export const serviceDetail = service.extend({
  command: z.string(),
  /** One sentence for each resource limit that says how it is enforced. */
  enforcement: z.array(z.string()),
  /** One sentence for each limit that the service is predicted to reach. */
  predictions: z.array(z.string()),
  /** Memory of all its processes in MiB, with shared pages counted proportionally (PSS). Null unless requested. */
  pss_mb: z.number().nullable(),
  log: z.object({
    /** Output that was lost since the daemon opened the log. */
    losses: z.array(loss),
    /** The reason why the log file could not be rotated, or null. */
    trouble: z.string().nullable(),
  }),
  processes: z.array(serviceProcess),
  recent_events: z.array(event),
  recent_lines: z.array(logLine),
});
export type ServiceDetail = z.infer<typeof serviceDetail>;

/** Words of the public contract. Users, scripts and stored data depend on them, so words may be added, but never changed or removed. */

/** The values of a unit's `state`. The fields `sub_state` and `reason` give details. */
export const STATES = ["stopped", "starting", "running", "stopping", "failed", "backoff", "fatal"] as const;
export type State = (typeof STATES)[number];

export const HEALTHS = ["unknown", "starting", "healthy", "degraded", "unhealthy"] as const;
export type Health = (typeof HEALTHS)[number];

/**
 * Why a unit is in its state. Most of these words come from systemd's SERVICE_RESULT. The others are causes such as health
 * checks, dependencies and the operator. `none` means that the unit never ran.
 */
export const REASONS = [
  "none",
  "success",
  "exit-code",
  "signal",
  "core-dump",
  "oom-kill",
  "protocol",
  "timeout",
  "health",
  "watchdog",
  "spawn",
  "dependency",
  "resources",
  "operator",
  "schedule",
  "watch",
  "reload",
  "boot",
  "scaling",
  "shutdown",
  "condition",
  "log",
  "unknown",
] as const;
export type Reason = (typeof REASONS)[number];

export const UNIT_TYPES = ["simple", "notify", "oneshot"] as const;
export type UnitType = (typeof UNIT_TYPES)[number];

/** What the daemon does when a unit has failed for good. */
export const ON_FATAL = ["nothing", "shutdown"] as const;
export type OnFatal = (typeof ON_FATAL)[number];

export const CONDITIONS = ["started", "ready", "completed", "succeeded"] as const;
export type Condition = (typeof CONDITIONS)[number];

/** What `conditions` can require of a path. The same words are keys of the unit file and arguments of the process that examines paths. */
export const PATH_CONDITIONS = ["path_exists", "path_missing", "file_not_empty", "directory_not_empty"] as const;
export type PathConditionKind = (typeof PATH_CONDITIONS)[number];

export const KILL_MODES = ["group", "mixed", "process"] as const;
export type KillMode = (typeof KILL_MODES)[number];

/** The two ways to track the processes of a run: by their cgroup, or by session, parent process and environment. */
export const CONTAINMENTS = ["cgroup", "processes"] as const;
export type Containment = (typeof CONTAINMENTS)[number];

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

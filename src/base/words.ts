/**
 * The words that users, scripts and the store see. The spelling is a contract: never change a word, only add.
 */

/** The only words in `state`. Everything finer is `sub_state` and `reason`. */
export const STATES = ["stopped", "starting", "running", "stopping", "failed", "backoff", "fatal"] as const;
export type State = (typeof STATES)[number];

export const HEALTHS = ["unknown", "starting", "healthy", "degraded", "unhealthy"] as const;
export type Health = (typeof HEALTHS)[number];

/**
 * Why a unit is in its state. Mostly systemd's SERVICE_RESULT vocabulary, plus the causes that only a supervisor
 * with health checks, dependencies and an operator knows. `none` is a unit that never ran.
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
  "shutdown",
  "unknown",
] as const;
export type Reason = (typeof REASONS)[number];

export const UNIT_TYPES = ["simple", "notify", "oneshot"] as const;
export type UnitType = (typeof UNIT_TYPES)[number];

export const CONDITIONS = ["started", "ready", "completed", "succeeded"] as const;
export type Condition = (typeof CONDITIONS)[number];

export const KILL_MODES = ["group", "mixed", "process"] as const;
export type KillMode = (typeof KILL_MODES)[number];

/** How the processes of a run are told from others: a cgroup, or the marks that they carry (session, descent, environment). */
export const CONTAINMENTS = ["cgroup", "processes"] as const;
export type Containment = (typeof CONTAINMENTS)[number];

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/**
 * Words of the public contract, which users, scripts and the store see. Never change one; only add.
 */

/** The values of `state`. `sub_state` and `reason` give details. */
export const STATES = ["stopped", "starting", "running", "stopping", "failed", "backoff", "fatal"] as const;
export type State = (typeof STATES)[number];

export const HEALTHS = ["unknown", "starting", "healthy", "degraded", "unhealthy"] as const;
export type Health = (typeof HEALTHS)[number];

/**
 * Why a unit is in its state. Mostly the vocabulary of systemd's SERVICE_RESULT, plus causes such as health checks,
 * dependencies and the operator. `none`: the unit never ran.
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

/** How the processes of a run are tracked: by cgroup, or by session, parent and environment. */
export const CONTAINMENTS = ["cgroup", "processes"] as const;
export type Containment = (typeof CONTAINMENTS)[number];

export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

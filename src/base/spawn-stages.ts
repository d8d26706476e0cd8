/** The steps that set up a new process, in the order in which they happen. The error of a failed start names the step that failed. */
export const SPAWN_STAGES = [
  "resolve", // the command is not on PATH, or is not an executable file
  "user", // no such user or group
  "fork",
  "cgroup", // the process cannot be created in the run's cgroup
  "session",
  "oom-score",
  "nice",
  "limits",
  "descriptors",
  "groups",
  "gid",
  "uid",
  "chdir",
  "exec",
] as const;
export type SpawnStage = (typeof SPAWN_STAGES)[number];

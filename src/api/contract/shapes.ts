/**
 * The JSON shapes of requests and answers, one file per noun. Keys are snake case, times are UTC ISO 8601, and durations are
 * seconds unless the name says otherwise.
 */
export * from "./shapes/alerts.ts";
export * from "./shapes/daemon.ts";
export * from "./shapes/events.ts";
export * from "./shapes/explain.ts";
export * from "./shapes/health.ts";
export * from "./shapes/jobs.ts";
export * from "./shapes/logs.ts";
export * from "./shapes/metrics.ts";
export * from "./shapes/notifications.ts";
export * from "./shapes/rollout.ts";
export * from "./shapes/service.ts";
export * from "./shapes/session.ts";
export type * from "./shapes/stream.ts";
export * from "./shapes/terminal.ts";
export * from "./shapes/units.ts";

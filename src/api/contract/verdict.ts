import type { Reason } from "../../base/words.ts";
import type { Service } from "./shapes.ts";

/** How a verdict is worded. */
export interface Wording {
  /** Formats a time relative to now, such as `in 12s`. */
  readonly relative: (iso: string) => string;
  /** True if the reader is at a command line, so that the verdict may name commands. */
  readonly commands: boolean;
}

/** Explains in a sentence or two why a unit is in its state, and what comes next. */
export function verdict(service: Service, wording: Wording): string {
  const story = STORIES[service.state](service, wording);
  const waiting = service.waiting_for.length > 0 ? ` Waiting for ${waitingFor(service)}.` : "";
  const file = service.problems.length > 0 ? " Its file on disk has errors, so the last valid version stays in effect." : "";
  const reverted = service.reverted === undefined ? "" : ` ${capitalized(notInForce(service.reverted, wording))}.`;
  return story + waiting + file + reverted;
}

/** Says that the file of a unit is not in force, and why. */
export const notInForce = ({ rollout, time, cause }: NonNullable<Service["reverted"]>, { relative, commands }: Wording): string =>
  `the file on disk is not in force: its rollout ${rollout} failed ${relative(time)} (${cause})${commands ? "; `sup reload` tries again" : ""}`;

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * Lists the units that this unit waits for, such as `db, cache (fatal)`. Adds the state of a unit if the unit is in back-off
 * or will not start by itself.
 */
export const waitingFor = ({ waiting_for, obstacles = [] }: Service): string =>
  waiting_for
    .map((id) => {
      const found = obstacles.find(({ unit }) => unit === id);
      if (found?.state === null) return `${id} (no such unit)`;
      return found?.state === "failed" || found?.state === "fatal" || found?.state === "backoff" ? `${id} (${found.state})` : id;
    })
    .join(", ");

const STORIES: Record<Service["state"], (service: Service, wording: Wording) => string> = {
  running: (service) => {
    if (service.health === "unhealthy") return "Running, but its health check fails.";
    if (service.health === "degraded") return "Running, but only its fallback check passes.";
    const [over] = service.over_limits ?? [];
    if (over !== undefined) return `Running, but ${over.text}.`;
    return service.restart_count > 0 && service.last_exit
      ? `Running again after it exited (${service.last_exit}).`
      : `Running${causeOf(service)}.`;
  },
  starting: (service) => {
    if (service.waiting_for.length > 0) return "Start requested.";
    const before = service.retries > 0 && service.last_exit ? `; the last run failed: ${service.last_exit}` : "";
    return `Started, but not ready yet${attempt(service)}${before}.`;
  },
  stopping: (service) => `Stopping${causeOf(service)}.`,
  stopped: (service, { relative }) => {
    const next = service.schedule?.next_run;
    const later = next ? ` Next run ${relative(next)}.` : "";
    if (service.reason === "none" && service.schedule !== null) return `Not run yet.${later}`;
    if (service.reason === "condition") return `Start skipped: ${service.last_exit ?? "a condition is not met"}.${later}`;
    if (later !== "" && service.reason === "success") return `The last run succeeded.${later}`;
    if (service.reason === "none") return service.enabled ? "Not started yet." : "Never started, and not enabled.";
    // A plain exit code adds no information. A longer `last_exit` has a remark, for example that the service put itself into the
    // background.
    const remark = service.last_exit !== null && service.last_exit.includes(", ") ? `: ${service.last_exit}` : "";
    if (service.reason === "success") return `Exited successfully${remark}.`;
    return `Stopped${causeOf(service)}.`;
  },
  backoff: (service, { relative }) => {
    const next = service.next_attempt ? ` Next attempt ${relative(service.next_attempt)}${attempt(service)}.` : "";
    return `${failure(service)}${next}`;
  },
  failed: (service, { commands }) =>
    `${failure(service)} Its policy does not restart it${commands ? `; \`sup start ${service.id}\` does` : ""}.`,
  fatal: (service, { commands }) => {
    const tries = service.retries > 0 ? ` after ${service.retries} ${service.retries === 1 ? "retry" : "retries"}` : "";
    return `${failure(service)} Gave up${tries}${commands ? `; \`sup start ${service.id}\` tries again` : ""}.`;
  },
};

/** Returns the number of the next retry and the maximum, such as ` (2 of 5)`. Returns "" if the next start does not count as a retry. */
export function attempt({ retries, max_retries }: Service): string {
  if (retries === 0) return "";
  return max_retries < 0 ? ` (retry ${retries})` : ` (${retries} of ${max_retries})`;
}

function failure(service: Service): string {
  const how = service.last_exit ? `: ${service.last_exit}` : "";
  return `${FAILURES[service.reason] ?? "Failed"}${how}.`;
}

const FAILURES: Partial<Record<Reason, string>> = {
  "exit-code": "Failed",
  signal: "Killed",
  "core-dump": "Crashed",
  "oom-kill": "Killed by the kernel, out of memory",
  timeout: "Timed out while starting or stopping",
  health: "The health check kept failing",
  watchdog: "The watchdog got no keep-alive in time",
  log: "Failed by its output",
  spawn: "The command could not be started",
  dependency: "A dependency failed",
  protocol: "Exited before it was ready",
  resources: "Exceeded its resource limits",
};

/** Returns why the unit was started or stopped, such as ` (requested by an operator)`. */
function causeOf({ reason }: Service): string {
  const cause = CAUSES[reason];
  return cause === undefined ? "" : ` (${cause})`;
}

const CAUSES: Partial<Record<Reason, string>> = {
  operator: "requested by an operator",
  boot: "enabled, so it starts with the daemon",
  schedule: "by its schedule",
  watch: "a watched file changed",
  reload: "its unit file changed",
  dependency: "because of a dependency",
  scaling: "by the automatic scaling of its service",
  shutdown: "the daemon is shutting down",
  health: "its health check kept failing",
  resources: "it exceeded its resource limits",
};

import type { Service } from "../../api/contract/shapes.ts";
import type { Reason } from "../../base/words.ts";
import { relative } from "./time.ts";

/** Why a unit is as it is and what comes next, in a sentence or two. Pure; `now` is wall milliseconds. */
export function why(service: Service, now: number): string {
  const story = STORIES[service.state](service, now);
  const waiting = service.waiting_for.length > 0 ? ` It waits for ${service.waiting_for.join(", ")}.` : "";
  const file = service.problems.length > 0 ? " Its file on disk has errors, so the last good version stays in force." : "";
  return story + waiting + file;
}

const STORIES: Record<Service["state"], (service: Service, now: number) => string> = {
  running: (service) => {
    if (service.health === "unhealthy") return "It runs, but its health check fails.";
    if (service.health === "degraded") return "It runs, but only its fallback check passes.";
    return service.restart_count > 0 && service.last_exit
      ? `It runs again after it ended (${service.last_exit}).`
      : `It runs${CAUSE[service.reason] ?? ""}.`;
  },
  starting: (service) => (service.waiting_for.length > 0 ? "It is to start, but cannot yet." : "It was started and is not ready yet."),
  stopping: (service) => `It is being stopped${CAUSE[service.reason] ?? ""}.`,
  stopped: (service, now) => {
    const next = service.schedule?.next_run;
    const later = next ? ` Its next run is ${relative(next, now)}.` : "";
    if (service.reason === "none" && service.schedule !== null) return `It has not run yet.${later}`;
    if (later !== "" && service.reason === "success") return `Its last run ended with success.${later}`;
    if (service.reason === "none") return service.enabled ? "It has not been started yet." : "It was never started, and is not enabled.";
    if (service.reason === "success") return "It ended by itself with success.";
    return `It is stopped${CAUSE[service.reason] ?? ""}.`;
  },
  backoff: (service, now) => {
    const next = service.next_attempt ? ` The next attempt is ${relative(service.next_attempt, now)}${attempt(service)}.` : "";
    return `${failure(service)}${next}`;
  },
  failed: (service) => `${failure(service)} Its policy does not restart it after that; \`sup start ${service.id}\` does.`,
  fatal: (service) => {
    const tries = service.retries > 0 ? ` after ${service.retries} ${service.retries === 1 ? "retry" : "retries"}` : "";
    return `${failure(service)} It was given up${tries}; \`sup start ${service.id}\` tries again.`;
  },
};

/** ` (2 of 5)`: the retry to come of those the policy allows; nothing for a start that uses up none. */
export function attempt({ retries, max_retries }: Service): string {
  if (retries === 0) return "";
  return max_retries < 0 ? ` (retry ${retries})` : ` (${retries} of ${max_retries})`;
}

function failure(service: Service): string {
  const how = service.last_exit ? `: ${service.last_exit}` : "";
  return `${FAILURES[service.reason] ?? "It failed"}${how}.`;
}

const FAILURES: Partial<Record<Reason, string>> = {
  "exit-code": "It failed",
  signal: "It was killed",
  "core-dump": "It crashed",
  "oom-kill": "The kernel killed it because memory ran out",
  timeout: "It did not become ready, or did not stop, in time",
  health: "Its health check kept failing",
  watchdog: "It stopped sending signs of life (watchdog)",
  spawn: "It could not be started",
  dependency: "Something it needs failed",
  protocol: "It ended too early",
  resources: "It ran out of resources",
};

const CAUSE: Partial<Record<Reason, string>> = {
  operator: " because an operator said so",
  boot: " because it is enabled",
  schedule: " because it was time",
  watch: " because a watched file changed",
  reload: " because its file changed",
  dependency: " because of a unit it depends on or that needs it",
  shutdown: " because the daemon ends",
  health: " because its health check kept failing",
  resources: " because it went over its resource limits",
};

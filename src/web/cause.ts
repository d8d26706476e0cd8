import type { Alert, BrokenUnit, Service } from "../api/contract/shapes.ts";
import { bare } from "./ansi.ts";
import { due, memoryOf, percent, shortTime } from "./format.ts";
import { clip, plain } from "./text.ts";
import { alertsOf, blockerOf, isRecovering, type Around } from "./trouble.ts";
import { stoppedBy } from "./words.ts";

/** Why a unit needs attention, in one line. */
export interface Cause {
  readonly what: string;
  /** What happened afterwards or will happen next, with its time, or "". */
  readonly then: string;
  /** What the unit itself or its health check reported, or null. */
  readonly evidence: string | null;
}

/** `now` is wall-clock milliseconds. */
export function causeOf(service: Service, around: Around, now: number): Cause {
  const { state, health } = service;
  const exit = plain(clip(service.last_exit ?? service.reason, MOST_CHARS).text);
  const line = lineOf(service.last_line);
  if (state === "fatal") return { what: exit, then: timed("gave up", service.state_since, now), evidence: line };
  if (state === "failed") return { what: exit, then: timed("failed", service.state_since, now), evidence: line };
  if (state === "backoff") {
    const then = service.next_attempt === null ? "" : `${retryOf(service)} ${due(service.next_attempt, now)}`;
    return { what: exit, then, evidence: line };
  }
  const blocker = blockerOf(service, around.services);
  if (blocker !== null) {
    const evidence = lineOf(around.services.get(blocker.unit)?.last_line);
    const what = blocker.state === null ? `blocked: there is no unit ${blocker.unit}` : `blocked: ${blocker.unit} is ${blocker.state}`;
    return { what, then: timed("since", service.state_since, now), evidence };
  }
  const probe = lineOf(service.probe_failure);
  if (health === "unhealthy")
    return { what: state === "starting" ? "not ready, health check fails" : "health check fails", then: "", evidence: probe };
  if (state === "running" && health === "degraded") return { what: "only the fallback check passes", then: "", evidence: probe };
  if (service.problems.length > 0)
    return { what: "file has errors", then: "the last valid version is in use", evidence: firstProblem(service) };
  if (isRecovering(service))
    return { what: exit, then: `${timed("restarted", service.start_time, now)}, ${retryOf(service)}`, evidence: null };
  const alerts = alertsOf(service, around);
  const [over] = service.over_limits ?? [];
  const alert = alerts.find(({ alert_type }) => alert_type === `${over?.limit}-limit`) ?? alerts[0];
  if (over) return { what: limitText(over, service), then: alert ? timed("since", alert.created_at, now) : "", evidence: null };
  if (alert) return { what: alertText(alert, service), then: timed("since", alert.created_at, now), evidence: null };
  return { what: `${state}${stoppedBy(service)}`, then: timed("since", service.state_since, now), evidence: null };
}

/** Returns the cause without the evidence. */
export const causeText = ({ what, then }: Cause): string => (then === "" ? what : `${what}; ${then}`);

const MOST_CHARS = 200;

type OverLimit = NonNullable<Service["over_limits"]>[number];

const timed = (word: string, iso: string | null, now: number): string => (iso === null ? word : `${word} ${shortTime(iso, now)}`);
const lineOf = (line: string | null | undefined): string | null => (line == null ? null : clip(bare(line), MOST_CHARS).text);

const retryOf = ({ retries, max_retries }: Service): string =>
  retries === 0 ? "next start" : max_retries < 0 ? `retry ${retries}` : `retry ${retries} of ${max_retries}`;

/** Returns the text of an alert. While a limit is exceeded, the text contains the present figure. */
export function alertText({ alert_type, message }: Alert, service: Service | undefined): string {
  const over = service?.over_limits?.find(({ limit }) => alert_type === `${limit}-limit`);
  if (service !== undefined && over !== undefined) return limitText(over, service);
  if (alert_type === "failed" && service?.last_exit != null)
    return plain(`${service.state === "fatal" ? "gave up" : "failed"}: ${clip(service.last_exit, 300).text}`);
  return plain(clip(message, 300).text);
}

/** Says which limit the unit exceeds, with the present figure. */
export function limitText({ limit, max, text, value }: OverLimit, { memory_mb, cpu_percent }: Service): string {
  if (limit === "memory") return `memory is over its limit: ${memoryOf(memory_mb ?? value, max)}`;
  return limit === "cpu" ? `CPU is over its limit: ${percent(cpu_percent ?? value)} of ${percent(max)}` : text;
}

/** Returns the first error of a unit file, without the directory of the file, so that the message fits into a row. */
export function firstProblem({ file, problems }: Pick<BrokenUnit, "file" | "problems">): string {
  const problem = problems[0] ?? file;
  const directory = file.slice(0, file.lastIndexOf("/") + 1);
  return plain(clip(problem.startsWith(directory) ? problem.slice(directory.length) : problem, 500).text);
}

import type { BrokenUnit, Service } from "../api/contract/shapes.ts";
import { bare } from "./ansi.ts";
import { due, shortTime } from "./format.ts";
import { clip, plain } from "./text.ts";

/** Why a unit needs attention, in one line. */
export interface Cause {
  readonly what: string;
  /** What happened afterwards or will happen next, with its time, or "". */
  readonly then: string;
  /** What the unit itself or its health check reported, or null. */
  readonly evidence: string | null;
}

/** `now` is wall-clock milliseconds. */
export function causeOf(service: Service, now: number): Cause {
  const since = service.state_since === null ? "" : ` ${shortTime(service.state_since, now)}`;
  const exit = plain(clip(service.last_exit ?? service.reason, MOST_CHARS).text);
  const line = evidenceOf(service.last_line);
  if (service.state === "fatal") return { what: exit, then: `gave up${since}`, evidence: line };
  if (service.state === "failed") return { what: exit, then: `failed${since}`, evidence: line };
  if (service.state === "backoff") {
    const then = service.next_attempt === null ? "" : `${retryOf(service)} ${due(service.next_attempt, now)}`;
    return { what: exit, then, evidence: line };
  }
  if (service.health === "unhealthy")
    return {
      what: service.state === "starting" ? "not ready, health check fails" : "health check fails",
      then: "",
      evidence: evidenceOf(service.probe_failure),
    };
  if (service.state === "running" && service.health === "degraded")
    return { what: "only the fallback check passes", then: "", evidence: evidenceOf(service.probe_failure) };
  if (service.problems.length > 0)
    return { what: "file has errors", then: "the last valid version is in use", evidence: firstProblem(service) };
  const by = service.reason === "none" ? "" : ` (${service.reason})`;
  return { what: `${service.state}${by}`, then: since === "" ? "" : `since${since}`, evidence: null };
}

/** Returns the cause without the evidence. */
export const causeText = ({ what, then }: Cause): string => (then === "" ? what : `${what}; ${then}`);

const MOST_CHARS = 200;

const evidenceOf = (line: string | null | undefined): string | null => (line == null ? null : clip(bare(line), MOST_CHARS).text);

const retryOf = ({ retries, max_retries }: Service): string =>
  retries === 0 ? "next start" : max_retries < 0 ? `retry ${retries}` : `retry ${retries} of ${max_retries}`;

/** Returns the first error of a unit file, without the directory of the file, so that the message fits into a row. */
export function firstProblem({ file, problems }: Pick<BrokenUnit, "file" | "problems">): string {
  const problem = problems[0] ?? file;
  const directory = file.slice(0, file.lastIndexOf("/") + 1);
  return plain(clip(problem.startsWith(directory) ? problem.slice(directory.length) : problem, 500).text);
}

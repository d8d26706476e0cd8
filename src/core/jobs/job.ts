import type { State } from "../../base/words.ts";

export type GoalAction = "start" | "stop" | "restart" | "reload";

/**
 * The record of a request that a client may wait for. Every turn that changes a job also stores it. If the daemon dies, the client
 * can therefore request the outcome from the next daemon.
 */
export interface Job {
  readonly id: string;
  readonly action: GoalAction;
  /** Monotonic time (CLOCK_BOOTTIME, so it is also valid for the next daemon of this boot). */
  readonly createdMs: number;
  /** Monotonic time; null while a unit is pending. */
  readonly endedMs: number | null;
  readonly warnings: readonly string[];
  /** The units of the job, in the order in which the action handles them. */
  readonly units: readonly JobUnit[];
}

export interface JobUnit {
  readonly id: string;
  /** The unit's run when the job was created. */
  readonly run: number;
  /** Null while the unit is pending. */
  readonly outcome: JobOutcome | null;
}

export interface JobOutcome {
  readonly result: "done" | "unchanged" | "failed";
  readonly message: string;
  readonly state: State;
}

const VERSION = 1;

export const jobText = (job: Job): string => JSON.stringify({ version: VERSION, job });

/**
 * Parses a stored job. Returns null if the string is damaged or was written by an incompatible version. The job is then lost, but its
 * units are not affected.
 */
export function parseJob(id: string, text: string): Job | null {
  try {
    const { version, job } = JSON.parse(text) as { readonly version?: number; readonly job?: Job };
    return version === VERSION && job?.id === id && Array.isArray(job.units) ? job : null;
  } catch {
    return null; // not JSON
  }
}

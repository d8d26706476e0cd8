import type { State } from "../../base/words.ts";

export type GoalAction = "start" | "stop" | "restart" | "reload";

/**
 * A request that somebody may wait for, as a record: it is stored with the turns that change it, so that whoever waits can ask
 * the next daemon for its end.
 */
export interface Job {
  readonly id: string;
  readonly action: GoalAction;
  /** Monotonic (CLOCK_BOOTTIME, so it means the same to the next daemon of this boot). */
  readonly createdMs: number;
  /** Monotonic; null while a unit is pending. */
  readonly endedMs: number | null;
  readonly warnings: readonly string[];
  /** In the order of the plan. */
  readonly units: readonly JobUnit[];
}

export interface JobUnit {
  readonly id: string;
  /** The unit's run when the job was created. */
  readonly run: number;
  /** Null while it is pending. */
  readonly outcome: JobOutcome | null;
}

export interface JobOutcome {
  readonly result: "done" | "unchanged" | "failed";
  readonly message: string;
  readonly state: State;
}

const VERSION = 1;

export const jobText = (job: Job): string => JSON.stringify({ version: VERSION, job });

/** Null when the text is damaged or of another version: the job is then forgotten, its units go on all the same. */
export function parseJob(id: string, text: string): Job | null {
  try {
    const { version, job } = JSON.parse(text) as { readonly version?: number; readonly job?: Job };
    return version === VERSION && job?.id === id && Array.isArray(job.units) ? job : null;
  } catch {
    return null; // not JSON
  }
}

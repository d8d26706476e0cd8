import { formatDuration } from "../../base/duration.ts";
import { isDown, stateOf } from "../unit/phase.ts";
import type { Deadlines } from "../world/deadlines.ts";
import type { Culprit } from "../world/dependencies.ts";
import type { Entry, Step, Turn, WorldEvent } from "../world/types.ts";
import type { Wishes } from "../world/wishes.ts";
import { isReached, progress } from "./goals.ts";
import type { GoalAction, Job, JobOutcome, JobUnit } from "./job.ts";

/** Time for which a job is kept after its end, so that clients can request its outcome. */
const KEPT_MS = 600_000;
/** Maximum number of ended jobs to keep. The jobs that ended first are removed first. */
const MOST_ENDED = 200;

const PREFIX = "job ";
/** Returns the key of a job's deadline. */
export const jobKey = (id: string): string => PREFIX + id;
export const jobOfKey = (key: string): string | null => (key.startsWith(PREFIX) ? key.slice(PREFIX.length) : null);

export interface JobBookOptions {
  readonly get: (id: string) => Entry | undefined;
  readonly wishes: Pick<Wishes, "culprits" | "cascade">;
  readonly deadlines: Deadlines;
}

/** The data that all comparisons at the end of one turn share. */
interface Round extends Step {
  /** True if this turn may have made it impossible for a waiting unit to reach its goal. */
  readonly canObstruct: boolean;
  readonly culpritOf: (id: string) => Culprit | null;
}

/**
 * Holds all jobs. A request creates a job. At the end of each turn, the book compares pending jobs with the state of their units. It
 * deletes a job some time after the job has ended.
 */
export class JobBook {
  readonly #o: JobBookOptions;
  /** All jobs by id. Ended jobs are in the order in which they ended. */
  readonly #jobs = new Map<string, Job>();
  /** Jobs with pending units. */
  readonly #pending = new Set<string>();
  /** Jobs that have not been compared with their units yet. */
  readonly #fresh = new Set<string>();

  constructor(options: JobBookOptions) {
    this.#o = options;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Creates the job of a request, if it has one. The world calls this before it carries out the request. */
  create(event: Extract<WorldEvent, { type: "request" }>, { env, turn }: Step): void {
    const { action, job: request, cascade = false } = event;
    if (request === undefined || action === "reset") return;
    const known = event.ids.filter((id) => this.#o.get(id) !== undefined);
    const ids = action === "stop" && cascade ? this.#o.wishes.cascade(known) : known;
    const units = ids.map((id) => this.#begin(id, action));
    this.#put({ ...request, action, createdMs: env.nowMs, endedMs: null, units }, turn);
  }

  #begin(id: string, action: GoalAction): JobUnit {
    const { unit, spec } = this.#o.get(id)!;
    const outcome = (result: JobOutcome["result"], message: string): JobUnit => ({
      id,
      run: unit.run,
      outcome: { result, message, state: stateOf(unit) },
    });
    if (isReached(action, unit)) return outcome("unchanged", action === "stop" ? "already stopped" : "already running");
    if (action === "reload" && spec.reload === null)
      return outcome("failed", "it cannot reload: its unit file has no `reload`; use restart");
    return { id, run: unit.run, outcome: null };
  }

  /** Adds a job that an earlier daemon stored. */
  restore(job: Job, { turn }: Step): void {
    this.#put(job, turn);
  }

  /** Compares the pending jobs with their units at the end of a turn, and records which goals are reached or out of reach. */
  follow({ env, turn }: Step): void {
    const isQuiet = turn.changed.size === 0 && turn.removed.size === 0 && turn.refusals.length === 0;
    if (this.#pending.size === 0 || (isQuiet && this.#fresh.size === 0)) return;
    const round: Round = { env, turn, canObstruct: this.#canObstruct(turn), culpritOf: this.#o.wishes.culprits() };
    for (const id of this.#pending) {
      const isFresh = this.#fresh.delete(id);
      if (isQuiet && !isFresh) continue;
      const job = this.#jobs.get(id)!;
      const units = job.units.map((unit) => this.#compare(job, unit, isFresh, round));
      if (units.every((unit, at) => unit === job.units[at]) && !isFresh) continue;
      const isOver = units.every(({ outcome }) => outcome !== null);
      this.#put({ ...job, units, endedMs: isOver ? env.nowMs : null }, turn);
    }
  }

  /**
   * Returns true if the turn may have made it impossible for a unit that was already waiting to reach its goal. A unit is an obstacle
   * only while it is down, was removed, or waits for another obstacle. If none of the units that changed in the turn is an obstacle
   * now, there is no need to search the dependencies of every waiting unit.
   */
  #canObstruct({ changed, removed }: Turn): boolean {
    if (removed.size > 0) return true;
    for (const id of changed) {
      const phase = this.#o.get(id)?.unit.phase;
      if (phase === undefined || phase === "waiting" || isDown(phase)) return true;
    }
    return false;
  }

  #compare(job: Job, jobUnit: JobUnit, isFresh: boolean, { env, turn, canObstruct, culpritOf }: Round): JobUnit {
    if (jobUnit.outcome !== null) return jobUnit;
    const { id, run } = jobUnit;
    const entry = this.#o.get(id);
    if (entry === undefined)
      return { ...jobUnit, outcome: { result: job.action === "stop" ? "done" : "failed", message: "it was removed", state: "stopped" } };
    const state = stateOf(entry.unit);
    const refusal = isFresh ? turn.refusals.find((one) => one.id === id) : undefined;
    if (refusal) return { ...jobUnit, outcome: { result: "failed", message: `cannot ${job.action}: ${refusal.why}`, state } };
    const waiting = entry.unit.phase === "waiting";
    if (!isFresh && !turn.changed.has(id) && !(waiting && canObstruct)) return jobUnit;
    const culprit = waiting ? culpritOf(id) : null;
    const answer = progress({ action: job.action, run }, entry.spec, entry.unit, culprit);
    if (answer.kind === "pending") return jobUnit;
    const took = answer.kind === "done" ? ` in ${formatDuration(env.nowMs - job.createdMs)}` : "";
    return { ...jobUnit, outcome: { result: answer.kind, message: answer.message + took, state } };
  }

  /** Deletes a job whose retention time has passed. */
  forget(id: string, turn: Turn): void {
    this.#jobs.delete(id);
    this.#pending.delete(id);
    this.#fresh.delete(id);
    this.#o.deadlines.put(jobKey(id), null);
    turn.jobs.add(id);
  }

  #put(job: Job, turn: Turn): void {
    const isNew = !this.#jobs.has(job.id);
    // Moves an ended job to the end of the map. Otherwise it might be the next job to be deleted, although a client still waits for it.
    if (job.endedMs !== null) this.#jobs.delete(job.id);
    this.#jobs.set(job.id, job);
    turn.jobs.add(job.id);
    if (job.endedMs === null) {
      this.#pending.add(job.id);
      if (isNew) this.#fresh.add(job.id);
      return;
    }
    this.#pending.delete(job.id);
    this.#o.deadlines.put(jobKey(job.id), job.endedMs + KEPT_MS);
    if (this.#jobs.size - this.#pending.size > MOST_ENDED) this.#forgetOldest(turn);
  }

  #forgetOldest(turn: Turn): void {
    for (const [id, { endedMs }] of this.#jobs) if (endedMs !== null) return this.forget(id, turn);
  }
}

import { formatDuration } from "../../base/duration.ts";
import { stateOf } from "../unit/phase.ts";
import type { Deadlines } from "../world/deadlines.ts";
import type { Entry, Step, Turn, WorldEvent } from "../world/types.ts";
import type { Wishes } from "../world/wishes.ts";
import { isReached, progress } from "./goals.ts";
import type { GoalAction, Job, JobOutcome, JobUnit } from "./job.ts";

/** How long the outcome of a job can be asked for after its end. */
const KEPT_MS = 600_000;
/** Ended jobs that are kept at most: the oldest go first. */
const MOST_ENDED = 200;

const PREFIX = "job ";
/** The key of a job among the deadlines. */
export const jobKey = (id: string): string => PREFIX + id;
export const jobOfKey = (key: string): string | null => (key.startsWith(PREFIX) ? key.slice(PREFIX.length) : null);

export interface JobBookOptions {
  readonly get: (id: string) => Entry | undefined;
  readonly wishes: Pick<Wishes, "culprit" | "cascade">;
  readonly deadlines: Deadlines;
}

/** All jobs: created by requests, compared with the state of their units at the end of each turn, forgotten some time after their end. */
export class JobBook {
  readonly #o: JobBookOptions;
  /** Ended ones in the order of their ends. */
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

  /** Before the request is carried out. */
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

  /** A job that an earlier daemon left. */
  restore(job: Job, { turn }: Step): void {
    this.#put(job, turn);
  }

  /** At the end of a turn: which goals are reached, or out of reach? */
  follow({ env, turn }: Step): void {
    const isQuiet = turn.changed.size === 0 && turn.removed.size === 0 && turn.refusals.length === 0;
    for (const id of this.#pending) {
      const isFresh = this.#fresh.delete(id);
      if (isQuiet && !isFresh) continue;
      const job = this.#jobs.get(id)!;
      const units = job.units.map((unit) => this.#compare(job, unit, isFresh, { env, turn }));
      if (units.every((unit, at) => unit === job.units[at]) && !isFresh) continue;
      const isOver = units.every(({ outcome }) => outcome !== null);
      this.#put({ ...job, units, endedMs: isOver ? env.nowMs : null }, turn);
    }
  }

  #compare(job: Job, jobUnit: JobUnit, isFresh: boolean, { env, turn }: Step): JobUnit {
    if (jobUnit.outcome !== null) return jobUnit;
    const { id, run } = jobUnit;
    const entry = this.#o.get(id);
    if (entry === undefined)
      return { ...jobUnit, outcome: { result: job.action === "stop" ? "done" : "failed", message: "it was removed", state: "stopped" } };
    const state = stateOf(entry.unit);
    const refusal = isFresh ? turn.refusals.find((one) => one.id === id) : undefined;
    if (refusal) return { ...jobUnit, outcome: { result: "failed", message: `cannot ${job.action}: ${refusal.why}`, state } };
    const waiting = entry.unit.phase === "waiting";
    if (!isFresh && !waiting && !turn.changed.has(id)) return jobUnit;
    const culprit = waiting ? this.#o.wishes.culprit(id) : null;
    const answer = progress({ action: job.action, run }, entry.spec, entry.unit, culprit);
    if (answer.kind === "pending") return jobUnit;
    const took = answer.kind === "done" ? ` in ${formatDuration(env.nowMs - job.createdMs)}` : "";
    return { ...jobUnit, outcome: { result: answer.kind, message: answer.message + took, state } };
  }

  /** The job's deadline has passed: nobody asked for it for long. */
  forget(id: string, turn: Turn): void {
    this.#jobs.delete(id);
    this.#pending.delete(id);
    this.#fresh.delete(id);
    this.#o.deadlines.put(jobKey(id), null);
    turn.jobs.add(id);
  }

  #put(job: Job, turn: Turn): void {
    const isNew = !this.#jobs.has(job.id);
    // A job that ends after many others is the youngest of the ended ones: whoever waits for it must find it.
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

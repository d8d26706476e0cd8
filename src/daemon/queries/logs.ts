import type { ApiError } from "../../api/contract/errors.ts";
import type { LineSubscriber, LogRequest, LogStart, Unsubscribe } from "../../api/server/supervisor.ts";
import { isUnitId, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { BEGINNINGS, findRun, type PastRun, recentRuns, runsOf } from "../../core/explain/past-runs.ts";
import { isLive } from "../../core/unit/phase.ts";
import type { World } from "../../core/world/world.ts";
import type { LogLine, LogQuery, LogStore, LogTrail } from "../../ports/logs.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { Bus } from "../engine/bus.ts";
import { byTime, mergeLines } from "./service-totals.ts";

export interface LogQueryOptions {
  readonly world: World;
  readonly bus: Pick<Bus, "subscribe">;
  readonly store: EventHistory;
  readonly logs: Pick<LogStore, "open" | "search" | "trail" | "follow" | "mark">;
  readonly invocationOf: (id: string, run: number) => string;
}

/** The newest runs of a unit, up to this number, can be selected in a log query. */
const KNOWN_RUNS = 2000;
/** Number of logs that are read at the same time. */
const BATCH = 32;

/** Answers the log queries of the API. A query can select a run. It can also read the log of a unit that no longer exists. */
export class LogQueries {
  readonly #o: LogQueryOptions;

  constructor(options: LogQueryOptions) {
    this.#o = options;
  }

  /**
   * Returns lines of a log. `found` is the id of the unit, or an error if there is no such unit. The log of a removed unit can be
   * read as long as its file exists.
   */
  async read(name: string, found: Result<string, ApiError>, request: LogRequest): Promise<Result<readonly LogLine[], ApiError>> {
    const id = found.ok ? found.value : stripSuffix(name);
    if (!isUnitId(id)) return found as Result<never, ApiError>;
    const resolved = this.#queryOf(id, request);
    if (!resolved.ok) return found.ok ? resolved : (found as Result<never, ApiError>);
    const lines = await this.#o.logs.search(id, resolved.value.query);
    return found.ok || lines.length > 0 ? ok(lines) : found;
  }

  /** Merges the logs of the units of a service by time. A unit that did not have the requested run has no lines. */
  async readAll(ids: readonly string[], request: LogRequest): Promise<Result<readonly LogLine[], ApiError>> {
    // The logs of many units are read in batches, so that not all their lines are in memory. Later batches must not have newer lines.
    const query = ids.length > BATCH ? { before: this.#o.logs.mark(), ...request } : request;
    let merged: LogLine[] = [];
    let hasRead = false;
    let refused: Result<readonly LogLine[], ApiError> | null = null;
    for (let at = 0; at < ids.length; at += BATCH) {
      const read = async (id: string) => ({ id, lines: await this.read(id, ok(id), query) });
      const answers = await Promise.all(ids.slice(at, at + BATCH).map(read));
      const found = answers.flatMap(({ id, lines }) => (lines.ok ? [{ id, lines: lines.value }] : []));
      hasRead ||= found.length > 0;
      refused ??= answers.find(({ lines }) => !lines.ok)?.lines ?? null;
      merged = byTime([...merged, ...mergeLines(found, request.lines)], request.lines);
    }
    return hasRead || refused === null ? ok(merged) : refused;
  }

  /** Passes new lines of a log to a subscriber. */
  subscribe(id: string, subscriber: LineSubscriber): Unsubscribe {
    const { world, logs } = this.#o;
    logs.open(id, world.get(id)!.spec.log);
    return logs.follow(id, subscriber);
  }

  /** Passes new lines of several logs to a subscriber, each line with the id of its unit. */
  subscribeAll(ids: readonly string[], subscriber: LineSubscriber): Unsubscribe {
    const named = (id: string): LineSubscriber => ({
      line: (line) => subscriber.line({ ...line, service_id: id } as LogLine),
      gap: (lines) => subscriber.gap(lines),
    });
    const stops = ids.map((id) => this.subscribe(id, named(id)));
    return () => stops.forEach((stop) => stop());
  }

  /** Starts to read existing lines and to follow new ones in the same turn of the event loop, so that no line is lost or repeated. */
  async follow(id: string, request: LogRequest): Promise<Result<LogStart, ApiError>> {
    const { world, logs } = this.#o;
    const resolved = this.#queryOf(id, request);
    if (!resolved.ok) return resolved;
    const { query, run } = resolved.value;
    logs.open(id, world.get(id)!.spec.log);
    const trail = logs.trail(id, query);
    try {
      const resumed = request.after !== undefined && trail.resume(request.after);
      const fromTime = query.lines === undefined && (query.sinceMs !== undefined || query.from !== undefined);
      if (!resumed && fromTime) trail.seek();
      const isCounted = !resumed && !fromTime && request.after === undefined;
      const past = isCounted ? await trail.back() : 0;
      const ofRun = run === null ? trail : this.#ofRun(id, run, trail, isCounted ? past : null);
      return ok({ past, resumed, invocation: run?.invocation ?? null, trail: ofRun });
    } catch (error) {
      trail.close();
      throw error;
    }
  }

  /** Returns a trail that ends when the run ends. `past` is the number of lines that existed at the beginning, or null if it is unknown. */
  #ofRun(id: string, run: PastRun, trail: LogTrail, past: number | null): LogStart["trail"] {
    const { world, bus, invocationOf } = this.#o;
    let { before } = run;
    /** Of a run that has ended: without this number, the rest of the log would be read in search of more. */
    let left = before === null ? null : past;
    const isLatest = (): boolean => invocationOf(id, world.get(id)?.unit.run ?? 0) === run.invocation;
    return {
      place: () => trail.place(),
      close: () => trail.close(),
      next: () => {
        if (before === null && !isLatest()) before = this.#runs(id).find(({ invocation }) => invocation === run.invocation)?.before ?? null;
        if (left === 0) return "over";
        const read = trail.next();
        if (left !== null && read !== null) left = Math.max(0, left - read.lines.length);
        if (read === null) return isLatest() && isLive(world.get(id)!.unit.phase) ? null : "over";
        const end = before;
        return end === null ? read : { ...read, lines: read.lines.filter(({ time }) => time < end) };
      },
      watch(onMore) {
        const stop = trail.watch(onMore);
        const noSnapshot = { kind: "removed", data: { id: "" } } as const;
        const stopWatching = bus.subscribe(null, () => noSnapshot, (_, change) => {
          if ((change.kind === "service" || change.kind === "removed") && change.data.id === id) setImmediate(onMore);
        }); // prettier-ignore
        return () => {
          stop();
          stopWatching();
        };
      },
    };
  }

  #queryOf(id: string, request: LogRequest): Result<{ readonly query: LogQuery; readonly run: PastRun | null }, ApiError> {
    const { invocation, after: _, ...query } = request;
    if (invocation === undefined) return ok({ query, run: null });
    const run = this.#runOf(id, invocation);
    if (!run.ok) return run;
    const { from, before } = run.value;
    return ok({ query: { ...query, from, ...(before === null ? {} : { before }) }, run: run.value });
  }

  #runOf(id: string, wanted: string): Result<PastRun, ApiError> {
    if (this.#o.world.get(id)?.spec.log.format === "raw") {
      const message = `cannot select a run of ${id}: its log has the format raw, without timestamps`;
      return err({ code: "conflict", message, hint: '"log": { "format": "cri" } adds a timestamp to each line' });
    }
    const runs = this.#runs(id);
    const run = findRun(runs, wanted);
    if (run.ok) return run;
    const recent = recentRuns(runs);
    return err({ code: "not-found", message: `cannot show that run of ${id}: ${run.error}`, ...(recent && { hint: recent }) });
  }

  #runs(id: string): PastRun[] {
    return runsOf(this.#o.store.events({ serviceIds: [id], types: BEGINNINGS, limit: KNOWN_RUNS }));
  }
}

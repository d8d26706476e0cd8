import type { ApiError } from "../../api/contract/errors.ts";
import type { RunEnd } from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { exitNumber } from "../../base/exit.ts";
import { isDown, stateOf } from "../../core/unit/phase.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { LogLine, LogStore } from "../../ports/logs.ts";
import { isUnitId } from "../../base/names.ts";
import { loadUnit } from "../../spec/load/load.ts";
import type { Instances } from "./instances.ts";
import type { UnitCatalog } from "./unit-catalog.ts";
import type { Engine } from "../engine/engine.ts";
import type { Stdins } from "../engine/stdins.ts";

export interface TransientsOptions {
  readonly world: World;
  readonly engine: Pick<Engine, "handle" | "watch">;
  readonly catalog: Pick<UnitCatalog, "adopt" | "drop">;
  readonly logs: Pick<LogStore, "open" | "follow">;
  readonly instances: Pick<Instances, "creatable" | "ensure">;
  readonly stdins: Pick<Stdins, "open">;
  readonly earlierRuns: (id: string) => number;
  /** A random number, uniform in [0, 1). */
  readonly roll: () => number;
}

/** Receives the output of one run, and how it ended. */
export interface RunFollower {
  line(line: LogLine): void;
  gap(lines: number): void;
  end(end: RunEnd): void;
}

/** Returns true for a unit without a file. This includes units that an earlier daemon of this boot created. */
export const isTransient = ({ file }: { readonly file: string }): boolean => file === "";

/** Manages the units that `sup run` creates. Each unit is removed once it is down. Only its events and its log remain. */
export class Transients {
  readonly #o: TransientsOptions;
  /** Ids of units that were started. A unit that was created but not started is also down, but must not be removed. */
  readonly #started = new Set<string>();
  readonly #followers = new Map<string, { readonly follower: RunFollower; readonly stop: () => void }>();

  constructor(options: TransientsOptions) {
    this.#o = options;
    options.engine.watch((turn) => this.#observe(turn));
  }

  /**
   * Creates a unit without starting it, and returns its id. `unit` has the keys of a unit file. `stdin` is the name of the FIFO that
   * the first run gets as its standard input.
   */
  define(name: string | undefined, unit: Readonly<Record<string, unknown>>, stdin?: string): Result<string, ApiError> {
    const { world, engine, catalog, instances, stdins, earlierRuns } = this.#o;
    const id = name ?? this.#freeName();
    if (!isUnitId(id) || id.includes("@"))
      return err({ code: "invalid", message: `"${id}" is not a valid unit name`, hint: "use at most 64 letters, digits, _ . and -" });
    if (world.get(id) !== undefined)
      return err({ code: "conflict", message: `the unit ${id} exists already`, hint: "choose another name" });
    const result = loadUnit({ id, main: { path: "", text: JSON.stringify(unit) }, dropIns: [] });
    if (!result.ok) {
      const { key, message, hint } = result.problems.find(({ severity }) => severity === "error")!;
      return err({ code: "invalid", message: key === "" ? message : `${key}: ${message}`, ...(hint === null ? {} : { hint }) });
    }
    const { spec } = result.loaded;
    if (spec.instances !== null)
      return err({
        code: "invalid",
        message: "instances: a transient unit is one unit",
        hint: "write a unit file, or start it several times",
      });
    const isMissing = (unit: string): boolean => world.get(unit) === undefined && instances.creatable(unit) === null;
    const missing = spec.dependencies.find((dependency) => dependency.required && isMissing(dependency.unit));
    if (missing) return err({ code: "invalid", message: `dependencies: there is no unit ${missing.unit}`, hint: "see `sup list`" });
    const created = instances.ensure(spec.dependencies.map((dependency) => dependency.unit));
    if (!created.ok) return created;
    const opened = stdin === undefined ? ok(undefined) : stdins.open(id, stdin);
    if (!opened.ok) return err({ code: "invalid", message: `cannot use the standard input: ${opened.error}` });
    catalog.adopt(id, result.loaded);
    engine.handle({ type: "load", spec, earlierRuns: earlierRuns(id) });
    return ok(id);
  }

  /** Subscribes `follower` to the next run of the unit. Must be called before the unit is started. Returns the unsubscribe function. */
  follow(id: string, follower: RunFollower): () => void {
    const { world, logs } = this.#o;
    logs.open(id, world.get(id)!.spec.log);
    const stop = logs.follow(id, follower);
    this.#followers.set(id, { follower, stop });
    return () => {
      stop();
      this.#followers.delete(id);
    };
  }

  #freeName(): string {
    for (;;) {
      const id = `run-${Math.floor(this.#o.roll() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, "0")}`;
      if (this.#o.world.get(id) === undefined) return id;
    }
  }

  #observe(turn: Turn): void {
    for (const id of turn.changed) {
      const entry = this.#o.world.get(id);
      if (entry === undefined || !isTransient(entry.spec)) continue;
      if (entry.unit.want === "up" || entry.unit.run > 0) this.#started.add(id);
      // Followers receive the last lines of the unit in later turns of the event loop, and must have them before the end is reported.
      if (this.#hasEnded(id)) setImmediate(() => setImmediate(() => this.#remove(id)));
    }
  }

  #hasEnded(id: string): boolean {
    const unit = this.#o.world.get(id)?.unit;
    return unit !== undefined && this.#started.has(id) && isDown(unit.phase) && unit.due === null;
  }

  #remove(id: string): void {
    if (!this.#hasEnded(id)) return; // the unit was started again in the meantime
    const { unit } = this.#o.world.get(id)!;
    const end: RunEnd = {
      id,
      state: stateOf(unit),
      reason: unit.reason,
      exit_code: unit.last?.exit == null ? null : exitNumber(unit.last.exit),
      message: unit.last?.detail ?? "",
    };
    this.#followers.get(id)?.follower.end(end);
    this.#followers.get(id)?.stop();
    this.#followers.delete(id);
    this.#started.delete(id);
    this.#o.catalog.drop(id);
    this.#o.engine.handle({ type: "unload", id });
  }
}

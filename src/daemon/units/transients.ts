import type { ApiError } from "../../api/contract/errors.ts";
import type { RunEnd } from "../../api/contract/shapes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { exitNumber } from "../../base/exit.ts";
import { isDown, stateOf } from "../../core/unit/phase.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { LogLine, LogStore } from "../../ports/logs.ts";
import { isUnitId } from "../../base/names.ts";
import { loadUnit } from "../../spec/load/load.ts";
import type { UnitCatalog } from "./unit-catalog.ts";
import type { Engine } from "../engine/engine.ts";

export interface TransientsOptions {
  readonly world: World;
  readonly engine: Pick<Engine, "handle" | "watch">;
  readonly catalog: Pick<UnitCatalog, "adopt" | "drop">;
  readonly logs: Pick<LogStore, "open" | "follow">;
  readonly earlierRuns: (id: string) => number;
  /** Uniform in [0, 1). */
  readonly roll: () => number;
}

/** Hears of one run from its beginning to its end. */
export interface RunFollower {
  line(line: LogLine): void;
  gap(lines: number): void;
  end(end: RunEnd): void;
}

/** A unit without a file is one of ours: also one that an earlier daemon of this boot was asked to run. */
export const isTransient = ({ file }: { readonly file: string }): boolean => file === "";

/** Units made by `sup run`. Each is gone once it is down, and nothing of it remains but its history and its log. */
export class Transients {
  readonly #o: TransientsOptions;
  /** Were wanted up at least once: a fresh one is down too. */
  readonly #begun = new Set<string>();
  readonly #followers = new Map<string, { readonly follower: RunFollower; readonly stop: () => void }>();

  constructor(options: TransientsOptions) {
    this.#o = options;
    options.engine.watch((turn) => this.#look(turn));
  }

  /** Makes the unit, which is not started by it. `unit` is in the words of a unit file. Answers its id. */
  define(name: string | undefined, unit: Readonly<Record<string, unknown>>): Result<string, ApiError> {
    const { world, engine, catalog, earlierRuns } = this.#o;
    const id = name ?? this.#freeName();
    if (!isUnitId(id) || id.includes("@"))
      return err({ code: "invalid", message: `"${id}" is no name for a unit`, hint: "letters, digits, _ . and -, at most 64" });
    if (world.get(id) !== undefined)
      return err({ code: "conflict", message: `there is a unit ${id} already`, hint: "choose another name" });
    const result = loadUnit({ id, main: { path: "", text: JSON.stringify(unit) }, dropIns: [] });
    if (!result.ok) {
      const { key, message, hint } = result.problems.find(({ severity }) => severity === "error")!;
      return err({ code: "invalid", message: key === "" ? message : `${key}: ${message}`, ...(hint === null ? {} : { hint }) });
    }
    const { spec } = result.loaded;
    const missing = spec.dependencies.find((dependency) => dependency.required && world.get(dependency.unit) === undefined);
    if (missing) return err({ code: "invalid", message: `dependencies: there is no unit ${missing.unit}`, hint: "see `sup list`" });
    catalog.adopt(id, result.loaded);
    engine.handle({ type: "load", spec, earlierRuns: earlierRuns(id) });
    return ok(id);
  }

  /** To be called before the unit is started. Returns a stop. */
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

  #look(turn: Turn): void {
    for (const id of turn.changed) {
      const entry = this.#o.world.get(id);
      if (entry === undefined || !isTransient(entry.spec)) continue;
      if (entry.unit.want === "up" || entry.unit.run > 0) this.#begun.add(id);
      // What it wrote last is told to its followers from the event loop: they are to have it before the end.
      if (this.#isOver(id)) setImmediate(() => setImmediate(() => this.#remove(id)));
    }
  }

  #isOver(id: string): boolean {
    const unit = this.#o.world.get(id)?.unit;
    return unit !== undefined && this.#begun.has(id) && isDown(unit.phase) && unit.due === null;
  }

  #remove(id: string): void {
    if (!this.#isOver(id)) return; // started again meanwhile
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
    this.#begun.delete(id);
    this.#o.catalog.drop(id);
    this.#o.engine.handle({ type: "unload", id });
  }
}

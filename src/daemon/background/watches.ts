import { resolve } from "node:path";
import type { AlertCondition } from "../../core/alerts/alerts.ts";
import { calmMs, changed, isOther, loopMessage, RELEASED, restartAt, restarted, type WatchBrake } from "../../core/unit/watch-brake.ts";
import { isProbed } from "../../core/unit/phase.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { WatchFiles } from "../../ports/filewatch.ts";
import type { LogStore } from "../../ports/logs.ts";
import { expandText } from "../../spec/load/specifiers.ts";
import type { Spec, WatchSpec } from "../../spec/spec.ts";
import type { Engine } from "../engine/engine.ts";
import type { Launcher } from "../engine/launcher.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface WatchesOptions {
  readonly world: World;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly engine: Pick<Engine, "post" | "watch">;
  readonly recorder: Pick<Recorder, "tell">;
  readonly logs: Pick<LogStore, "note">;
  readonly launcher: Launcher;
  readonly watchFiles: WatchFiles;
}

interface Braked {
  readonly brake: WatchBrake;
  /** True if a restart waits for the end of the back-off. Otherwise the timer resolves the alert. */
  readonly isPending: boolean;
  readonly timer: Timer | undefined;
  /** The alert is open. */
  readonly isReported: boolean;
}

const UNBRAKED: Braked = { brake: RELEASED, isPending: false, timer: undefined, isReported: false };

/** Restarts units when their watched files change. The files are watched while the unit should be up, even if it has failed. */
export class Watches {
  readonly #o: WatchesOptions;
  readonly #watching = new Map<string, { readonly spec: WatchSpec; readonly stop: () => void }>();
  /** The units that the watch has restarted, by id. */
  readonly #braked = new Map<string, Braked>();
  readonly #unwatch: () => void;

  constructor(options: WatchesOptions) {
    this.#o = options;
    this.#unwatch = options.engine.watch((turn) => this.#onTurn(turn));
  }

  close(): void {
    this.#unwatch();
    for (const id of [...this.#watching.keys()]) this.#end(id);
    for (const id of [...this.#braked.keys()]) this.#release(id);
  }

  #onTurn(turn: Turn): void {
    for (const id of turn.removed) {
      this.#end(id);
      this.#release(id);
    }
    for (const id of turn.changed) {
      const entry = this.#o.world.get(id);
      const known = this.#watching.get(id);
      const wanted = entry !== undefined && entry.unit.want === "up" ? entry.spec.watch : null;
      if (wanted === null) this.#release(id);
      if (known?.spec === wanted || (known === undefined && wanted === null)) continue;
      this.#end(id);
      if (wanted !== null) this.#begin(entry!.spec, wanted);
    }
  }

  #begin(spec: Spec, watch: WatchSpec): void {
    const { id } = spec;
    const paths = this.#paths(spec, watch);
    if (paths === null) return; // the start of the unit fails for the same reason and reports it
    const stop = this.#o.watchFiles({
      paths,
      ignore: watch.ignore,
      debounceMs: watch.debounceMs,
      onChange: (paths) => this.#changed(id, paths),
      onProblem: (message) => this.#o.logs.note(id, message),
    });
    this.#watching.set(id, { spec: watch, stop });
  }

  #end(id: string): void {
    this.#watching.get(id)?.stop();
    this.#watching.delete(id);
  }

  /** Expands the watched paths in the same way as a start does. Relative paths are relative to the working directory. */
  #paths(spec: Spec, watch: WatchSpec): string[] | null {
    const launch = this.#o.launcher.prepare(spec, "");
    if (!launch.ok) return null;
    const { env, specifiers, cwd } = launch.value;
    return watch.paths.flatMap((text) => {
      const path = expandText(text, env, specifiers);
      if (!path.ok) {
        this.#o.logs.note(spec.id, `cannot watch ${text}: ${path.error}`);
        return [];
      }
      const full = path.value.replace(/^~(?=\/|$)/, specifiers.h);
      return [resolve(cwd, full)];
    });
  }

  /** Restarts the unit now, or later if it probably causes the changes itself (watch-brake.ts). Changes until then cause only one restart. */
  #changed(id: string, paths: readonly string[]): void {
    const nowMs = this.#o.clock.monotonicMs();
    const { brake, timer, isPending, isReported } = this.#braked.get(id) ?? UNBRAKED;
    const path = paths[0] ?? "";
    if (isPending && !isOther(brake, path)) return;
    clearTimeout(timer);
    const unit = this.#o.world.get(id)?.unit;
    const after = changed(brake, { path, nowMs, startedMs: unit !== undefined && isProbed(unit) ? unit.execAtMs : null });
    const waitMs = restartAt(after, nowMs) - nowMs;
    const restart = (): void => this.#restart(id, paths);
    this.#braked.set(id, { brake: after, isPending: true, isReported, timer: waitMs > 0 ? setTimeout(restart, waitMs) : undefined });
    if (waitMs <= 0) restart();
  }

  #restart(id: string, paths: readonly string[]): void {
    const { engine, recorder, clock } = this.#o;
    const { brake: before, isReported } = this.#braked.get(id)!;
    const brake = restarted(before, clock.monotonicMs());
    const first = paths[0] ?? "a watched file";
    const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
    recorder.tell("watch-changed", `${first}${more} changed; restarting the unit`, id, { paths });
    const loop = loopMessage(brake, first);
    const timer = setTimeout(() => this.#resolve(id), calmMs(brake));
    this.#braked.set(id, { brake, isPending: false, isReported: loop !== null, timer });
    if (loop === null && isReported) this.#observe(id, []);
    if (loop !== null) {
      if (!isReported) recorder.tell("watch-loop", loop, id, { paths, restarts: brake.inARow });
      this.#observe(id, [{ unit: id, type: "watch-loop", severity: "warning", message: loop }]);
    }
    engine.post({ type: "request", action: "restart", ids: [id], cause: "watch" });
  }

  /** Resolves the alert, because no file has changed for a while. */
  #resolve(id: string): void {
    const braked = this.#braked.get(id)!;
    this.#braked.set(id, { ...braked, isReported: false });
    if (braked.isReported) this.#observe(id, []);
  }

  /** Forgets the earlier restarts, because the unit should be down or is removed. */
  #release(id: string): void {
    const braked = this.#braked.get(id);
    if (braked === undefined) return;
    clearTimeout(braked.timer);
    this.#braked.delete(id);
    if (braked.isReported) this.#observe(id, []);
  }

  #observe(unit: string, conditions: readonly AlertCondition[]): void {
    this.#o.engine.post({ type: "observed", source: "watch", unit, conditions });
  }
}

import { resolve } from "node:path";
import type { Turn, World } from "../../core/world/world.ts";
import type { WatchFiles } from "../../ports/filewatch.ts";
import type { LogStore } from "../../ports/logs.ts";
import { expandText } from "../../spec/load/specifiers.ts";
import type { Spec, WatchSpec } from "../../spec/spec.ts";
import type { Engine } from "../engine/engine.ts";
import type { Launcher } from "../engine/launcher.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface WatchesOptions {
  readonly world: World;
  readonly engine: Pick<Engine, "post" | "watch">;
  readonly recorder: Pick<Recorder, "tell">;
  readonly logs: Pick<LogStore, "note">;
  readonly launcher: Launcher;
  readonly watchFiles: WatchFiles;
}

/** Restarts units when their watched files change. Files are watched while the unit is wanted up, even if it has failed. */
export class Watches {
  readonly #o: WatchesOptions;
  readonly #watching = new Map<string, { readonly spec: WatchSpec; readonly stop: () => void }>();
  readonly #unwatch: () => void;

  constructor(options: WatchesOptions) {
    this.#o = options;
    this.#unwatch = options.engine.watch((turn) => this.#onTurn(turn));
  }

  close(): void {
    this.#unwatch();
    for (const { stop } of this.#watching.values()) stop();
    this.#watching.clear();
  }

  #onTurn(turn: Turn): void {
    for (const id of turn.removed) this.#end(id);
    for (const id of turn.changed) {
      const entry = this.#o.world.get(id);
      const known = this.#watching.get(id);
      const wanted = entry !== undefined && entry.unit.want === "up" ? entry.spec.watch : null;
      if (known?.spec === wanted || (known === undefined && wanted === null)) continue;
      this.#end(id);
      if (wanted !== null) this.#begin(entry!.spec, wanted);
    }
  }

  #begin(spec: Spec, watch: WatchSpec): void {
    const { id } = spec;
    const paths = this.#paths(spec, watch);
    if (paths === null) return; // the start fails for the same reason and reports it
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

  /** Expands the paths as at a start; relative ones are relative to the working directory, or else the home directory. */
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
      return [resolve(cwd ?? specifiers.h, full)];
    });
  }

  #changed(id: string, paths: readonly string[]): void {
    const first = paths[0] ?? "a watched file";
    const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
    this.#o.recorder.tell("watch-changed", `${first}${more} changed; restarting the unit`, id, { paths });
    this.#o.engine.post({ type: "request", action: "restart", ids: [id], cause: "watch" });
  }
}

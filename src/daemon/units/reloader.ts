import type * as shape from "../../api/contract/shapes.ts";
import { isDown } from "../../core/unit/phase.ts";
import type { PlanRow } from "../../core/world/reload-plan.ts";
import type { World, WorldEvent } from "../../core/world/world.ts";
import type { UnitSnapshot } from "../../ports/files.ts";
import type { Loaded } from "../../spec/load/load.ts";
import type { UnitCatalog } from "./unit-catalog.ts";
import { SYSTEM_SOCKET, SYSTEM_UNITS } from "../../spec/places.ts";
import type { SystemUnits } from "../lifecycle/system-units.ts";
import type { Recorder } from "../engine/recorder.ts";

export interface ReloaderOptions {
  readonly world: World;
  readonly catalog: UnitCatalog;
  readonly systemUnits: SystemUnits;
  readonly recorder: Recorder;
  /** Applies changed settings to the process of a live unit. */
  readonly refresh: (id: string) => void;
  /** Returns the units that the operator enabled (true) or disabled (false). Other units are absent. */
  readonly enablements: () => ReadonlyMap<string, boolean>;
  /** Returns how many runs a unit had earlier in this boot, before this daemon loaded the unit for the first time. */
  readonly earlierRuns: (id: string) => number;
  readonly handle: (...events: readonly WorldEvent[]) => void;
  readonly announce: (id: string) => void;
  /** Called after the unit files were read again. */
  readonly filesRead: () => void;
  /** Begins a rolling restart of a service. `before` is the service as its file declared it before the reload. */
  readonly roll: (service: string, before: Loaded | undefined) => void;
}

/** Applies unit files when the daemon starts, when files appear, and on request. */
export class Reloader {
  readonly #o: ReloaderOptions;

  constructor(options: ReloaderOptions) {
    this.#o = options;
  }

  /** Units of a service with `instances` are enabled and disabled together, under the name of the service. */
  isEnabled(id: string, loaded: Pick<Loaded, "spec"> | undefined = this.#o.catalog.get(id)): boolean {
    return this.#o.enablements().get(loaded?.spec.service ?? id) ?? loaded?.spec.enabled ?? false;
  }

  /** Returns true if the unit starts together with the daemon, or when its file appears. A scheduled unit waits for its time. */
  startsByItself(id: string): boolean {
    return this.isEnabled(id) && this.#o.world.get(id)?.spec.schedule == null;
  }

  /** Returns true unless the operator, or an explicit `"enabled": false` in the file, has disabled the unit and thereby its schedule. */
  isScheduleActive(id: string): boolean {
    const loaded = this.#o.catalog.get(id);
    return this.#o.enablements().get(id) ?? (loaded?.spec.enabled === true || (loaded?.sources.get("enabled") ?? "default") === "default");
  }

  /**
   * Reads the unit files for the first time, and returns the ids of the units that were loaded. Starts no unit. `remembered` contains
   * the units whose stored state is restored afterwards. That state includes the number of their runs.
   */
  loadAll(remembered: { has(id: string): boolean }): string[] {
    const { catalog, systemUnits } = this.#o;
    systemUnits.check();
    catalog.refresh(this.#enabledIds());
    const ids = catalog.fresh();
    this.#load(ids, (id) => !remembered.has(id));
    return ids;
  }

  /** Handles a change in the unit directories. Loads new units immediately. A changed unit is only marked until the next reload. */
  noticed(): void {
    const { catalog, recorder, world, handle, announce } = this.#o;
    const before = new Map([...world.entries()].map(([id]) => [id, catalog.onDisk(id)] as const));
    catalog.refresh(this.#enabledIds());
    const fresh = catalog.fresh();
    this.#load(fresh);
    for (const id of fresh) recorder.tell("loaded", "a new unit file was found", id, { file: catalog.get(id)!.spec.file });
    const enabled = fresh.filter((id) => this.startsByItself(id));
    if (enabled.length > 0) handle({ type: "request", action: "start", ids: enabled, cause: "boot" });
    const masked = [...before.keys()].filter((id) => catalog.maskOf(id) !== undefined);
    for (const id of masked.filter((id) => isDown(world.get(id)!.unit.phase))) {
      recorder.tell("masked", `${catalog.maskOf(id)} is a link to /dev/null now: it cannot be started`, id);
      catalog.drop(id);
      handle({ type: "unload", id });
      before.delete(id);
    }
    for (const [id, note] of before) {
      const now = catalog.onDisk(id);
      if (JSON.stringify(now) === JSON.stringify(note)) continue;
      announce(id);
      if (now.changed)
        recorder.tell(
          "changed",
          now.problems.length > 0
            ? "its unit file has errors now"
            : masked.includes(id)
              ? "its unit file is masked now; `sup reload` stops the unit"
              : now.removed
                ? "its unit file was removed; `sup reload` stops and forgets the unit"
                : "its unit file changed on disk; `sup reload` applies it",
          id,
          { problems: now.problems },
        );
    }
    this.#o.filesRead();
  }

  /**
   * Applies the differences between the files and the running units with as few restarts as possible. With `dryRun`, only returns the
   * plan. With `force`, a unit directory that does not exist counts as empty.
   */
  reload(dryRun: boolean, force = false): shape.ReloadPlan {
    const { catalog, systemUnits } = this.#o;
    systemUnits.check();
    catalog.refresh(this.#enabledIds(), force);
    const rows = this.#plan(catalog);
    const problems = catalog.problems();
    if (!dryRun) this.#apply(rows);
    this.#o.filesRead();
    return { dry_run: dryRun, units: rows.map((row) => ({ ...row, keys: row.keys.map((key) => ({ ...key })) })), problems };
  }

  /**
   * Returns the files as they would be with a change, in a copy of the catalog, and what a reload would then do. Changes nothing.
   * `change` changes the snapshot of the files on disk.
   */
  preview(change: (snapshot: UnitSnapshot) => UnitSnapshot): { readonly catalog: UnitCatalog; readonly rows: readonly PlanRow[] } {
    const { source } = this.#o.catalog;
    const catalog = this.#o.catalog.fork({ ...source, snapshot: () => change(source.snapshot()) });
    catalog.refresh(this.#enabledIds());
    return { catalog, rows: this.#plan(catalog) };
  }

  #plan(catalog: UnitCatalog): PlanRow[] {
    const { world } = this.#o;
    return catalog.plan({
      isUp: (id) => {
        const unit = world.get(id)?.unit;
        return unit !== undefined && !isDown(unit.phase);
      },
      isEnabled: (id, loaded) => this.isEnabled(id, loaded),
    });
  }

  /** Stops and unloads the units whose files are in the system's directory. Called after the system daemon has started. */
  letGo(): void {
    const { catalog, systemUnits, recorder, world, handle } = this.#o;
    if (!systemUnits.hasAppeared()) return;
    catalog.refresh(this.#enabledIds());
    const ids = [...world.entries()].filter(([, { spec }]) => spec.file.startsWith(`${SYSTEM_UNITS}/`)).map(([id]) => id);
    for (const id of ids) {
      recorder.tell("removed", `the system's daemon, which now listens on ${SYSTEM_SOCKET}, runs it`, id);
      catalog.drop(id);
      handle({ type: "unload", id });
    }
  }

  /** Loads an instance of a template. Returns false if there is no such template. */
  makeInstance(id: string): boolean {
    const made = this.#o.catalog.instance(id);
    if (made !== undefined) this.#put([made]);
    return made !== undefined;
  }

  /** Loads a unit that an earlier daemon started, although its service has fewer units now. Returns false if there is no such service. */
  keepSurplus(id: string): boolean {
    const unit = this.#o.catalog.surplus(id);
    if (unit !== undefined) this.#put([unit]);
    return unit !== undefined;
  }

  #apply(rows: readonly shape.ReloadPlan["units"][number][] | ReturnType<UnitCatalog["plan"]>): void {
    const { catalog, recorder, handle, world, refresh } = this.#o;
    const before = new Map([...world.services()].map(({ name }) => [name, catalog.rollable(name)]));
    this.#endReverts();
    catalog.takeTemplates();
    const idsOf = (wanted: (row: (typeof rows)[number]) => boolean): string[] => rows.filter(wanted).map((row) => row.id);
    this.#load(idsOf((row) => row.change === "added" || row.change === "changed"));
    this.#reloadSurges(idsOf((row) => row.change === "changed"));
    for (const id of idsOf((row) => row.change === "changed")) {
      const entry = world.get(id);
      if (entry !== undefined && !isDown(entry.unit.phase)) refresh(id);
    }
    for (const id of idsOf((row) => row.change === "removed" || row.change === "masked")) {
      const service = catalog.get(id)!.spec.service;
      catalog.drop(id);
      handle({ type: "unload", id });
      if (world.recordOf(service) !== undefined && catalog.service(service) === undefined) handle({ type: "forgetService", service });
    }
    for (const row of rows)
      recorder.tell(row.change === "broken" ? "load-failed" : row.change, row.message, row.id, {
        keys: row.keys.map((key) => key.key),
        action: row.action,
      });
    const restarts = idsOf((row) => row.action === "restart");
    const starts = idsOf((row) => row.action === "start");
    const rolling = new Set(restarts.flatMap((id) => this.#rollingService(id) ?? []));
    const atOnce = restarts.filter((id) => !rolling.has(this.#rollingService(id) ?? ""));
    if (atOnce.length > 0) handle({ type: "request", action: "restart", ids: atOnce, cause: "reload" });
    for (const service of rolling) this.#o.roll(service, before.get(service));
    if (starts.length > 0) handle({ type: "request", action: "start", ids: starts, cause: "reload" });
  }

  /** Gives the units that run beside plain units during a rolling restart the changed settings. No row of the plan is about them. */
  #reloadSurges(ids: readonly string[]): void {
    const { world, catalog } = this.#o;
    const surges = ids.flatMap((id) => world.unitsOf(id).filter((other) => other !== id));
    this.#put(surges.flatMap((id) => catalog.surplus(id) ?? []));
  }

  /** Puts the files on disk in force, except those with errors, and ends the use of restored definitions. */
  #endReverts(): void {
    const { catalog, world, handle } = this.#o;
    for (const { name } of world.services())
      if (world.recordOf(name)?.reverted != null && catalog.problemsOf(name).length === 0) handle({ type: "fileInForce", service: name });
  }

  /** Returns the service of a unit if the service's file configures rolling restarts, and otherwise null. */
  #rollingService(id: string): string | null {
    const spec = this.#o.world.get(id)?.spec;
    return spec === undefined || spec.rolling === null ? null : spec.service;
  }

  #load(ids: readonly string[], isNew?: (id: string) => boolean): void {
    this.#put(
      ids.flatMap((id) => this.#o.catalog.take(id) ?? []),
      isNew,
    );
  }

  #put(list: readonly Loaded[], isNew = (id: string): boolean => this.#o.world.get(id) === undefined): void {
    const { earlierRuns, handle } = this.#o;
    const events = list.map(({ spec }) => ({ type: "load", spec, earlierRuns: isNew(spec.id) ? earlierRuns(spec.id) : 0 }) as const);
    if (events.length > 0) handle(...events);
  }

  #enabledIds(): string[] {
    return [...this.#o.enablements()].filter(([, enabled]) => enabled).map(([id]) => id);
  }
}

import { instanceOf, numberedUnit } from "../../base/names.ts";
import { isPresentSurge } from "../../core/service/rollout.ts";
import type { Turn, World } from "../../core/world/world.ts";
import type { Reverted } from "../../core/service/service-memory.ts";
import { planReload, type PlanRow } from "../../core/world/reload-plan.ts";
import type { UnitSnapshot, UnitSource } from "../../ports/files.ts";
import { serviceOf, unitOfDefinition } from "../../spec/load/definition.ts";
import { diffSpecs } from "../../spec/load/diff.ts";
import { instantiate, loadSnapshot, type Loaded, type LoadedSnapshot, type SnapshotOptions } from "../../spec/load/load.ts";
import { findSurge, findUnit, isPlainRolling, unitsOf } from "../../spec/load/service-units.ts";
import type { Spec } from "../../spec/spec.ts";
import { toSpec } from "../../spec/load/to-spec.ts";
import type { UnitFile } from "../../spec/schema/unit.ts";
import { problemLine, type Problem } from "../../spec/parse/problems.ts";
import { missingProblem } from "./missing-directory.ts";

interface DiskNote {
  readonly changed: boolean;
  readonly removed: boolean;
  readonly problems: readonly string[];
}

const UNCHANGED: DiskNote = { changed: false, removed: false, problems: [] };

/**
 * Holds the versions of the unit files that are in use, and the versions that are on disk. After a file changes, the two
 * differ until a reload applies the change. If a file has errors, its last version without errors stays in use.
 */
export class UnitCatalog {
  readonly #source: UnitSource;
  readonly #unitDefaults: SnapshotOptions["unitDefaults"];
  readonly #scaleOf: NonNullable<SnapshotOptions["scaleOf"]>;
  readonly #inUse = new Map<string, Loaded>();
  readonly #templates = new Map<string, Loaded>();
  /** Services with `instances` by name. Their units are in `#inUse`. */
  readonly #services = new Map<string, Loaded>();
  /** Definitions that are in use instead of the service's file on disk, because a rollout of the file failed. */
  readonly #reverted = new Map<string, Reverted>();
  #disk: LoadedSnapshot = { loaded: new Map(), services: new Map(), templates: new Map(), problems: new Map(), masked: new Map() };
  #notes = new Map<string, DiskNote>();
  /** Units in use whose directories cannot be read at present. They stay as they are, because their files may be unchanged. */
  #held: ReadonlySet<string> = new Set();

  /**
   * `unitDefaults` are the defaults from the settings file, for keys that a unit file does not set. `scaleOf` returns the number of
   * units that `sup scale` gave to a service.
   */
  constructor(
    source: UnitSource,
    unitDefaults: SnapshotOptions["unitDefaults"] = null,
    scaleOf: NonNullable<SnapshotOptions["scaleOf"]> = () => undefined,
  ) {
    this.#source = source;
    this.#unitDefaults = unitDefaults;
    this.#scaleOf = scaleOf;
  }

  /** Returns a copy that reads other files. Changes to the copy do not affect this catalog. */
  fork(source: UnitSource): UnitCatalog {
    const copy = new UnitCatalog(source, this.#unitDefaults, this.#scaleOf);
    for (const [id, loaded] of this.#inUse) copy.#inUse.set(id, loaded);
    for (const [id, template] of this.#templates) copy.#templates.set(id, template);
    for (const [name, service] of this.#services) copy.#services.set(name, service);
    for (const [name, reverted] of this.#reverted) copy.#reverted.set(name, reverted);
    return copy;
  }

  get source(): UnitSource {
    return this.#source;
  }

  get directories(): readonly string[] {
    return this.#source.directories;
  }

  get(id: string): Loaded | undefined {
    return this.#inUse.get(id);
  }

  /** Returns a service with `instances` as its file declares it. */
  service(name: string): Loaded | undefined {
    return this.#services.get(name);
  }

  /** Returns a service that can be restarted unit by unit: one with `instances`, or a plain unit with `rolling`. */
  rollable(name: string): Loaded | undefined {
    const plain = this.#inUse.get(name);
    return this.#services.get(name) ?? (plain !== undefined && isPlainRolling(plain.spec) ? plain : undefined);
  }

  /** Returns true for a unit that runs beside a plain unit during a rolling restart. No file declares it. */
  #isSurgeOfPlain({ instance, service }: Spec): boolean {
    return instance !== null && this.#inUse.has(service);
  }

  /** Returns all problems of the files on disk, and the warnings of the files without errors. */
  problems(): Problem[] {
    const warnings = [...this.#disk.loaded.values(), ...this.#disk.services.values()].flatMap((loaded) => loaded.warnings);
    return [...[...this.#disk.problems.values()].flat(), ...warnings];
  }

  problemsOf(id: string): readonly Problem[] {
    return this.#disk.problems.get(this.#declaredBy(id)) ?? [];
  }

  /** Returns the units, the service or the template that the file of this name on disk declares. Returns none if the file has errors. */
  declared(name: string): readonly Loaded[] {
    const { loaded, services, templates } = this.#disk;
    return [loaded, services, templates].flatMap((map) => map.get(name) ?? []);
  }

  /** Returns the name of the file that declares a unit, without its extension. For a unit with an instance number, that is the name of its service. */
  #declaredBy(id: string): string {
    const spec = this.#inUse.get(id)?.spec;
    return spec === undefined || spec.instance === null ? id : spec.service;
  }

  /** Returns the names of all services in use. A plain unit is a service of its own. */
  #namesInUse(): Set<string> {
    return new Set([...this.#inUse.values()].map(({ spec }) => spec.service));
  }

  /** The units and templates that this daemon has never loaded because their files have errors. */
  get broken(): Array<{ readonly id: string; readonly file: string; readonly problems: readonly string[] }> {
    const names = this.#namesInUse();
    return [...this.#disk.problems].flatMap(([id, problems]) => {
      const isUnit = !id.includes("/") && !this.#inUse.has(id) && !names.has(id) && !this.#templates.has(id);
      return isUnit && problems.length > 0 ? [{ id, file: problems[0]!.file, problems: problems.map(problemLine) }] : [];
    });
  }

  /** The masked units and templates by id, with the path of the link to /dev/null that masks them. */
  get masked(): ReadonlyMap<string, string> {
    return this.#disk.masked;
  }

  /** Returns the path of the link that masks the unit. For an instance without its own file, this is the link that masks its template. */
  maskOf(id: string): string | undefined {
    const { masked, loaded, problems } = this.#disk;
    const template = instanceOf(id)?.template;
    const service = this.#declaredBy(id);
    if (service !== id) return masked.get(service);
    if (masked.has(id) || template === undefined) return masked.get(id);
    const hasOwnFile = loaded.has(id) || problems.has(id);
    return hasOwnFile ? undefined : masked.get(template);
  }

  onDisk(id: string): DiskNote {
    return this.#notes.get(id) ?? UNCHANGED;
  }

  /**
   * Reads the directories again without applying any change. `instances` are the instances that the operator has enabled. If
   * `missingIsEmpty` is true, a directory that does not exist counts as empty. Otherwise its units are kept, because the
   * directory may just be unmounted.
   */
  refresh(instances: Iterable<string> = [], missingIsEmpty = false): void {
    const inUse = [...this.#inUse].filter(([id, { spec }]) => instanceOf(id) !== null && spec.instance === null).map(([id]) => id);
    const wanted = new Set([...instances, ...inUse]);
    const snapshot = this.#source.snapshot();
    this.#disk = loadSnapshot(snapshot, { instances: wanted, unitDefaults: this.#unitDefaults ?? null, scaleOf: this.#scaleOf });
    this.#hold(snapshot.lost?.filter(({ missing }) => !(missing && missingIsEmpty)) ?? []);
    for (const [id, template] of this.#disk.templates) if (!this.#templates.has(id)) this.#templates.set(id, template);
    const names = this.#namesInUse();
    for (const [name, service] of this.#disk.services) if (!names.has(name)) this.#services.set(name, service);
    this.#note();
  }

  #hold(lost: NonNullable<UnitSnapshot["lost"]>): void {
    const [held, loaded, services, templates, problems] = [
      new Set<string>(),
      new Map(this.#disk.loaded),
      new Map(this.#disk.services),
      new Map(this.#disk.templates),
      new Map(this.#disk.problems),
    ];
    for (const { directory, missing } of lost) {
      const isThere = ({ spec, files }: Loaded): boolean =>
        [spec.file, ...files.map(({ path }) => path)].some((path) => path.startsWith(`${directory}/`));
      const ids = [...this.#inUse].filter(([, unit]) => isThere(unit)).map(([id]) => id);
      for (const id of ids) held.add(id);
      for (const [id, template] of this.#templates) if (isThere(template)) templates.set(id, template);
      for (const [name, service] of this.#services) if (isThere(service)) services.set(name, service);
      if (missing && ids.length > 0) problems.set(directory, [missingProblem(directory, ids.length)]);
    }
    for (const id of held) loaded.delete(id);
    this.#held = held;
    this.#disk = { ...this.#disk, loaded, services, templates, problems };
  }

  /**
   * Returns the ids of units whose files have no errors and that are not in use yet. An additional unit of a service in use
   * is not included, because it is a change of that service.
   */
  fresh(): string[] {
    const names = this.#namesInUse();
    return [...this.#disk.loaded].filter(([id, { spec }]) => !this.#inUse.has(id) && !names.has(spec.service)).map(([id]) => id);
  }

  /** Puts the version on disk into use and returns it. Returns undefined if that version has errors or does not exist. */
  take(id: string): Loaded | undefined {
    const loaded = this.#disk.loaded.get(id);
    if (loaded !== undefined) this.#inUse.set(id, loaded);
    this.#notes.delete(id);
    return loaded;
  }

  /**
   * Keeps the settings that an earlier daemon used, although the file was changed or deleted. Returns undefined if the file
   * still has these settings. Also returns undefined if another version of sup wrote the settings in a form that cannot be
   * read.
   */
  hold(
    id: string,
    { file, effective }: { readonly file: string; readonly effective: Readonly<Record<string, unknown>> },
  ): Spec | undefined {
    const now = this.#inUse.get(id);
    if (now !== undefined && diffSpecs(now, { effective }).length === 0) return undefined;
    const spec = specOf(effective, id, file, now !== undefined && this.#isSurgeOfPlain(now.spec));
    if (spec === undefined) return undefined;
    this.#inUse.set(id, { spec, effective, sources: now?.sources ?? new Map(), files: now?.files ?? [], warnings: [] });
    this.#note();
    return spec;
  }

  /** Puts all templates and services on disk into use. A service whose file has errors stays as it was. */
  takeTemplates(): void {
    this.#templates.clear();
    for (const [id, template] of this.#disk.templates) this.#templates.set(id, template);
    for (const name of this.#services.keys()) if (!this.#disk.problems.has(name)) this.#services.delete(name);
    for (const [name, service] of this.#disk.services) this.#services.set(name, service);
  }

  /**
   * Sets how many units of a service are in use; null means the number in its file. Returns the added units, and the ids of
   * units that are no longer in use.
   */
  rescale(name: string, scale: number | null): { readonly added: readonly Loaded[]; readonly removed: readonly string[] } {
    const wanted = unitsOf(this.#services.get(name)!, scale ?? undefined);
    const added = wanted.filter(({ spec }) => !this.#inUse.has(spec.id));
    for (const unit of added) this.#inUse.set(unit.spec.id, unit);
    const isWanted = new Set(wanted.map(({ spec }) => spec.id));
    const removed = [...this.#inUse.values()].filter(
      ({ spec }) => spec.instance !== null && spec.service === name && !isWanted.has(spec.id),
    );
    for (const { spec } of removed) this.#inUse.delete(spec.id);
    this.#rescaleDisk(name, scale);
    this.#note();
    return { added, removed: removed.map(({ spec }) => spec.id) };
  }

  #rescaleDisk(name: string, scale: number | null): void {
    const service = this.#disk.services.get(name);
    if (service === undefined) return;
    const others = [...this.#disk.loaded].filter(([, { spec }]) => spec.service !== name);
    const units = unitsOf(service, scale ?? undefined).map((unit) => [unit.spec.id, unit] as const);
    this.#disk = { ...this.#disk, loaded: new Map([...others, ...units]) };
  }

  /** Returns true if there is a template with this name, for example `web@`. */
  hasTemplate(name: string): boolean {
    return this.#templates.has(name);
  }

  /** Makes an instance (such as `web@1`) of its template without putting it into use. Returns undefined if there is no such template. */
  preview(id: string): Loaded | undefined {
    const parts = instanceOf(id);
    const template = parts && this.#templates.get(parts.template);
    if (!parts || !template || this.maskOf(id) !== undefined) return undefined;
    const made = instantiate(template, parts.instance);
    return made.ok ? made.value : undefined;
  }

  /** Makes an instance of its template and puts it into use. Returns undefined if there is no such template. */
  instance(id: string): Loaded | undefined {
    const made = this.preview(id);
    if (made !== undefined) this.#inUse.set(id, made);
    return made;
  }

  /**
   * Adds the units that a rollout or automatic scaling has added to the world, and drops the units that were removed. Returns
   * the ids of units whose definition was restored after a failed rollout.
   */
  follow(
    { changed, removed, services }: Pick<Turn, "changed" | "removed" | "services">,
    world: Pick<World, "get" | "recordOf">,
  ): readonly string[] {
    const reverted = [...services].flatMap((name) => this.followRevert(name, world));
    const scaled = new Map<string, number>();
    for (const id of changed) {
      const entry = world.get(id);
      if (entry === undefined || entry.spec.instance === null) continue;
      const { service, instance } = entry.spec;
      const { rollout, scale } = world.recordOf(service) ?? { rollout: null, scale: null };
      const isSurge = rollout?.units.some((unit) => isPresentSurge(unit) && unit.id === id) ?? false;
      const isMember = scale !== null && instance <= scale;
      const isInUse = this.#inUse.has(id);
      if (!entry.retired && !isInUse && (isSurge || isMember)) this.surplus(id);
      else if (entry.retired && isInUse && scale !== null && !isSurge && !isMember) this.drop(id);
      else continue;
      if (!isSurge && scale !== null) scaled.set(service, scale);
    }
    for (const [service, scale] of scaled) this.#rescaleDisk(service, scale);
    if (scaled.size > 0) this.#note();
    for (const id of removed) if (this.#inUse.get(id)?.spec.instance != null && world.get(id) === undefined) this.drop(id);
    return reverted;
  }

  /** Puts the definition of a service into use that its last rollout restored. Returns the ids of the units that got this definition. */
  followRevert(name: string, world: Pick<World, "get" | "recordOf">): readonly string[] {
    const { reverted = null, rollout = null } = world.recordOf(name) ?? {};
    if (reverted === null) this.#reverted.delete(name);
    const service = reverted === null ? undefined : serviceOf(reverted.definition, name);
    const isPlain = !this.#services.has(name);
    if (reverted === null || service === undefined || this.#reverted.get(name) === reverted) return [];
    this.#reverted.set(name, reverted);
    if (!isPlain) this.#services.set(name, { ...service, sources: this.#services.get(name)?.sources ?? service.sources });
    const surge = new Set(rollout?.units.flatMap(({ id, isSurge, phase }) => (isSurge && phase !== "gone" ? [id] : [])));
    const ids = [...this.#inUse].flatMap(([id, { spec }]) => (spec.service === name && (isPlain || spec.instance !== null) ? [id] : []));
    const members = ids.filter((id) => !surge.has(id) && world.get(id) !== undefined);
    for (const id of members) {
      const unit = unitOfDefinition(reverted.definition, name, id);
      if (unit !== undefined) this.#inUse.set(id, unit);
    }
    this.#note();
    return members;
  }

  /** Puts a unit of a service into use that an earlier daemon started, although the service has fewer units now. */
  surplus(id: string): Loaded | undefined {
    const unit = findUnit(id, this.#services) ?? findSurge(id, this.#inUse);
    if (unit !== undefined) this.#inUse.set(id, unit);
    return unit;
  }

  /** Puts a unit without a file into use. */
  adopt(id: string, loaded: Loaded): void {
    this.#inUse.set(id, loaded);
  }

  drop(id: string): void {
    this.#inUse.delete(id);
    this.#notes.delete(id);
  }

  plan(world: { isUp(id: string): boolean; isEnabled(id: string, loaded: Loaded | undefined): boolean }): PlanRow[] {
    const names = this.#namesInUse();
    const isKnown = (id: string): boolean => this.#inUse.has(id) || (!id.includes("/") && !names.has(id));
    const broken = [...this.#inUse.keys()].filter((id) => this.#disk.problems.has(this.#declaredBy(id)));
    const bad = [...new Set([...this.#disk.problems.keys(), ...broken])].filter((id) => !this.#held.has(id) && isKnown(id));
    const members = new Map<string, string[]>();
    for (const [id, { spec }] of this.#inUse) members.set(spec.service, [...(members.get(spec.service) ?? []), id]);
    return planReload({
      inForce: [...this.#inUse]
        .filter(([id, { spec }]) => spec.file !== "" && !this.#held.has(id) && !this.#isSurgeOfPlain(spec))
        .map(([id]) => id),
      onDisk: new Set(this.#disk.loaded.keys()),
      isMasked: (id) => this.maskOf(id) !== undefined,
      broken: new Set(bad),
      isUp: world.isUp,
      isEnabled: (id) => world.isEnabled(id, this.#disk.loaded.get(id)),
      isRolling: (id) => this.#disk.loaded.get(id)?.spec.rolling != null,
      membersOf: (id) => members.get(this.#disk.loaded.get(id)?.spec.service ?? id) ?? [],
      isSurplus: (id) => this.#isDeclared(this.#inUse.get(id)!.spec.service),
      isScheduled: (id) => this.#disk.loaded.get(id)?.spec.schedule != null,
      changes: (id) => diffSpecs(this.#inUse.get(id)!, this.#disk.loaded.get(id)!),
    });
  }

  /** Returns true if a file on disk declares a service or plain unit with this name. */
  #isDeclared(name: string): boolean {
    return this.#disk.loaded.has(name) || this.#disk.services.has(name);
  }

  #note(): void {
    this.#notes = new Map();
    for (const [id, inUse] of this.#inUse) {
      if (inUse.spec.file === "" || this.#held.has(id) || this.#isSurgeOfPlain(inUse.spec)) continue;
      const problems = this.problemsOf(id).map(problemLine);
      const onDisk = this.#disk.loaded.get(id);
      const changed = problems.length > 0 || onDisk === undefined || (onDisk !== inUse && diffSpecs(inUse, onDisk).length > 0);
      const isGone = onDisk === undefined && !this.#isDeclared(inUse.spec.service);
      const removed = isGone && problems.length === 0 && this.maskOf(id) === undefined;
      if (changed) this.#notes.set(id, { changed, removed, problems });
    }
  }
}

function specOf(effective: Readonly<Record<string, unknown>>, id: string, file: string, isSurge: boolean): Spec | undefined {
  try {
    const spec = toSpec(effective as unknown as UnitFile, id, file);
    const numbered = spec.instances === null && !isSurge ? null : numberedUnit(id);
    return numbered === null ? spec : { ...spec, service: numbered.service, instance: numbered.number };
  } catch {
    return undefined;
  }
}

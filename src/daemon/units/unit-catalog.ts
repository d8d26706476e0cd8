import { instanceOf } from "../../base/names.ts";
import { planReload, type PlanRow } from "../../core/world/reload-plan.ts";
import type { UnitSnapshot, UnitSource } from "../../ports/files.ts";
import { diffSpecs } from "../../spec/load/diff.ts";
import { instantiate, loadSnapshot, type Loaded, type LoadedSnapshot, type SnapshotOptions } from "../../spec/load/load.ts";
import type { Spec } from "../../spec/spec.ts";
import { toSpec } from "../../spec/load/to-spec.ts";
import type { UnitFile } from "../../spec/schema/unit.ts";
import { fileProblem, problemLine, type Problem } from "../../spec/parse/problems.ts";

interface DiskNote {
  readonly changed: boolean;
  readonly removed: boolean;
  readonly problems: readonly string[];
}

const UNCHANGED: DiskNote = { changed: false, removed: false, problems: [] };

/**
 * Holds the versions of the unit files that are in use, and the versions that are on disk. After a file was changed, they differ
 * until a reload applies the change. If a file has errors, the last version without errors stays in use.
 */
export class UnitCatalog {
  readonly #source: UnitSource;
  readonly #unitDefaults: SnapshotOptions["unitDefaults"];
  readonly #inUse = new Map<string, Loaded>();
  readonly #templates = new Map<string, Loaded>();
  #disk: LoadedSnapshot = { loaded: new Map(), templates: new Map(), problems: new Map(), masked: new Map() };
  #notes = new Map<string, DiskNote>();
  /** Units in use whose directories cannot be read at present. They stay as they are, because their files may not have changed. */
  #held: ReadonlySet<string> = new Set();

  /** `unitDefaults` are the defaults from the settings file. They apply to keys that a unit file does not set. */
  constructor(source: UnitSource, unitDefaults: SnapshotOptions["unitDefaults"] = null) {
    this.#source = source;
    this.#unitDefaults = unitDefaults;
  }

  get directories(): readonly string[] {
    return this.#source.directories;
  }

  get(id: string): Loaded | undefined {
    return this.#inUse.get(id);
  }

  /** Returns all problems of the files on disk, and the warnings of the files without errors. */
  problems(): Problem[] {
    const warnings = [...this.#disk.loaded.values()].flatMap((loaded) => loaded.warnings);
    return [...[...this.#disk.problems.values()].flat(), ...warnings];
  }

  problemsOf(id: string): readonly Problem[] {
    return this.#disk.problems.get(id) ?? [];
  }

  /** The units and templates that this daemon never loaded, because their files have errors. */
  get broken(): Array<{ readonly id: string; readonly file: string; readonly problems: readonly string[] }> {
    return [...this.#disk.problems].flatMap(([id, problems]) => {
      const isUnit = !id.includes("/") && !this.#inUse.has(id) && !this.#templates.has(id);
      return isUnit && problems.length > 0 ? [{ id, file: problems[0]!.file, problems: problems.map(problemLine) }] : [];
    });
  }

  /** The masked units and templates by id, with the path of the link to /dev/null that masks them. */
  get masked(): ReadonlyMap<string, string> {
    return this.#disk.masked;
  }

  /** Returns the path of the link that masks the unit, or that masks its template if the unit has no file of its own. */
  maskOf(id: string): string | undefined {
    const { masked, loaded, problems } = this.#disk;
    const template = instanceOf(id)?.template;
    if (masked.has(id) || template === undefined) return masked.get(id);
    const hasOwnFile = loaded.has(id) || problems.has(id);
    return hasOwnFile ? undefined : masked.get(template);
  }

  onDisk(id: string): DiskNote {
    return this.#notes.get(id) ?? UNCHANGED;
  }

  /**
   * Reads the directories again without applying any change. `instances` are the instances that the operator has enabled. If
   * `missingIsEmpty` is true, a directory that does not exist counts as empty. Otherwise its units are kept, because the directory
   * may only be unmounted.
   */
  refresh(instances: Iterable<string> = [], missingIsEmpty = false): void {
    const wanted = new Set([...instances, ...[...this.#inUse.keys()].filter((id) => instanceOf(id) !== null)]);
    const snapshot = this.#source.snapshot();
    this.#disk = loadSnapshot(snapshot, { instances: wanted, unitDefaults: this.#unitDefaults ?? null });
    this.#hold(snapshot.lost?.filter(({ missing }) => !(missing && missingIsEmpty)) ?? []);
    for (const [id, template] of this.#disk.templates) if (!this.#templates.has(id)) this.#templates.set(id, template);
    this.#note();
  }

  #hold(lost: NonNullable<UnitSnapshot["lost"]>): void {
    const [held, loaded, templates, problems] = [
      new Set<string>(),
      new Map(this.#disk.loaded),
      new Map(this.#disk.templates),
      new Map(this.#disk.problems),
    ];
    for (const { directory, missing } of lost) {
      const isThere = ({ spec, files }: Loaded): boolean =>
        [spec.file, ...files.map(({ path }) => path)].some((path) => path.startsWith(`${directory}/`));
      const ids = [...this.#inUse].filter(([, unit]) => isThere(unit)).map(([id]) => id);
      for (const id of ids) held.add(id);
      for (const [id, template] of this.#templates) if (isThere(template)) templates.set(id, template);
      if (missing && ids.length > 0) problems.set(directory, [missingProblem(directory, ids.length)]);
    }
    for (const id of held) loaded.delete(id);
    this.#held = held;
    this.#disk = { ...this.#disk, loaded, templates, problems };
  }

  /** Returns the ids of units whose files have no errors and that are not in use yet. */
  fresh(): string[] {
    return [...this.#disk.loaded.keys()].filter((id) => !this.#inUse.has(id));
  }

  /** Puts the version on disk into use and returns it. Returns undefined if there is no version without errors. */
  take(id: string): Loaded | undefined {
    const loaded = this.#disk.loaded.get(id);
    if (loaded !== undefined) this.#inUse.set(id, loaded);
    this.#notes.delete(id);
    return loaded;
  }

  /**
   * Keeps the settings that an earlier daemon used, although the file has changed or was deleted. Returns undefined if the file still
   * has the same settings, or if the settings cannot be read because another version of sup wrote them.
   */
  hold(
    id: string,
    { file, effective }: { readonly file: string; readonly effective: Readonly<Record<string, unknown>> },
  ): Spec | undefined {
    const now = this.#inUse.get(id);
    if (now !== undefined && diffSpecs(now, { effective }).length === 0) return undefined;
    const spec = specOf(effective, id, file);
    if (spec === undefined) return undefined;
    this.#inUse.set(id, { spec, effective, sources: now?.sources ?? new Map(), files: now?.files ?? [], warnings: [] });
    this.#note();
    return spec;
  }

  takeTemplates(): void {
    this.#templates.clear();
    for (const [id, template] of this.#disk.templates) this.#templates.set(id, template);
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

  /** Puts a unit without a file into use. */
  adopt(id: string, loaded: Loaded): void {
    this.#inUse.set(id, loaded);
  }

  drop(id: string): void {
    this.#inUse.delete(id);
    this.#notes.delete(id);
  }

  plan(world: { isUp(id: string): boolean; isEnabled(id: string, loaded: Loaded | undefined): boolean }): PlanRow[] {
    const bad = [...this.#disk.problems.keys()].filter((id) => !this.#held.has(id) && (this.#inUse.has(id) || !id.includes("/")));
    return planReload({
      inForce: [...this.#inUse].filter(([id, { spec }]) => spec.file !== "" && !this.#held.has(id)).map(([id]) => id),
      onDisk: new Set(this.#disk.loaded.keys()),
      isMasked: (id) => this.maskOf(id) !== undefined,
      broken: new Set(bad),
      isUp: world.isUp,
      isEnabled: (id) => world.isEnabled(id, this.#disk.loaded.get(id)),
      isScheduled: (id) => this.#disk.loaded.get(id)?.spec.schedule != null,
      changes: (id) => diffSpecs(this.#inUse.get(id)!, this.#disk.loaded.get(id)!),
    });
  }

  #note(): void {
    this.#notes = new Map();
    for (const [id, inUse] of this.#inUse) {
      if (inUse.spec.file === "" || this.#held.has(id)) continue;
      const problems = this.problemsOf(id).map(problemLine);
      const onDisk = this.#disk.loaded.get(id);
      const changed = problems.length > 0 || onDisk === undefined || (onDisk !== inUse && diffSpecs(inUse, onDisk).length > 0);
      const removed = onDisk === undefined && problems.length === 0 && this.maskOf(id) === undefined;
      if (changed) this.#notes.set(id, { changed, removed, problems });
    }
  }
}

const missingProblem = (directory: string, count: number): Problem =>
  fileProblem(directory, {
    message: `cannot read the directory ${directory}: it does not exist; ${count === 1 ? "its unit stays" : `its ${count} units stay`} as before`,
    hint: "if it was removed on purpose, `sup reload --force` stops and forgets them",
  });

function specOf(effective: Readonly<Record<string, unknown>>, id: string, file: string): Spec | undefined {
  try {
    return toSpec(effective as unknown as UnitFile, id, file);
  } catch {
    return undefined;
  }
}

import { instanceOf } from "../../base/names.ts";
import { planReload, type PlanRow } from "../../core/world/reload-plan.ts";
import type { UnitSource } from "../../ports/files.ts";
import { diffSpecs } from "../../spec/load/diff.ts";
import { instantiate, loadSnapshot, type Loaded, type LoadedSnapshot, type SnapshotOptions } from "../../spec/load/load.ts";
import type { Spec } from "../../spec/spec.ts";
import { toSpec } from "../../spec/load/to-spec.ts";
import type { UnitFile } from "../../spec/schema/unit.ts";
import { problemLine, type Problem } from "../../spec/parse/problems.ts";

interface DiskNote {
  readonly changed: boolean;
  readonly problems: readonly string[];
}

const SAME: DiskNote = { changed: false, problems: [] };

/**
 * The unit files: what is in force, and what is on disk now. The two differ between a change of a file and the reload
 * that takes it up; a bad file leaves the last good version in force.
 */
export class UnitCatalog {
  readonly #source: UnitSource;
  readonly #unitDefaults: SnapshotOptions["unitDefaults"];
  readonly #inForce = new Map<string, Loaded>();
  readonly #templates = new Map<string, Loaded>();
  #disk: LoadedSnapshot = { loaded: new Map(), templates: new Map(), problems: new Map() };
  #notes = new Map<string, DiskNote>();

  /** `unitDefaults`: from the settings, what holds where a unit file says nothing. */
  constructor(source: UnitSource, unitDefaults: SnapshotOptions["unitDefaults"] = null) {
    this.#source = source;
    this.#unitDefaults = unitDefaults;
  }

  get directories(): readonly string[] {
    return this.#source.directories;
  }

  get(id: string): Loaded | undefined {
    return this.#inForce.get(id);
  }

  /** All problems of the files on disk, and the warnings of those that are good. */
  problems(): Problem[] {
    const warnings = [...this.#disk.loaded.values()].flatMap((loaded) => loaded.warnings);
    return [...[...this.#disk.problems.values()].flat(), ...warnings];
  }

  problemsOf(id: string): readonly Problem[] {
    return this.#disk.problems.get(id) ?? [];
  }

  onDisk(id: string): DiskNote {
    return this.#notes.get(id) ?? SAME;
  }

  /** Reads the directories again. Nothing comes into force by it. `instances` are those the operator has enabled. */
  refresh(instances: Iterable<string> = []): void {
    const wanted = new Set([...instances, ...[...this.#inForce.keys()].filter((id) => instanceOf(id) !== null)]);
    this.#disk = loadSnapshot(this.#source.snapshot(), { instances: wanted, unitDefaults: this.#unitDefaults ?? null });
    for (const [id, template] of this.#disk.templates) if (!this.#templates.has(id)) this.#templates.set(id, template);
    this.#note();
  }

  /** Ids that are good on disk and not in force yet. */
  fresh(): string[] {
    return [...this.#disk.loaded.keys()].filter((id) => !this.#inForce.has(id));
  }

  /** Brings the version on disk into force. */
  take(id: string): Loaded | undefined {
    const loaded = this.#disk.loaded.get(id);
    if (loaded !== undefined) this.#inForce.set(id, loaded);
    this.#notes.delete(id);
    return loaded;
  }

  /**
   * Keeps in force what an earlier daemon had in force, although the file says something else now, or nothing at all.
   * Undefined when the file agrees, or when the memory cannot be read any more (of another version of sup).
   */
  hold(
    id: string,
    { file, effective }: { readonly file: string; readonly effective: Readonly<Record<string, unknown>> },
  ): Spec | undefined {
    const now = this.#inForce.get(id);
    if (now !== undefined && diffSpecs(now, { effective }).length === 0) return undefined;
    const spec = specOf(effective, id, file);
    if (spec === undefined) return undefined;
    this.#inForce.set(id, { spec, effective, sources: now?.sources ?? new Map(), files: now?.files ?? [], warnings: [] });
    this.#note();
    return spec;
  }

  takeTemplates(): void {
    this.#templates.clear();
    for (const [id, template] of this.#disk.templates) this.#templates.set(id, template);
  }

  /** Makes `web@1` of the template `web@` and brings it into force; undefined when there is no such template. */
  instance(id: string): Loaded | undefined {
    const parts = instanceOf(id);
    const template = parts && this.#templates.get(parts.template);
    if (!parts || !template) return undefined;
    const made = instantiate(template, parts.instance);
    if (!made.ok) return undefined;
    this.#inForce.set(id, made.value);
    return made.value;
  }

  /** Brings into force what is in no file. */
  adopt(id: string, loaded: Loaded): void {
    this.#inForce.set(id, loaded);
  }

  drop(id: string): void {
    this.#inForce.delete(id);
    this.#notes.delete(id);
  }

  plan(world: { isUp(id: string): boolean; isEnabled(id: string, loaded: Loaded | undefined): boolean }): PlanRow[] {
    const bad = [...this.#disk.problems.keys()].filter((id) => this.#inForce.has(id) || !id.includes("/"));
    return planReload({
      inForce: [...this.#inForce].filter(([, { spec }]) => spec.file !== "").map(([id]) => id),
      onDisk: new Set(this.#disk.loaded.keys()),
      broken: new Set(bad),
      isUp: world.isUp,
      isEnabled: (id) => world.isEnabled(id, this.#disk.loaded.get(id)),
      isScheduled: (id) => this.#disk.loaded.get(id)?.spec.schedule != null,
      changes: (id) => diffSpecs(this.#inForce.get(id)!, this.#disk.loaded.get(id)!),
    });
  }

  #note(): void {
    this.#notes = new Map();
    for (const [id, inForce] of this.#inForce) {
      if (inForce.spec.file === "") continue;
      const problems = this.problemsOf(id).map(problemLine);
      const onDisk = this.#disk.loaded.get(id);
      const changed = problems.length > 0 || onDisk === undefined || (onDisk !== inForce && diffSpecs(inForce, onDisk).length > 0);
      if (changed) this.#notes.set(id, { changed, problems });
    }
  }
}

function specOf(effective: Readonly<Record<string, unknown>>, id: string, file: string): Spec | undefined {
  try {
    return toSpec(effective as unknown as UnitFile, id, file);
  } catch {
    return undefined;
  }
}

import { instanceOf, isTemplate, isUnitId, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { UnitFiles, UnitSnapshot } from "../../ports/files.ts";
import { type Draft, draftUnit, type FailedDraft, inOrder, sourcesOf } from "../parse/draft.ts";
import { checkUnitNames, isPlainRolling, unitsOf } from "./service-units.ts";
import { checkAddresses, checkConditions, checkNames, findCycles } from "./unit-graph.ts";
import { fileProblem, type Problem } from "../parse/problems.ts";
import { instanceSpec } from "./to-spec.ts";
import type { Loaded } from "./loaded.ts";
import type { ObjectNode } from "../parse/tree.ts";

export type { Loaded } from "./loaded.ts";

/** Turns unit files into Specs. Errors in a file are reported, and never affect other units. */

export interface LoadOptions {
  /** Values from the settings for keys that a unit file does not set. */
  readonly unitDefaults?: ObjectNode | null;
}

export type LoadResult = { readonly ok: true; readonly loaded: Loaded } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Loads one unit or template by itself, without checking the units that it depends on. */
export function loadUnit(files: UnitFiles, options: LoadOptions = {}): LoadResult {
  const draft = draftUnit(files, options.unitDefaults ?? null);
  return draft.ok
    ? { ok: true, loaded: toLoaded(draft.value, options.unitDefaults ?? null) }
    : { ok: false, problems: draft.error.problems };
}

export interface LoadedSnapshot {
  /** Units and instances by id, without templates. A service with `instances` is represented by its units. */
  readonly loaded: ReadonlyMap<string, Loaded>;
  /** Services with `instances` by name, as their files declare them. */
  readonly services: ReadonlyMap<string, Loaded>;
  /** Templates by id, which ends in `@`. */
  readonly templates: ReadonlyMap<string, Loaded>;
  /**
   * The problems of units that are not in `loaded` or `templates`, by unit id, or by path if the file belongs to no unit. An
   * instance that is needed but whose template has errors gets the problems of the template.
   */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  /** Units and templates that cannot be started because their file is a link to /dev/null. Each value is the path of that link. */
  readonly masked: ReadonlyMap<string, string>;
}

export interface SnapshotOptions extends LoadOptions {
  /** Ids of instances to load, in addition to those that other units depend on. */
  readonly instances?: Iterable<string>;
  /** Returns the number of units that `sup scale` gave to a service, or undefined if the file decides. */
  readonly scaleOf?: (service: string) => number | undefined;
}

/**
 * Loads all units. First, each file is loaded by itself. Then the required instances are created, and finally dependencies and cycles
 * are checked.
 */
export function loadSnapshot(snapshot: UnitSnapshot, options: SnapshotOptions = {}): LoadedSnapshot {
  const drafts = new Map<string, Draft>();
  const problems = new Map<string, Problem[]>();
  const report = (id: string, list: readonly Problem[]): void => void problems.set(id, [...(problems.get(id) ?? []), ...list]);
  const failed: Array<{ readonly files: UnitFiles; readonly error: FailedDraft }> = [];
  for (const files of snapshot.units) {
    const draft = draftUnit(files, options.unitDefaults ?? null);
    if (draft.ok) drafts.set(files.id, draft.value);
    else {
      failed.push({ files, error: draft.error });
      problems.set(files.id, []);
    }
  }
  for (const { path, message } of snapshot.unreadable) report(ownerOf(path, snapshot), [fileProblem(path, { message })]);

  const masked = new Map(snapshot.masked.map(({ id, path }) => [id, path]));
  const services = new Set([...drafts].filter(([, { spec }]) => spec.instances !== null).map(([id]) => id));
  const known = { ids: new Set([...drafts.keys(), ...problems.keys(), ...masked.keys()]), masked, services };
  for (const { files, error } of failed) {
    const names = error.links ? checkNames(error.links, known) : [];
    problems.set(files.id, [...inOrder([...error.problems, ...names], [files.main, ...files.dropIns]), ...problems.get(files.id)!]);
  }
  const notes = new Map<string, readonly Problem[]>();
  for (const [id, draft] of drafts) {
    const found = checkNames({ id, dependencies: draft.spec.dependencies, root: draft.root }, known);
    if (found.some(({ severity }) => severity === "error")) report(id, found);
    else if (found.length > 0) notes.set(id, found);
  }
  for (const [id, draft] of drafts) {
    const key = services.has(id) ? "instances" : isPlainRolling(draft.spec) ? "rolling" : null;
    const clash = key === null ? null : checkUnitNames(id, draft, known.ids, key);
    if (clash !== null) report(id, [clash]);
  }
  for (const [id, found] of checkAddresses(drafts)) notes.set(id, [...(notes.get(id) ?? []), ...found]);
  addInstances(drafts, problems, options.instances ?? []);
  for (const [id, found] of findCycles(drafts)) report(id, [found]);

  const [loaded, templates, declared] = [new Map<string, Loaded>(), new Map<string, Loaded>(), new Map<string, Loaded>()];
  for (const [id, draft] of drafts) {
    if (problems.has(id)) continue;
    const warnings = [...draft.warnings, ...(notes.get(id) ?? []), ...checkConditions(draft, drafts)];
    const one = toLoaded({ ...draft, warnings }, options.unitDefaults ?? null);
    if (!services.has(id)) (isTemplate(id) ? templates : loaded).set(id, one);
    else {
      declared.set(id, one);
      for (const unit of unitsOf(one, options.scaleOf?.(id))) loaded.set(unit.spec.id, unit);
    }
  }
  return { loaded, services: declared, templates, problems, masked };
}

/** Creates an instance: template `web@` and instance `1` give `web@1`. The error says why this is not possible. */
export function instantiate(template: Loaded, instance: string): Result<Loaded, string> {
  const id = template.spec.id + instance;
  if (!isTemplate(template.spec.id)) return err(`"${template.spec.id}" is not a template`);
  if (!isUnitId(id)) return err(`"${instance}" is not a valid instance name: use letters, digits, _ . and -, at most 64`);
  const spec = instanceSpec(template.spec, instance);
  return ok({ ...template, spec, effective: { ...template.effective, name: spec.name } });
}

function toLoaded({ spec, effective, files, warnings }: Draft, defaults: ObjectNode | null): Loaded {
  let sources: ReadonlyMap<string, string> | undefined;
  return {
    spec,
    effective,
    files,
    warnings,
    // The sources are computed on first use, because only `sup cat` and the web page need them. The files are parsed again for
    // this, because the trees of all files would take more memory than the units themselves.
    get sources() {
      return (sources ??= sourcesOf(effective, files, defaults));
    },
  };
}

/** The unit that an unreadable file, drop-in or directory of drop-ins belongs to, otherwise its path. */
function ownerOf(path: string, snapshot: UnitSnapshot): string {
  const dropIn = /([^/]+)\.unit\.json\.d(\/[^/]+)?$/.exec(path)?.[1];
  if (dropIn !== undefined) return dropIn;
  const id = stripSuffix(path.slice(path.lastIndexOf("/") + 1));
  const other = snapshot.units.some((unit) => unit.id === id);
  return !other && path.endsWith(".unit.json") && (isUnitId(id) || isTemplate(id)) ? id : path;
}

/** Adds the requested instances and the instances that units depend on. Then adds the instances that these depend on, and so on. */
function addInstances(drafts: Map<string, Draft>, problems: Map<string, Problem[]>, requested: Iterable<string>): void {
  const wanted = new Set(requested);
  for (const { spec } of drafts.values()) for (const { unit } of spec.dependencies) wanted.add(unit);
  for (const id of wanted) {
    const parts = instanceOf(id);
    if (!parts || drafts.has(id) || problems.has(id) || !isUnitId(id)) continue;
    const draft = drafts.get(parts.template);
    const bad = problems.get(parts.template);
    if (bad) problems.set(id, bad);
    else if (draft) {
      const spec = instanceSpec(draft.spec, parts.instance);
      drafts.set(id, { ...draft, spec, effective: { ...draft.effective, name: spec.name } });
    }
  }
}

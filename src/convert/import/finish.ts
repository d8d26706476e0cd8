import { fileNameOf, isTemplate, isUnitId } from "../../base/names.ts";
import { loadSnapshot } from "../../spec/load/load.ts";
import { RESERVED } from "../../spec/load/environment.ts";
import { expandText } from "../../spec/load/specifiers.ts";
import { unitKeys } from "../../spec/parse/draft.ts";
import type { ImportDraft, UnitDraft } from "./draft.ts";
import { isSecret } from "./secrets.ts";
import type { Imported, ImportedUnit, ReportEntry } from "./types.ts";

/**
 * Turns drafts into units that `sup verify` accepts, and sorts the report so that entries that need manual work come first.
 * Each draft is one imported configuration. Dependencies connect only units of the same draft, but names are unique across
 * all drafts.
 */
export function finish(drafts: readonly ImportDraft[]): Omit<Imported, "formats"> {
  const names = chooseNames(drafts.flatMap(({ units }) => units));
  const problems = drafts.flatMap((draft) => draft.problems);
  const candidates = drafts.map(({ units }) =>
    units.filter((unit) => {
      if (typeof unit.json.command === "string" && unit.json.command !== "") return true;
      problems.push({ where: unit.origin, message: `cannot import ${unit.name}: it has no command${whyNot(unit)}`, hint: null });
      return false;
    }),
  );
  for (const units of candidates) resolveDependencies(units, names);
  const made = candidates.flat().map((unit) => ({ unit, ...separateSecrets(unit), name: names.get(unit)! }));
  const valid = made.filter(({ unit, name, json }) => {
    const fault = makeValid(unit, name, json);
    if (fault !== null) problems.push({ where: unit.origin, message: `cannot import ${unit.name}: ${fault}`, hint: null });
    return fault === null;
  });
  checkTogether(valid);
  const units = valid.map(({ unit, name, json, secrets }): ImportedUnit => ({
    name,
    json: inSchemaOrder(json),
    secrets,
    filesOverrideSecrets: unit.filesOverrideSecrets,
    notes: unit.notes,
    origin: unit.origin,
    processes: unit.processes,
  }));
  const entries = valid.flatMap(({ unit, name }) => unit.entries.map((entry) => ({ unit: name, ...entry })));
  return { units, report: byUrgency([...drafts.flatMap(({ report }) => report), ...entries]), problems };
}

/** Returns why the field with the command could not be used. */
function whyNot(unit: UnitDraft): string {
  const entry = unit.entries.findLast(
    ({ field, outcome }) => outcome === "dropped" && /^(command|ExecStart|script|entrypoint)$/.test(field),
  );
  return entry === undefined ? "" : `: ${entry.how}`;
}

const ORDER = { dropped: 0, approximated: 1, carried: 2 } as const;

/** Sorts the entries so that those that need manual work come first. */
const byUrgency = (report: readonly ReportEntry[]): ReportEntry[] => [...report].sort((a, b) => ORDER[a.outcome] - ORDER[b.outcome]);

/** Gives each unit a valid and unique name. */
function chooseNames(units: readonly UnitDraft[]): Map<UnitDraft, string> {
  const names = new Map<UnitDraft, string>();
  const used = new Set<string>();
  for (const unit of units) {
    const wanted = validName(unit.name);
    let name = wanted;
    for (let n = 2; used.has(name); n++) name = withSuffix(wanted, `-${n}`);
    if (name !== unit.name) unit.approximated("name", unit.origin, `the unit is named ${name}, because ${reasonFor(unit.name, used)}`);
    used.add(name);
    names.set(unit, name);
  }
  return names;
}

const reasonFor = (name: string, used: ReadonlySet<string>): string =>
  used.has(name) ? `another imported unit has the name ${name}` : `${JSON.stringify(name)} is not a valid unit name`;

const MAX_NAME = 64;

/** Returns a valid name for a unit or template that is as close as possible to the given one. */
export function validName(text: string): string {
  if (isUnitId(text) || isTemplate(text)) return text;
  const [first = "", ...rest] = text.split("@");
  const head = cleanPart(first) || "unit";
  const name = rest.length === 0 ? head : `${head}@${cleanPart(rest.join("-"))}`;
  return isUnitId(name) || isTemplate(name) ? name : withSuffix(head, "-unit");
}

const cleanPart = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|-+$/g, "")
    .slice(0, MAX_NAME);

const withSuffix = (name: string, suffix: string): string =>
  name.endsWith("@") ? `${withSuffix(name.slice(0, -1), suffix)}@` : name.slice(0, MAX_NAME - suffix.length) + suffix;

/**
 * Writes the dependencies with the final names. Drops dependencies on units that are not imported, on the unit itself, and
 * those that form a cycle.
 */
function resolveDependencies(units: readonly UnitDraft[], names: ReadonlyMap<UnitDraft, string>): void {
  const byId = new Map<string, UnitDraft[]>();
  for (const unit of units) byId.set(unit.id, [...(byId.get(unit.id) ?? []), unit]);
  const edges = new Map<string, Set<string>>();
  for (const unit of units) {
    const own = names.get(unit)!;
    const found = new Map<string, Record<string, unknown>>();
    for (const { on, instance, options, field, where } of unit.dependencies) {
      // process-compose names a single replica with its number, as its unit is named.
      const targets = byId.get(on) ?? units.filter((each) => each.name === on);
      if (targets.length === 0)
        unit.drop(field, where, `${on} is not among the imported units`, `import ${on} too, or remove the dependency`);
      for (const target of targets) {
        const name = names.get(target)! + instance;
        if (name === own) unit.drop(field, where, "a unit cannot depend on itself");
        else if (reaches(edges, name, own))
          unit.drop(field, where, `the dependency on ${name} closes a circle`, "decide which of the units starts first");
        else {
          edges.set(own, (edges.get(own) ?? new Set()).add(name));
          found.set(name, strongest(found.get(name), { unit: name, ...options }));
          unit.carried(field, `dependencies: ${name}`, where);
        }
      }
    }
    if (found.size > 0) unit.json.dependencies = [...found.values()].map((each) => (Object.keys(each).length === 1 ? each.unit : each));
  }
}

/** Combines two dependencies on the same unit. A required dependency takes precedence over one that affects only the order. */
function strongest(before: Record<string, unknown> | undefined, next: Record<string, unknown>): Record<string, unknown> {
  if (before === undefined) return next;
  const merged = { ...before, ...next };
  if (before.required !== false || next.required !== false) delete merged.required;
  return merged;
}

function reaches(edges: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const name of seen) {
    if (name === to) return true;
    for (const next of edges.get(name) ?? []) seen.add(next);
  }
  return false;
}

/**
 * Splits the environment into variables for the unit file and secrets. Environment files are not expanded, so a value that
 * contains variables of sup stays in the unit file.
 */
function separateSecrets(unit: UnitDraft): { json: Record<string, unknown>; secrets: Record<string, string> } {
  const environment: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  for (const [name, text] of unit.environment) {
    const fault = nameFault(name);
    if (fault !== null) {
      unit.drop(`environment ${name}`, unit.origin, fault);
      continue;
    }
    const literal = expandText(text, {}, NO_SPECIFIERS);
    const isLiteral = literal.ok && !/(?<!%)(?:%%)*%[nihSLt]/.test(text);
    if (isLiteral && isSecret(name, literal.value)) secrets[name] = literal.value;
    else environment[name] = text;
  }
  const json = { ...unit.json };
  if (Object.keys(environment).length > 0) json.environment = environment;
  return { json, secrets };
}

const NO_SPECIFIERS = { n: "", i: "", h: "", S: "", L: "", t: "" };

function nameFault(name: string): string | null {
  if (RESERVED.has(name)) return "sup itself sets this variable";
  return /^[^=\0\s]+$/.test(name) && name !== "__proto__" ? null : "this is not a valid name of a variable";
}

const MAX_ROUNDS = 100;

/**
 * Removes keys until the unit loads without an error, and reports each removed key. The importers should not write such keys,
 * so this function is a safety net for unusual values. Returns why the unit cannot be imported, or null.
 */
function makeValid(unit: UnitDraft, name: string, json: Record<string, unknown>): string | null {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // Dependencies are checked later, when all units are known (checkTogether).
    const { problems, loaded, templates } = load([{ name, json: { ...json, dependencies: [] } }]);
    const [first] = problems.get(name) ?? [];
    if (first === undefined) {
      const warnings = (loaded.get(name) ?? templates.get(name))?.warnings ?? [];
      unit.notes.push(...warnings.map(({ message }) => message));
      return null;
    }
    const [top] = first.key.split(/[.[]/);
    if (top === undefined || top === "" || top === "command" || !(top in json)) return first.message;
    delete json[top];
    unit.drop(top, unit.origin, `the value cannot be used: ${first.message}`);
  }
  return "it has too many errors";
}

interface Made {
  readonly unit: UnitDraft;
  readonly name: string;
  readonly json: Record<string, unknown>;
}

/** Loads all units together. Removes invalid dependencies, including those on units that could not be imported. */
function checkTogether(units: readonly Made[]): void {
  const kept = new Set(units.map(({ name }) => name));
  for (const { unit, json } of units) dropMissing(unit, json, kept);
  const { problems } = load(units);
  for (const { unit, name, json } of units) {
    const [first] = problems.get(name) ?? [];
    if (first === undefined || json.dependencies === undefined) continue;
    delete json.dependencies;
    unit.drop("dependencies", unit.origin, `the dependencies cannot be used: ${first.message}`);
  }
}

function load(units: ReadonlyArray<{ readonly name: string; readonly json: unknown }>) {
  const files = units.map(({ name, json }) => ({ id: name, main: { path: fileNameOf(name), text: JSON.stringify(json) }, dropIns: [] }));
  return loadSnapshot({ units: files, unreadable: [], masked: [] });
}

/** Removes dependencies on units that turned out to be invalid. */
function dropMissing(unit: UnitDraft, json: Record<string, unknown>, kept: ReadonlySet<string>): void {
  if (!Array.isArray(json.dependencies)) return;
  const nameOf = (each: unknown): string => (typeof each === "string" ? each : (each as { unit: string }).unit);
  const isKept = (each: unknown): boolean => kept.has(nameOf(each)) || kept.has(nameOf(each).replace(/@.*/, "@"));
  const left = json.dependencies.filter(isKept);
  for (const each of json.dependencies) if (!isKept(each)) unit.drop("dependencies", unit.origin, `${nameOf(each)} could not be imported`);
  if (left.length > 0) json.dependencies = left;
  else delete json.dependencies;
}

function inSchemaOrder(json: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const ordered: Record<string, unknown> = {};
  for (const key of unitKeys().keys()) if (json[key] !== undefined) ordered[key] = json[key];
  return ordered;
}

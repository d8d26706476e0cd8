import { isWhole, LATER } from "../../spec/parse/later.ts";
import { keyInfoAt } from "../../spec/parse/keys.ts";
import { unitKeys } from "../../spec/parse/draft.ts";
import { escapeText } from "../../spec/load/specifiers.ts";
import type { ImportProblem, Outcome, ReportEntry } from "./types.ts";

/** A dependency on another imported unit, which is named by its id in the imported format. */
export interface DraftDependency {
  readonly on: string;
  /** The instance to depend on, if `on` is a template. */
  readonly instance: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly field: string;
  readonly where: string;
}

/** Collects the units, report entries and problems of one import. */
export class ImportDraft {
  readonly units: UnitDraft[] = [];
  readonly report: ReportEntry[] = [];
  readonly problems: ImportProblem[] = [];

  /** Adds a unit. `id` names it in the imported format. `name` is its wanted name, which `finish` makes valid and unique. */
  unit(id: string, name: string, origin: string): UnitDraft {
    const unit = new UnitDraft(id, name, origin);
    this.units.push(unit);
    return unit;
  }

  /** Reports a field that belongs to no single unit and is not used. */
  drop(field: string, where: string, why: string, whatToDo: string | null = null): void {
    this.report.push({ unit: null, field, outcome: "dropped", how: why, whatToDo, where });
  }

  /** Reports a field that all units of the import have. */
  carried(field: string, how: string, where: string): void {
    this.report.push({ unit: null, field, outcome: "carried", how, whatToDo: null, where });
  }

  refuse(where: string, message: string, hint: string | null = null): void {
    this.problems.push({ where, message, hint });
  }
}

export interface DraftEntry {
  readonly field: string;
  readonly outcome: Outcome;
  readonly how: string;
  readonly whatToDo: string | null;
  readonly where: string;
}

/** A unit that an importer builds key by key. Each method that sets a key also reports the field that it came from. */
export class UnitDraft {
  readonly json: Record<string, unknown> = {};
  /** Environment variables in sup's syntax (`%` and `${` are escaped). */
  readonly environment = new Map<string, string>();
  readonly dependencies: DraftDependency[] = [];
  readonly entries: DraftEntry[] = [];
  readonly notes: string[] = [];
  /** The names of the unit's processes in supervisord or PM2. */
  readonly processes: string[] = [];
  /** True if environment files override the variables of the imported file, as in systemd. */
  filesOverrideSecrets = false;
  readonly id: string;
  readonly name: string;
  readonly origin: string;

  constructor(id: string, name: string, origin: string) {
    this.id = id;
    this.name = name;
    this.origin = origin;
  }

  /** Sets a key, given as a dotted path, without reporting a field. */
  set(key: string, value: unknown): void {
    const path = key.split(".");
    const last = path.pop()!;
    let object = this.json;
    for (const step of path) object = (object[step] ??= {}) as Record<string, unknown>;
    object[last] = value;
  }

  /** Sets a key that has the same meaning as the field. */
  carry(field: string, key: string, value: unknown, where: string): void {
    this.set(key, value);
    this.carried(field, key, where);
  }

  /** Reports a field as carried. Either the unit behaves that way without a key, or the key is already set. */
  carried(field: string, how: string, where: string): void {
    this.#add("carried", field, how, null, where);
  }

  /** Sets a key that means almost the same as the field; `how` says what differs. */
  approximate(field: string, key: string, value: unknown, where: string, how: string, whatToDo: string | null = null): void {
    this.set(key, value);
    this.approximated(field, where, `${key}: ${how}`, whatToDo);
  }

  approximated(field: string, where: string, how: string, whatToDo: string | null = null): void {
    this.#add("approximated", field, how, whatToDo, where);
  }

  drop(field: string, where: string, why: string, whatToDo: string | null = null): void {
    this.#add("dropped", field, why, whatToDo, where);
  }

  /**
   * Sets a key that some versions of sup do not support. If this version does not support the key, the field is reported as
   * dropped, together with the value that it would have.
   */
  carryIfSupported(field: string, key: string, value: unknown, where: string, whatToDo: string): void {
    if (isSupported(key)) this.carry(field, key, value, where);
    else this.drop(field, where, `sup does not support "${key}" yet; the value would be ${JSON.stringify(value)}`, whatToDo);
  }

  /** Reports the keys of an object that have no entry yet because their values have an unexpected form. */
  dropSilent(keys: Iterable<string>, where: string): void {
    // Dependencies are reported once all units are known.
    const fields = [...this.entries, ...this.dependencies].map(({ field }) => field);
    for (const key of keys)
      if (!fields.some((field) => field === key || field.startsWith(`${key}.`)))
        this.drop(key, where, "the value is not valid for this key");
  }

  /** Removes the report entries about a field. */
  forget(field: string): void {
    const kept = this.entries.filter((entry) => entry.field !== field);
    this.entries.splice(0, this.entries.length, ...kept);
  }

  depend(on: string, options: Readonly<Record<string, unknown>>, field: string, where: string, instance = ""): void {
    this.dependencies.push({ on, instance, options, field, where });
  }

  /** Sets the command and its arguments to these literal strings. */
  argv([command = "", ...args]: readonly string[]): void {
    this.json.command = escapeText(command);
    if (args.length > 0) this.json.args = args.map((arg) => escapeText(arg));
  }

  /** Sets a command that `/bin/sh -c` runs. */
  shell(line: string): void {
    this.json.command = escapeText(line, { variables: false });
    this.json.shell = true;
  }

  /** Sets an environment variable to a literal string. */
  env(name: string, value: string): void {
    this.environment.set(name, escapeText(value));
  }

  list(key: string): unknown[] {
    return (this.json[key] ??= []) as unknown[];
  }

  #add(outcome: Outcome, field: string, how: string, whatToDo: string | null, where: string): void {
    this.entries.push({ field, outcome, how, whatToDo, where });
  }
}

/** Whether this version of sup has the key, given as a dotted path, and implements it. */
export const isSupported = (key: string): boolean =>
  keyInfoAt(unitKeys(), key.split(".")) !== undefined &&
  !LATER.some((later) => isWhole(later) && (key === later.key || key.startsWith(`${later.key}.`)));

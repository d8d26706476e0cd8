import type { Loaded } from "../../spec/load/loaded.ts";
import type { Spec } from "../../spec/spec.ts";
import type { ExportProblem, Outcome, ReportEntry } from "./types.ts";

/** Explains why a target has no counterpart of a key: the reason, and what to do. */
export type Reasons = Readonly<Record<string, readonly [why: string, whatToDo: string | null]>>;

/** Records what became of each key of one unit file. If `always` is true, keys that the file does not set are reported too. */
export class ExportDraft {
  readonly loaded: Loaded;
  readonly spec: Spec;
  /** The keys that the unit file sets, such as `command` and `restart_policy.max_retries`, with their places. */
  readonly #set = new Map<string, string>();
  readonly #entries: ReportEntry[] = [];

  constructor(loaded: Loaded) {
    this.loaded = loaded;
    this.spec = loaded.spec;
    for (const [key, where] of loaded.sources) {
      const field = fieldOf(key);
      if (where !== "default" && !this.#set.has(field)) this.#set.set(field, where);
    }
  }

  /** Names the unit file in a line for the head of an exported file, without a comment sign. */
  get origin(): string {
    return `Exported by sup from ${this.fileName}`;
  }

  /** The path of the unit file, without characters that would end a comment. */
  get fileName(): string {
    return this.spec.file.replaceAll(/\p{Cc}/gu, " ");
  }

  /** Returns the problem of a unit that cannot be exported. */
  problem(message: string, hint: string | null = null): ExportProblem {
    return { where: this.spec.file, message: `cannot export ${this.spec.id}: ${message}`, hint };
  }

  /** Whether the unit file sets the key or a member of it. */
  isSet(key: string): boolean {
    return this.#placeOf(key) !== undefined;
  }

  carried(key: string, how: string): void {
    this.#add("carried", key, how, null, false);
  }

  /** Reports the number of units. A service with automatic scaling is exported with the number of units with which it starts. */
  carriedInstances(how: string): void {
    if (this.spec.scaling === null) return this.carried("instances", how);
    this.approximated("instances", `${how}: always ${this.spec.instances}, because automatic scaling is not exported`);
  }

  approximated(key: string, how: string, whatToDo: string | null = null, always = false): void {
    this.#add("approximated", key, how, whatToDo, always);
  }

  dropped(key: string, why: string, whatToDo: string | null = null, always = false): void {
    this.#add("dropped", key, why, whatToDo, always);
  }

  /** Returns the report. A key of the unit file without an entry has no counterpart in the target. */
  finish(reasons: Reasons, target: string): ReportEntry[] {
    const isReported = (key: string): boolean =>
      this.#entries.some(({ field }) => field === key || key.startsWith(`${field}.`) || field.startsWith(`${key}.`));
    for (const key of this.#set.keys()) {
      if (isReported(key)) continue;
      const top = key.split(".")[0]!;
      // One entry for a whole object that has no counterpart.
      const field = Object.hasOwn(reasons, key) || isReported(top) ? key : top;
      const reason = Object.hasOwn(reasons, field) ? reasons[field] : Object.hasOwn(reasons, top) ? reasons[top] : undefined;
      this.dropped(field, ...(reason ?? [`${target} has no counterpart`, null]));
    }
    return this.#entries;
  }

  #add(outcome: Outcome, field: string, how: string, whatToDo: string | null, always: boolean): void {
    const where = this.#placeOf(field);
    if (where === undefined && !always) return;
    this.#entries.push({ unit: this.spec.id, field, outcome, how, whatToDo, where: where ?? this.spec.file });
  }

  #placeOf(key: string): string | undefined {
    for (const [field, where] of this.#set) if (field === key || field.startsWith(`${key}.`)) return where;
    // `environment PATH` is a part of the field `environment`.
    return this.#set.get(key.split(" ")[0]!);
  }
}

/** Returns the field that a key belongs to. Maps whose member names the user chooses count as one field. */
const fieldOf = (key: string): string => {
  const parts = key.split(".");
  return parts[0] === "environment" || parts[0] === "labels" ? parts[0] : parts.slice(0, 2).join(".");
};

const ORDER = { dropped: 0, approximated: 1, carried: 2 } as const;

/** Sorts the entries so that those that need manual work come first. */
export const byUrgency = (report: readonly ReportEntry[]): ReportEntry[] => [...report].sort((a, b) => ORDER[a.outcome] - ORDER[b.outcome]);

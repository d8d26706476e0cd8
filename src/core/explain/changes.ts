import type { FileRole, FileState, Fingerprint, TrackedFile } from "./fingerprint.ts";

export type ChangeKind = "unit" | "executable" | "argument" | "environment_file" | "environment" | "working_directory";

/** A difference between the fingerprints of two runs. */
export interface Change {
  readonly kind: ChangeKind;
  /** A clause without a full stop, such as `the executable /opt/app changed`. */
  readonly text: string;
  /** The keys of the unit file or the names of variables that changed; empty for other kinds. */
  readonly names: readonly string[];
  /** Times at which the file system recorded changes of the file as it is now, in wall clock milliseconds. */
  readonly timesMs: readonly number[];
}

export interface Comparison {
  readonly changes: readonly Change[];
  /** What could not be compared, as sentences. */
  readonly unknown: readonly string[];
}

/** Compares the fingerprints of an earlier and a later run. */
export function compare(before: Fingerprint, after: Fingerprint): Comparison {
  const changes: Change[] = [];
  const unknown: string[] = [];
  const sameKey = before.key === after.key;
  if (!sameKey) unknown.push("Settings and variables cannot be compared, because the key of the fingerprints was lost in between.");
  for (const role of ROLES) compareFiles(filesOf(before, role), filesOf(after, role), role, { changes, unknown, sameKey });
  const wereExecuted = [before, after].every((one) => filesOf(one, "executable").length > 0);
  if (wereExecuted) compareArgument(filesOf(before, "argument")[0], filesOf(after, "argument")[0], changes);
  else unknown.push("One of the runs failed before its command was executed, so its program cannot be compared.");
  const [from, to] = [before.directory, after.directory];
  if (from !== null && to !== null) {
    if (from.real === null || to.real === null) unknown.push(`The directory to which ${to.path} led is unknown.`);
    else if (from.real !== to.real)
      changes.push(change("working_directory", `the working directory led to ${to.real} instead of ${from.real}`));
  }
  if (sameKey) {
    const keys = differences(before.unit, after.unit);
    if (keys.length > 0) changes.push(change("unit", `the unit file changed: ${wordsOf(keys)}`, namesOf(keys)));
    const variables = before.environment && after.environment ? differences(before.environment, after.environment) : [];
    if (variables.length > 0) changes.push(change("environment", `the environment changed: ${wordsOf(variables)}`, namesOf(variables)));
  }
  return { changes, unknown };
}

/**
 * Returns when a change was made: the earliest recorded time between the two given times. Returns null if no recorded time
 * lies between them.
 */
export function madeAt({ timesMs }: Change, afterMs: number, untilMs: number): number | null {
  const within = timesMs.filter((time) => time > afterMs && time <= untilMs);
  return within.length === 0 ? null : Math.min(...within);
}

const change = (kind: ChangeKind, text: string, names: readonly string[] = [], timesMs: readonly number[] = []): Change => ({
  kind,
  text,
  names,
  timesMs,
});

/** The roles of files, in the order in which changes are reported. */
const ROLES: readonly FileRole[] = ["executable", "argument", "environment_file"];

const NOUNS: Readonly<Record<FileRole, string>> = {
  executable: "the executable",
  argument: "the file",
  environment_file: "the environment file",
};

const filesOf = ({ files }: Fingerprint, role: FileRole): readonly TrackedFile[] => files.filter((file) => file.role === role);

interface Findings {
  readonly changes: Change[];
  readonly unknown: string[];
  /** True if the contents' hashes can be compared because they were made with the same key. */
  readonly sameKey: boolean;
}

function compareFiles(before: readonly TrackedFile[], after: readonly TrackedFile[], role: FileRole, findings: Findings): void {
  if (before.length !== after.length) return; // the changed settings say why
  for (const [index, to] of after.entries()) {
    const from = before[index]!;
    const noun = NOUNS[role];
    if (from.path !== to.path) findings.changes.push(change(role, `${noun} is ${to.path} instead of ${from.path}`, [], timesOf(to)));
    else if (from.state === null || to.state === null) findings.unknown.push(`It is unknown whether ${noun} ${to.path} changed.`);
    else if (from.state === "missing" || to.state === "missing") {
      if (from.state !== to.state)
        findings.changes.push(change(role, `${noun} ${to.path} ${to.state === "missing" ? "disappeared" : "appeared"}`, [], timesOf(to)));
    } else if (differs(from.state, to.state, findings.sameKey)) {
      findings.changes.push(change(role, `${noun} ${to.path} changed`, [], timesOf(to)));
    }
  }
}

/** Reports an argument that is a file in only one of the two runs, for example a program that was deleted. */
function compareArgument(before: TrackedFile | undefined, after: TrackedFile | undefined, changes: Change[]): void {
  if (before !== undefined && after === undefined)
    changes.push(change("argument", `the file ${before.path} disappeared, or is no longer an argument`));
  if (before === undefined && after !== undefined)
    changes.push(change("argument", `the file ${after.path} appeared, or is a new argument`, [], timesOf(after)));
}

const timesOf = ({ state }: TrackedFile): number[] => (state === null || state === "missing" ? [] : [state.modifiedMs, state.changedMs]);

/** Compares the contents if both are known. A file that was replaced by a copy of itself has not changed. */
function differs(from: FileState, to: FileState, sameKey: boolean): boolean {
  if (sameKey && from.content !== null && to.content !== null) return from.content !== to.content;
  return from.id !== to.id || from.sizeBytes !== to.sizeBytes || from.modifiedMs !== to.modifiedMs;
}

interface Difference {
  readonly name: string;
  readonly what: "changed" | "added" | "removed";
}

type Macs = Readonly<Record<string, string>>;

function differences(before: Macs, after: Macs): Difference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): Difference[] => {
    if (before[name] === after[name]) return [];
    return [{ name, what: before[name] === undefined ? "added" : after[name] === undefined ? "removed" : "changed" }];
  });
}

const namesOf = (all: readonly Difference[]): string[] => all.map(({ name }) => name);

/** Maximum number of names in a sentence. The list of names contains all of them. */
const SHOWN = 8;

function wordsOf(all: readonly Difference[]): string {
  const shown = all.slice(0, SHOWN).map(({ name, what }) => (what === "changed" ? name : `${name} (${what})`));
  return shown.join(", ") + (all.length > SHOWN ? ` and ${all.length - SHOWN} more` : "");
}

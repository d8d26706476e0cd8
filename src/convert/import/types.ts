/** The types that all importers share. An importer is a pure function from files to units and a report. */

export const FORMATS = ["supervisord", "systemd", "pm2", "procfile", "process-compose", "services", "runit", "s6", "compose"] as const;
export type Format = (typeof FORMATS)[number];

/** Gives access to the files to import. An importer reads files only through this interface, so that tests can pass files as data. */
export interface SourceFiles {
  /** Returns the text of a regular file, or null if the file does not exist or cannot be read. Follows links. */
  read(path: string): string | null;
  /** Returns the sorted names in a directory, or an empty list if the path is not a directory. */
  list(path: string): readonly string[];
  /** Returns the kind of the file that a path leads to. Follows links. */
  kind(path: string): "file" | "directory" | null;
  isExecutable(path: string): boolean;
}

export type Outcome = "dropped" | "approximated" | "carried";

/** What became of one field of an imported file. */
export interface ReportEntry {
  /** Name of the unit, or null if the field belongs to no single unit. */
  readonly unit: string | null;
  readonly field: string;
  readonly outcome: Outcome;
  /** Where the value went (carried), how it was changed (approximated), or why sup does not use it (dropped). */
  readonly how: string;
  readonly whatToDo: string | null;
  /** The place as `file`, or as `file:line` if the format has lines. */
  readonly where: string;
}

/** A file, or a part of it, that cannot be imported. */
export interface ImportProblem {
  readonly where: string;
  readonly message: string;
  readonly hint: string | null;
}

/** A unit as JSON, with the keys of a unit file. */
export type UnitJson = Readonly<Record<string, unknown>>;

export interface ImportedUnit {
  readonly name: string;
  readonly json: UnitJson;
  /** Variables that contain secrets. They belong in a file that only its owner can read, not in the unit file. */
  readonly secrets: Readonly<Record<string, string>>;
  /** True if the environment files of the unit override the secrets. False if the secrets override the environment files. */
  readonly filesOverrideSecrets: boolean;
  /** Sentences about the whole unit, such as warnings of `sup verify`. */
  readonly notes: readonly string[];
  /** What the unit was made from, for example `web.conf [program:web]`. */
  readonly origin: string;
  /** The names of the unit's processes in supervisord (`group:process`) or PM2. Empty for other formats. */
  readonly processes: readonly string[];
}

export interface Imported {
  /** The formats that were found, in the order of the given paths. */
  readonly formats: readonly Format[];
  readonly units: readonly ImportedUnit[];
  readonly report: readonly ReportEntry[];
  readonly problems: readonly ImportProblem[];
}

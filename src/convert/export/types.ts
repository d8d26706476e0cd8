/** The types that all exporters share. An exporter is a pure function from loaded units to files and a report. */
import type { Loaded } from "../../spec/load/loaded.ts";
import type { ImportProblem, ReportEntry } from "../import/types.ts";

export const TARGETS = ["systemd", "supervisord", "kubernetes", "nomad", "compose", "quadlet"] as const;
export type Target = (typeof TARGETS)[number];

export interface ExportOptions {
  /** The directories that `%h`, `%S`, `%L` and `%t` stand for. */
  readonly home: string;
  readonly state: string;
  readonly logs: string;
  readonly runtime: string;
  /** Whether the units belong to a user other than root, whose home directory is `home`. */
  readonly isUser: boolean;
  /** The image for targets that run containers; null if there is none. */
  readonly image: string | null;
  /** True if the values of secrets are written. If false, the files contain only the names of the secrets. */
  readonly withSecrets: boolean;
}

/** The units to export. A service with `instances` counts as one unit, which has the name of the service. */
export interface ExportInput {
  readonly units: readonly Loaded[];
  /** Names of services with `instances`, including those that are not exported. */
  readonly services: ReadonlySet<string>;
  /** The types of all units that can be loaded, by name, for the default condition of a dependency. */
  readonly types: ReadonlyMap<string, string>;
}

export interface ExportedFile {
  /** Path below the output directory. */
  readonly name: string;
  readonly text: string;
  /** True if the file contains secrets, so that only its owner may read it. */
  readonly hasSecrets: boolean;
  /** True if the file says the same as the one before it in another format. It is written to a directory, but not printed. */
  readonly isAlternative?: boolean;
}

export type ExportProblem = ImportProblem;
export type { Outcome, ReportEntry } from "../import/types.ts";

export interface Exported {
  readonly target: Target;
  readonly files: readonly ExportedFile[];
  /** What became of each key of the unit files, with the most urgent entries first. */
  readonly report: readonly ReportEntry[];
  /** Units that cannot be exported. */
  readonly problems: readonly ExportProblem[];
  /** What to do with the files, in order. */
  readonly steps: readonly string[];
}

/** The unit files of every directory of the unit path, read as one snapshot. */
export interface UnitSource {
  /** In the order of precedence: earlier directories win. */
  readonly directories: readonly string[];
  snapshot(): UnitSnapshot;
  /** Directories of the path whose units belong to another daemon now, and are in no snapshot. */
  leftAlone(): ReadonlyArray<{ readonly directory: string; readonly units: readonly string[] }>;
  /** Calls back, after a quiet moment, when anything in the directories changed. Returns a stop. */
  watch(onChange: () => void): () => void;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface UnitFiles {
  /** File name without `.unit.json`: a unit, or a template `web@`. */
  readonly id: string;
  readonly main: TextFile;
  /** `ID.unit.json.d/*.json` of every directory, in the order they are merged. */
  readonly dropIns: readonly TextFile[];
}

export interface UnitSnapshot {
  readonly units: readonly UnitFiles[];
  /** Files that could not be read, or whose names are not allowed. */
  readonly unreadable: ReadonlyArray<{ readonly path: string; readonly message: string }>;
}

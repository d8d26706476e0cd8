/** The unit files of all directories of the unit path, read as one snapshot. */
export interface UnitSource {
  /** In order of precedence: earlier directories win. */
  readonly directories: readonly string[];
  snapshot(): UnitSnapshot;
  /** Directories of the path whose units another daemon runs now; `snapshot` leaves them out. */
  leftAlone(): ReadonlyArray<{ readonly directory: string; readonly units: readonly string[] }>;
  /** Calls back, debounced, after a change in the directories. Returns a function that stops the watch. */
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
  /** `ID.unit.json.d/*.json` of every directory, in the order in which they are merged. */
  readonly dropIns: readonly TextFile[];
}

export interface MaskedUnit {
  readonly id: string;
  readonly path: string;
}

export interface UnitSnapshot {
  readonly units: readonly UnitFiles[];
  /** Files that could not be read, or whose names are not valid unit names. */
  readonly unreadable: ReadonlyArray<{ readonly path: string; readonly message: string }>;
  /** Units and templates whose file is a link to /dev/null: they cannot be started. */
  readonly masked: readonly MaskedUnit[];
}

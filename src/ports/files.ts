/** Access to the unit files in all directories of the unit path, which are read together as one snapshot. */
export interface UnitSource {
  /** The unit path. If two directories define the same unit, the earlier directory wins. */
  readonly directories: readonly string[];
  snapshot(): UnitSnapshot;
  /** Directories of the unit path whose units are run by another daemon. `snapshot` leaves these units out. */
  leftAlone(): ReadonlyArray<{ readonly directory: string; readonly units: readonly string[] }>;
  /**
   * Calls back after the files in the directories have changed and then stayed unchanged for a short time. Returns a function
   * that stops the watch.
   */
  watch(onChange: () => void): () => void;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface UnitFiles {
  /** File name without `.unit.json`. For a template it ends in `@`, for example `web@`. */
  readonly id: string;
  readonly main: TextFile;
  /** The files `ID.unit.json.d/*.json` of every directory, in the order in which they are merged. */
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
  /** Units and templates that cannot be started because their file is a link to /dev/null. */
  readonly masked: readonly MaskedUnit[];
  /** Directories of the unit path whose content is unknown: `missing` ones do not exist, the others are in `unreadable` too. */
  readonly lost?: ReadonlyArray<{ readonly directory: string; readonly missing: boolean }>;
}

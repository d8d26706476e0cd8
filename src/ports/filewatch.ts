export interface FileWatch {
  /** Absolute paths of files and directories. They need not exist; they may appear and disappear. Directories are watched recursively. */
  readonly paths: readonly string[];
  /**
   * Globs of names to ignore. A glob without a slash matches each name below the paths; one with a slash matches the path
   * relative to the watched one.
   */
  readonly ignore: readonly string[];
  /** A change is reported only after the files have not changed for this time. */
  readonly debounceMs: number;
  /** Called after a change, as often as files change. `paths` lists some of the changed files, not necessarily all of them. */
  readonly onChange: (paths: readonly string[]) => void;
  readonly onProblem: (message: string) => void;
}

/** Starts a watch. Returns a function that stops it. */
export type WatchFiles = (watch: FileWatch) => () => void;

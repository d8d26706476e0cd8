export interface FileWatch {
  /** Absolute paths of files and directories, which may come and go. Directories are watched with all that is in them. */
  readonly paths: readonly string[];
  /** Globs: without a slash against each name below the paths, otherwise against the path from the watched one on. */
  readonly ignore: readonly string[];
  /** Quiet before a change is told. */
  readonly debounceMs: number;
  /** `paths` are some of what changed. What changes from now on is told again. */
  readonly onChange: (paths: readonly string[]) => void;
  readonly onProblem: (message: string) => void;
}

/** Begins to watch; returns a stop. */
export type WatchFiles = (watch: FileWatch) => () => void;

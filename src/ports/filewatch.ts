export interface FileWatch {
  /** Absolute paths of files and directories, which may come and go. Directories are watched recursively. */
  readonly paths: readonly string[];
  /** Globs: without a slash they match each name below the paths, otherwise the path relative to the watched one. */
  readonly ignore: readonly string[];
  /** How long nothing must change before a change is reported. */
  readonly debounceMs: number;
  /** `paths` are some of what changed. The watch goes on. */
  readonly onChange: (paths: readonly string[]) => void;
  readonly onProblem: (message: string) => void;
}

/** Starts a watch; returns a function that stops it. */
export type WatchFiles = (watch: FileWatch) => () => void;

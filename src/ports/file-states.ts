import type { FileState } from "../core/explain/fingerprint.ts";

export interface FoundFile {
  readonly path: string;
  readonly state: FileState | "missing" | null;
}

/**
 * Observes files for fingerprints, off the event loop. Nothing here rejects, and a file system that does not answer delays a result by
 * a few seconds at most. Such a file system would also prevent the end of the daemon, so callers ask only about files that a process
 * has just used, or about local files.
 */
export interface FileStates {
  /** Returns the file that a command executes, or the first candidate if none exists. Null if the name is empty. */
  executable(command: string, searchPath: string | undefined, directory: string): Promise<FoundFile | null>;
  /** Returns the state of a regular file without its content, or "missing". Null if it is unknown, or if it is no regular file. */
  state(path: string): Promise<FileState | "missing" | null>;
  /** Returns true if a file system of this machine holds the path. It does not look at the path itself. */
  isLocal(path: string): boolean;
  /** Returns the path without symbolic links, or null if that is unknown. */
  realPath(path: string): Promise<string | null>;
  /** Returns a hash of the content of a file in this state. Null if the file has changed since, is not local, is too large, or cannot be read. */
  hash(path: string, state: FileState): Promise<string | null>;
}

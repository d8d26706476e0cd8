/**
 * The fingerprint of a run describes what the run was started with, so that two runs can be compared. It contains no values:
 * settings, environment variables and file contents are stored as keyed hashes (MACs). The key is kept outside the store.
 */
export type FileRole = "executable" | "argument" | "environment_file";

/** The file system's metadata of a file, and a MAC of its content if known. */
export interface FileState {
  /** Device number and inode number. */
  readonly id: string;
  readonly sizeBytes: number;
  /** Times of the last change of the content and of the inode, in wall clock milliseconds. */
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly content: string | null;
}

export interface TrackedFile {
  readonly role: FileRole;
  readonly path: string;
  /** Null if the file system did not answer in time, or refused to answer. */
  readonly state: FileState | "missing" | null;
}

export interface Fingerprint {
  /** Identifies the key of the MACs. MACs with different keys cannot be compared. */
  readonly key: string;
  /** A MAC of each top-level key of the effective unit. */
  readonly unit: Readonly<Record<string, string>>;
  /** A MAC of each variable of the environment. Null if the start failed before the environment was known. */
  readonly environment: Readonly<Record<string, string>> | null;
  readonly files: readonly TrackedFile[];
  /** The working directory, and its real path at the start of the run. `real` is null if unknown. */
  readonly directory: { readonly path: string; readonly real: string | null } | null;
}

/** Parses a stored fingerprint. Returns null if it is damaged. */
export function parseFingerprint(text: string): Fingerprint | null {
  try {
    const { key, unit, environment = null, files, directory = null } = JSON.parse(text) as Partial<Fingerprint>;
    if (typeof key !== "string" || typeof unit !== "object" || unit === null || !Array.isArray(files)) return null;
    return { key, unit, environment, files: files as readonly TrackedFile[], directory };
  } catch {
    return null;
  }
}

/** Returns true if the two states show that the file is the same and was not changed. */
export const isSameFile = (a: FileState, b: FileState): boolean =>
  a.id === b.id && a.sizeBytes === b.sizeBytes && a.modifiedMs === b.modifiedMs && a.changedMs === b.changedMs;

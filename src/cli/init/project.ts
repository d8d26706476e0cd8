/** What `sup init` can see of a directory. No program in the directory is run. */
export interface Project {
  /** The last part of the directory's path, as the name of a unit. */
  readonly name: string;
  /** Returns the text of a regular file, or null if there is none. Files over 1 MiB count as missing. */
  text(path: string): string | null;
  exists(path: string): boolean;
  /** Returns true for an executable regular file. */
  isProgram(path: string): boolean;
  /** Returns the sorted names in a directory; none if it is not a directory. */
  list(path: string): readonly string[];
}

/** A unit that the directory suggests. */
export interface Proposal {
  readonly name: string;
  /** The keys of the unit file, without `description`, `enabled` and `working_directory`. */
  readonly unit: Readonly<Record<string, unknown>>;
  /** The file that suggests the unit, and the relevant content of the file. */
  readonly found: string;
  /**
   * What must be done before the unit can run. If there is anything to do, the unit is not enabled, so that the daemon does
   * not start it too early.
   */
  readonly first: readonly string[];
  readonly notes: readonly string[];
}

/** Turns any text into the name of a unit. */
export function unitName(text: string): string {
  const name = text
    .replace(/^@[^/]*\//, "")
    .replace(/[^A-Za-z0-9_.-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "")
    .slice(0, 64);
  return name === "" || name === "sup" ? "app" : name;
}

/** The keys of a unit that listens on a port, with a check that connects to it. */
export const onPort = (port: number): Readonly<Record<string, unknown>> => ({
  port,
  health_check: { type: "tcp", host: "127.0.0.1", port: "${PORT}" },
});

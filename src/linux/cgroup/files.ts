/** Reads files and directories of cgroups, which may disappear at any time. */
import { readdirSync, readFileSync } from "node:fs";

/** Returns the content of a file, or "" if it cannot be read. */
export function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Returns the names of the groups in a group, or no names if it does not exist. */
export function groupsIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

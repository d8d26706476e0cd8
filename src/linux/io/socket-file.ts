import { lstatSync } from "node:fs";

/**
 * Returns a string that identifies the file that bind(2) made for a unix socket, or null if there is no file at the path. If the file
 * of a listener is deleted or replaced, the listener stays open, but nobody can connect to it.
 */
export function socketFileAt(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isSocket() ? `${stat.dev}:${stat.ino}` : null;
}

import { lstatSync } from "node:fs";

/**
 * Identifies the file that bind(2) made for a unix socket; null when there is none at the path. A listener whose file was deleted or
 * replaced goes on, but nobody can connect to it.
 */
export function socketFileAt(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isSocket() ? `${stat.dev}:${stat.ino}` : null;
}

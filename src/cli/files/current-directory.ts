import { statSync } from "node:fs";

/** Returns true if the current directory was removed after the command was started in it. Relative paths then cannot be resolved. */
export function isCurrentDirectoryGone(): boolean {
  try {
    return statSync(process.cwd(), { throwIfNoEntry: false }) === undefined;
  } catch {
    return true;
  }
}

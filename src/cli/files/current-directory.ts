import { statSync } from "node:fs";

/** True after somebody removed the directory that the command was started in; relative paths cannot be resolved then. */
export function isCurrentDirectoryGone(): boolean {
  try {
    return statSync(process.cwd(), { throwIfNoEntry: false }) === undefined;
  } catch {
    return true;
  }
}

import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { unitName, type Project } from "./project.ts";

const MAX_BYTES = 1024 * 1024;

export function openProject(directory: string): Project {
  const stat = (path: string) => statSync(join(directory, path), { throwIfNoEntry: false });
  return {
    name: unitName(basename(directory)),
    text(path) {
      try {
        const found = stat(path);
        // A device or a FIFO might never end.
        return found?.isFile() && found.size <= MAX_BYTES ? readFileSync(join(directory, path), "utf8") : null;
      } catch {
        return null; // this user may not read it
      }
    },
    exists: (path) => attempt(() => stat(path) !== undefined, false),
    isProgram: (path) =>
      attempt(() => {
        const found = stat(path);
        return found?.isFile() === true && (found.mode & 0o111) !== 0;
      }, false),
    list: (path) => attempt(() => readdirSync(join(directory, path)).sort(), []),
  };
}

/**
 * Returns `otherwise` if `stat` or `readdir` throws. They throw for a path below a file, and in a directory that this user
 * may not enter.
 */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

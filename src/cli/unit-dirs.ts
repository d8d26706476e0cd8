import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { errnoWords } from "../base/errno.ts";
import { isTemplate, isUnitId, stripSuffix } from "../base/names.ts";
import type { TextFile, UnitFiles, UnitSnapshot } from "../ports/files.ts";

/** Unit files as they are on disk, for `verify` and `edit`, which need no daemon. */

/** Everything in the directories, as the daemon would find it: of two files with one name the earlier directory's wins. */
export function readDirectories(directories: readonly string[]): UnitSnapshot {
  const paths = new Map<string, string>();
  for (const directory of directories) {
    for (const name of listDirectory(directory)) if (name.endsWith(SUFFIX) && !paths.has(name)) paths.set(name, join(directory, name));
  }
  return readFiles([...paths.values()], directories);
}

/** The given main files with their drop-ins, from beside them and from the other directories. */
export function readFiles(paths: readonly string[], directories: readonly string[]): UnitSnapshot {
  const units: UnitFiles[] = [];
  const unreadable: Array<{ path: string; message: string }> = [];
  const read = (path: string): TextFile[] => {
    try {
      return [{ path, text: readFileSync(path, "utf8") }];
    } catch (error) {
      unreadable.push({ path, message: `cannot read it: ${wordsOf(error)}` });
      return [];
    }
  };
  for (const path of paths) {
    const id = stripSuffix(basename(path));
    if (!path.endsWith(SUFFIX) || !(isUnitId(id) || isTemplate(id))) {
      unreadable.push({ path, message: `the name of a unit file must be NAME${SUFFIX}, with NAME of letters, digits, _ . and -` });
      continue;
    }
    const [main] = read(path);
    if (main) units.push({ id, main, dropIns: dropInsOf(path, directories).flatMap(read) });
  }
  return { units, unreadable };
}

/** The main file that a path stands for: a drop-in belongs to the unit whose directory it is in. */
export function mainFileFor(path: string): string {
  const directory = dirname(resolve(path));
  return directory.endsWith(`${SUFFIX}.d`) ? directory.slice(0, -2) : resolve(path);
}

export const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

const SUFFIX = ".unit.json";

/** In name order over all directories; of two with one name the earlier directory's wins. */
function dropInsOf(mainPath: string, directories: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const directory of new Set([dirname(mainPath), ...directories])) {
    const dropIns = join(directory, `${basename(mainPath)}.d`);
    for (const name of listDirectory(dropIns)) if (name.endsWith(".json") && !found.has(name)) found.set(name, join(dropIns, name));
  }
  return [...found.keys()].sort().map((name) => found.get(name)!);
}

const listDirectory = (directory: string): string[] => (existsSync(directory) && isDirectory(directory) ? readdirSync(directory).sort() : []);

function wordsOf(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return typeof errno === "number" ? errnoWords(Math.abs(errno)) : message;
}

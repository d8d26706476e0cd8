import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, realpathSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileNameOf, isTemplate, isUnitId, RESERVED_NAME, stripSuffix } from "../../base/names.ts";
import type { Inotify } from "../../linux/io/inotify.ts";
import type { MaskedUnit, TextFile, UnitFiles, UnitSnapshot, UnitSource } from "../../ports/files.ts";
import { identityOf, namesIn, wantAll, wantPath, watchDirectories, type Wanted } from "./dirwatch.ts";
import { plantedBy } from "./planted.ts";

export interface UnitSourceOptions {
  /** Needed only for `watch`. */
  readonly inotify?: Inotify;
  /**
   * Called with a message that is ready to show if a directory cannot be watched, for example because the user has too many
   * watches. Changes in such a directory are found only by a reload.
   */
  readonly onProblem?: (message: string) => void;
  /** Returns true for a directory whose units another daemon runs now. */
  readonly leavesAlone?: (directory: string) => boolean;
  /** Milliseconds without changes after which a change is reported. The default is 100. */
  readonly quietMs?: number;
}

export const MAX_UNIT_FILE_BYTES = 1 << 20;

/** Gives access to the unit files of `directories`. Earlier directories take precedence. Follows symbolic links. */
export function openUnitSource(directories: readonly string[], options: UnitSourceOptions = {}): UnitSource {
  const absolute = [...new Set(directories.map((directory) => resolve(directory)))];
  const leavesAlone = options.leavesAlone ?? (() => false);
  return {
    directories: absolute,
    snapshot: () => snapshot(absolute.filter((directory) => !leavesAlone(directory))),
    leftAlone: () =>
      absolute.filter(leavesAlone).map((directory) => ({
        directory,
        units: (list(directory, () => {}) ?? []).filter((name) => name.endsWith(SUFFIX)).map(stripSuffix), // prettier-ignore
      })),
    watch: (onChange) => {
      const { inotify } = options;
      if (inotify === undefined) throw new Error("cannot watch unit files without inotify");
      let places = wanted(absolute);
      const isUnitFile = (name: string): boolean =>
        isVisible(name) && (name.endsWith(SUFFIX) || name.endsWith(`${SUFFIX}.d`) || name.endsWith(".json"));
      return watchDirectories({
        inotify,
        wanted: () => (places = wanted(absolute)).wanted,
        isRelevant: (directory, name) => isUnitFile(name) || places.components.has(join(directory, name)),
        onChange: () => onChange(),
        quietMs: options.quietMs,
        onProblem: options.onProblem ?? (() => {}),
      });
    },
  };
}

const SUFFIX = fileNameOf("");

/**
 * Returns what to watch: the directories, their drop-in directories, the links in both, and every component of all these
 * paths. The links matter because, for example, a Kubernetes ConfigMap is changed by replacing the link `..data`.
 */
function wanted(directories: readonly string[]): { readonly wanted: Wanted; readonly components: ReadonlySet<string> } {
  const wanted: Wanted = new Map();
  const components = new Set<string>();
  const add = (path: string): string | null => {
    const found = wantPath(wanted, path);
    for (const component of found.components) components.add(component);
    return found.real;
  };
  const directoriesOf = (paths: readonly string[]): string[] =>
    paths.flatMap((path) => add(path) ?? []).filter((real) => identityOf(real) !== null);
  for (const directory of directoriesOf(directories)) {
    wantAll(wanted, directory);
    const names = namesIn(directory).filter(isVisible);
    const dropIns = directoriesOf(names.filter((name) => name.endsWith(`${SUFFIX}.d`)).map((name) => join(directory, name)));
    for (const path of dropIns) wantAll(wanted, path);
    for (const path of [directory, ...dropIns]) for (const link of linksIn(path)) add(link);
  }
  return { wanted, components };
}

/** Returns the links in a directory that may lead to unit files or drop-ins. */
function linksIn(directory: string): string[] {
  return namesIn(directory)
    .filter((name) => isVisible(name) && name.endsWith(".json"))
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && !isLinkToNull(path));
}

/** Returns false for hidden names, which editors (`.#web.unit.json`, `.web.unit.json.swp`) and atomic writers use for temporary files. */
const isVisible = (name: string): boolean => !name.startsWith(".");

function snapshot(directories: readonly string[]): UnitSnapshot {
  const unreadable: Array<{ path: string; message: string }> = [];
  const masked: MaskedUnit[] = [];
  const refuse = (path: string, message: string): void => void unreadable.push({ path, message });
  const lost: Array<{ directory: string; missing: boolean }> = [];
  const listings = directories.map((directory) => {
    const before = unreadable.length;
    const names = list(directory, refuse);
    if (names === null) lost.push({ directory, missing: unreadable.length === before });
    return { directory, names: new Set(names) };
  });
  const mains = new Map<string, TextFile | null>();
  for (const { directory, names } of listings) {
    for (const name of names) {
      if (!name.endsWith(SUFFIX)) continue;
      const id = stripSuffix(name);
      const path = join(directory, name);
      if (!isUnitId(id) && !isTemplate(id)) refuse(path, nameMessage(path, id));
      else if (!mains.has(id)) {
        // An unreadable or masked file also hides files of the same name in later directories.
        const isMasked = isLinkToNull(path);
        if (isMasked) masked.push({ id, path });
        mains.set(id, isMasked ? null : read(path, refuse));
      }
    }
  }
  const units: UnitFiles[] = [];
  for (const [id, main] of [...mains].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const folder = `${fileNameOf(id)}.d`;
    if (masked.some((unit) => unit.id === id)) continue;
    const holders = listings.filter(({ names }) => names.has(folder)).map(({ directory }) => join(directory, folder));
    const dropIns = readDropIns(holders, refuse);
    if (main) units.push({ id, main, dropIns });
  }
  return { units, unreadable, masked, lost };
}

type Refuse = (path: string, message: string) => void;

/**
 * Reads the drop-ins of a unit from `directories`, which are in order of precedence. Drop-ins of later directories come first in
 * the result, so that drop-ins of earlier directories override them. Within one directory, drop-ins are sorted by the code units
 * of their names, so that the order does not depend on the locale. A link to /dev/null hides the drop-ins of that name in later
 * directories (systemd.unit(5)).
 */
function readDropIns(directories: readonly string[], refuse: Refuse): TextFile[] {
  const hidden = new Set<string>();
  const found: TextFile[][] = [];
  for (const directory of directories) {
    const names = (list(directory, refuse) ?? []).filter((name) => name.endsWith(".json") && !hidden.has(name));
    const masks = new Set(names.filter((name) => isLinkToNull(join(directory, name))));
    found.unshift(names.flatMap((name) => (masks.has(name) ? [] : (read(join(directory, name), refuse) ?? []))));
    for (const name of masks) hidden.add(name);
  }
  return found.flat();
}

function isLinkToNull(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink() && realpathSync(path) === "/dev/null";
  } catch {
    return false; // the link is dangling or was deleted; `read` reports that
  }
}

/**
 * Returns the names in a directory. Returns null if the directory does not exist or cannot be read. In the second case, it
 * calls `refuse`.
 */
function list(directory: string, refuse: Refuse): string[] | null {
  try {
    return readdirSync(directory).filter(isVisible).sort();
  } catch (error) {
    if (codeOf(error) !== "ENOENT") refuse(directory, `cannot read the directory ${directory}: ${wordsOf(error)}`);
    return null;
  }
}

function read(path: string, refuse: Refuse): TextFile | null {
  const refused = (why: string): null => (refuse(path, `cannot read ${path}: ${why}`), null);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // opening a FIFO must not block
  } catch (error) {
    return refused(codeOf(error) === "ENOENT" ? "it is a dangling link, or was just deleted" : wordsOf(error));
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) return refused(status.isDirectory() ? "it is a directory" : "it is not a regular file");
    const planted = plantedBy(path, status);
    if (planted !== null) return refused(planted);
    const bytes = Buffer.allocUnsafe(Math.min(status.size, MAX_UNIT_FILE_BYTES) + 1);
    let length = 0;
    for (let got = 1; got > 0 && length < bytes.length; length += got) got = readSync(fd, bytes, length, bytes.length - length, length);
    if (length > MAX_UNIT_FILE_BYTES || status.size > MAX_UNIT_FILE_BYTES)
      return refused("it is larger than 1 MiB, the limit for unit files");
    return { path, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length)) };
  } catch (error) {
    return refused(error instanceof TypeError ? "it is not UTF-8 text" : wordsOf(error));
  } finally {
    closeSync(fd);
  }
}

function nameMessage(path: string, id: string): string {
  const rule = "letters, digits, `_`, `.` and `-` (at most 64), optionally followed by `@` and an instance";
  if (id === RESERVED_NAME) return `${basename(path)} is ignored: the name ${RESERVED_NAME} is reserved for the daemon; choose another`;
  return `${basename(path)} is ignored: ${JSON.stringify(id)} is not a valid unit name; use ${rule}`;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const WORDS: Record<string, string> = { EACCES: "permission denied", ENOTDIR: "it is not a directory", ELOOP: "too many symbolic links" };

function wordsOf(error: unknown): string {
  const code = codeOf(error);
  return code && WORDS[code] ? `${WORDS[code]} (${code})` : (error as Error).message;
}

/**
 * Watches directories with inotify, including directories that do not exist yet or are replaced. An inotify watch follows the
 * directory itself and not its name, so every component of the path is watched too. When a watched directory itself is moved
 * or deleted, its watch is dropped, because a new directory may reuse the inode number. Before a change is reported, the
 * watches are updated to what is on disk at that time.
 */
import { accessSync, constants, lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoName, errnoWords } from "../../base/errno.ts";
import type { Inotify, WatchDepth } from "../../linux/io/inotify.ts";

export interface WantedDirectory {
  /** The names that matter. Null means that `isRelevant` decides about each name. */
  readonly names: ReadonlySet<string> | null;
  readonly depth: WatchDepth;
}

/** The directories to watch, by absolute path. */
export type Wanted = Map<string, WantedDirectory>;

export interface DirectoryWatch {
  readonly inotify: Inotify;
  /** Returns what to watch, given what is on disk now. It is called again after each change. */
  readonly wanted: () => Wanted;
  readonly isRelevant: (directory: string, name: string) => boolean;
  /** Called with some of the changed paths, after the changes have been debounced and the watches have been updated. */
  readonly onChange: (paths: readonly string[]) => void;
  readonly onProblem: (message: string) => void;
  /** Milliseconds without events after which a change is reported. The default is 100. */
  readonly quietMs?: number | undefined;
  /** Maximum delay of a report in milliseconds after the first event. The default is 1000. */
  readonly atMostMs?: number | undefined;
}

const QUIET_MS = 100;
const AT_MOST_MS = 1000;
/** Maximum number of paths reported for one change. */
const REPORTED_PATHS = 64;

/** Starts a watch. Returns a function that stops it. */
export function watchDirectories(options: DirectoryWatch): () => void {
  const watcher = new Watcher(options);
  return () => watcher.stop();
}

/**
 * Adds to `wanted` every name whose change can make `path` appear, disappear or lead to another place. These are the components
 * of the path and of all links on the way, each in the directory that really contains it. Returns the components, and the real
 * path, which is null if `path` does not exist.
 */
export function wantPath(wanted: Wanted, path: string): { readonly real: string | null; readonly components: readonly string[] } {
  const components: string[] = [];
  let rest = path.split("/").filter((part) => part !== "");
  let current = "/";
  for (let links = 0; rest.length > 0;) {
    const [part, ...later] = rest as [string, ...string[]];
    rest = later;
    if (part === ".") continue;
    if (part === "..") {
      current = dirname(current);
      continue;
    }
    const next = join(current, part);
    want(wanted, next);
    components.push(next);
    const target = linkTarget(next);
    if (target === null) return { real: null, components };
    // A file at the end of the path is watched for writes. The directories on the way are not, because many programs write into them.
    if (target === "" && rest.length === 0 && isFile(next)) wantContents(wanted, dirname(next));
    if (target === "") current = next;
    else if (++links > MAX_LINKS) return { real: null, components };
    else {
      rest = [...target.split("/").filter((name) => name !== ""), ...rest];
      if (target.startsWith("/")) current = "/";
    }
  }
  return { real: current, components };
}

/** Adds a directory in which every name and every write matters if `isRelevant` accepts it. */
export function wantAll(wanted: Wanted, directory: string): void {
  wanted.set(directory, { names: null, depth: "contents" });
}

function wantContents(wanted: Wanted, directory: string): void {
  const known = wanted.get(directory);
  if (known !== undefined) wanted.set(directory, { ...known, depth: "contents" });
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/** Maximum number of links that are followed, as in the kernel (path_resolution(7)). */
const MAX_LINKS = 40;

/** Returns the target of a link, "" for anything else, or null if the path does not exist. */
function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : "";
  } catch {
    return null;
  }
}

/**
 * Adds one path to `wanted`. A directory with search permission but without read permission cannot be watched. In this case, only
 * the watches of the other components report changes.
 */
function want(wanted: Wanted, path: string): void {
  const parent = dirname(path);
  const known = wanted.get(parent);
  if (known?.names === null) return;
  if (known === undefined && !isReadable(parent)) return;
  wanted.set(parent, { depth: known?.depth ?? "names", names: new Set([...(known?.names ?? []), basename(path)]) });
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

interface Watched {
  readonly close: () => void;
  readonly identity: string;
  readonly depth: WatchDepth;
  names: ReadonlySet<string> | null;
}

class Watcher {
  readonly #watched = new Map<string, Watched>();
  readonly #troubled = new Set<string>();
  readonly #seen = new Set<string>();
  #quiet: Timer | null = null;
  #latest: Timer | null = null;
  #stopped = false;
  readonly #options: DirectoryWatch;

  constructor(options: DirectoryWatch) {
    this.#options = options;
    this.#refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#disarm();
    for (const path of [...this.#watched.keys()]) this.#drop(path);
  }

  /** Watches what exists now. Repeats the scan to find directories that appeared while the watches were being set. */
  #refresh(): void {
    for (let round = 0; round < 5 && this.#adjust(); round++);
  }

  #adjust(): boolean {
    const wanted = this.#options.wanted();
    let changed = false;
    for (const path of [...this.#watched.keys()]) if (!wanted.has(path)) this.#drop(path);
    for (const [path, directory] of wanted) {
      const identity = identityOf(path);
      const known = this.#watched.get(path);
      if (known) known.names = directory.names;
      if (identity === null || (known?.identity === identity && known.depth === directory.depth)) continue;
      this.#drop(path);
      changed = this.#add(path, identity, directory) || changed;
    }
    return changed;
  }

  #add(path: string, identity: string, { names, depth }: WantedDirectory): boolean {
    const watch = this.#options.inotify.watch(path, depth, (name) => this.#event(path, name));
    if (watch.ok) {
      this.#watched.set(path, { close: watch.value, identity, depth, names });
      this.#troubled.delete(path);
      return true;
    }
    const isGone = errnoName(watch.error) === "ENOENT";
    if (!isGone && !this.#troubled.has(path)) this.#options.onProblem(`cannot watch ${path}: ${errnoWords(watch.error)}`);
    if (!isGone) this.#troubled.add(path);
    return false;
  }

  #drop(path: string): void {
    this.#watched.get(path)?.close();
    this.#watched.delete(path);
  }

  #event(path: string, name: string | null): void {
    if (this.#stopped) return;
    const names = this.#watched.get(path)?.names;
    if (name === null) this.#drop(path);
    else if (this.#watched.has(join(path, name))) this.#drop(join(path, name));
    else if (names ? !names.has(name) : !this.#options.isRelevant(path, name)) return;
    this.#noticed(name === null ? path : join(path, name));
  }

  #noticed(path?: string): void {
    if (this.#stopped) return;
    if (path !== undefined && this.#seen.size < REPORTED_PATHS) this.#seen.add(path);
    const { quietMs = QUIET_MS, atMostMs = AT_MOST_MS } = this.#options;
    clearTimeout(this.#quiet ?? undefined);
    this.#quiet = setTimeout(() => this.#report(), quietMs);
    this.#latest ??= setTimeout(() => this.#report(), atMostMs);
  }

  #report(): void {
    this.#disarm();
    this.#refresh();
    const paths = [...this.#seen];
    this.#seen.clear();
    this.#options.onChange(paths);
  }

  #disarm(): void {
    clearTimeout(this.#quiet ?? undefined);
    clearTimeout(this.#latest ?? undefined);
    this.#quiet = null;
    this.#latest = null;
  }
}

/** Returns the device and inode numbers of a directory, or null if it does not exist. */
export function identityOf(path: string): string | null {
  try {
    const status = statSync(path);
    return status.isDirectory() ? `${status.dev}:${status.ino}` : null;
  } catch {
    return null;
  }
}

/** Returns the names in a directory, or no names if it does not exist or cannot be read. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // a snapshot of the unit files reports the error
  }
}

/**
 * Watches directories that may come and go, with inotify. A watch follows the directory itself, not its name. Therefore every
 * component of its path is watched too. An event about a watched directory ends its
 * watch, because a new directory may already have its inode number. Before a change is reported, the watches are renewed for
 * what is on disk then.
 */
import { accessSync, constants, type FSWatcher, lstatSync, readdirSync, readlinkSync, statSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Absolute path of a directory → the names in it that matter; null: `isRelevant` decides. */
export type Wanted = Map<string, ReadonlySet<string> | null>;

export interface DirectoryWatch {
  /** What to watch, given what is on disk now; called again after each change. */
  readonly wanted: () => Wanted;
  readonly isRelevant: (directory: string, name: string) => boolean;
  /** Called, debounced, with some of the changed paths, after the watches have been renewed. */
  readonly onChange: (paths: readonly string[]) => void;
  readonly onProblem: (message: string) => void;
  /** A change is reported after this long without events (default 100) … */
  readonly quietMs?: number | undefined;
  /** … or at the latest this long after the first one (default 1000). */
  readonly atMostMs?: number | undefined;
}

const QUIET_MS = 100;
const AT_MOST_MS = 1000;
/** The most paths reported for one change. */
const REPORTED_PATHS = 64;

/** Returns a function that stops the watch. */
export function watchDirectories(options: DirectoryWatch): () => void {
  const watcher = new Watcher(options);
  return () => watcher.stop();
}

/**
 * Adds what reports that `path` appears, disappears or is replaced: each of its components and each link on the way, as a name in
 * the directory that it really is in. Answers the real path, or null while it does not exist, and the components.
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
    if (target === "") current = next;
    else if (++links > MAX_LINKS) return { real: null, components };
    else {
      rest = [...target.split("/").filter((name) => name !== ""), ...rest];
      if (target.startsWith("/")) current = "/";
    }
  }
  return { real: current, components };
}

/** As the kernel (path_resolution(7)). */
const MAX_LINKS = 40;

/** Where a link leads; "" for anything else, null if there is nothing. */
function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : "";
  } catch {
    return null;
  }
}

/** A directory that may be passed through but not read cannot be watched; the others on the way still report. */
function want(wanted: Wanted, path: string): void {
  const parent = dirname(path);
  const others = wanted.get(parent);
  if (others === null) return;
  if (others === undefined && !isReadable(parent)) return;
  wanted.set(parent, new Set([...(others ?? []), basename(path)]));
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
  readonly handle: FSWatcher;
  readonly identity: string;
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

  /** Watches what exists now. Repeats the scan to find what appeared while the watches were being set. */
  #refresh(): void {
    for (let round = 0; round < 5 && this.#adjust(); round++);
  }

  #adjust(): boolean {
    const wanted = this.#options.wanted();
    let changed = false;
    for (const path of [...this.#watched.keys()]) if (!wanted.has(path)) this.#drop(path);
    for (const [path, names] of wanted) {
      const identity = identityOf(path);
      const known = this.#watched.get(path);
      if (known) known.names = names;
      if (identity === null || known?.identity === identity) continue;
      this.#drop(path);
      changed = this.#add(path, identity, names) || changed;
    }
    return changed;
  }

  #add(path: string, identity: string, names: ReadonlySet<string> | null): boolean {
    try {
      const handle = watch(path, { persistent: false }, (_, name) => this.#event(path, name));
      handle.on("error", () => {
        this.#drop(path);
        this.#noticed();
      });
      this.#watched.set(path, { handle, identity, names });
      this.#troubled.delete(path);
      return true;
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!gone && !this.#troubled.has(path)) this.#options.onProblem(`cannot watch ${path}: ${(error as Error).message}`);
      if (!gone) this.#troubled.add(path);
      return false;
    }
  }

  #drop(path: string): void {
    this.#watched.get(path)?.handle.close();
    this.#watched.delete(path);
  }

  #event(path: string, name: string | null): void {
    if (this.#stopped) return;
    const names = this.#watched.get(path)?.names;
    // A deleted directory reports its own name, or none.
    if (name === null || name === basename(path) || name === path) this.#drop(path);
    else if (this.#watched.has(join(path, name))) this.#drop(join(path, name));
    else if (names ? !names.has(name) : !this.#options.isRelevant(path, name)) return;
    this.#noticed(name === null || name === path ? path : join(path, name));
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

/** Device and inode of a directory; null when it does not exist. */
export function identityOf(path: string): string | null {
  try {
    const status = statSync(path);
    return status.isDirectory() ? `${status.dev}:${status.ino}` : null;
  } catch {
    return null;
  }
}

/** Names in a directory; none when it is gone or unreadable. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // unreadable or gone: the snapshot reports it
  }
}

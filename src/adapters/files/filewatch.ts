import { type Dirent, readdirSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { Inotify } from "../../linux/io/inotify.ts";
import type { FileWatch } from "../../ports/filewatch.ts";
import { wantAll, wantPath, watchDirectories, type Wanted } from "./dirwatch.ts";

/**
 * Watches files and whole directory trees with inotify. It follows links in the given paths and, inside a tree, links to files.
 * It does not follow links to directories inside a tree, because they may form cycles. Returns a function that stops the watch.
 */
export function watchFiles({ paths, ignore, debounceMs, onChange, onProblem }: FileWatch, inotify: Inotify): () => void {
  const isIgnored = ignorer(ignore);
  let trees = new Trees(paths, isIgnored);
  let full = false;
  let before = trees;
  const wanted = (): Wanted => {
    trees = new Trees(paths, isIgnored);
    if (trees.isFull && !full)
      onProblem(`more than ${MAX_DIRECTORIES} directories below ${paths.join(", ")}: the rest is not watched; exclude some with "ignore"`);
    full = trees.isFull;
    return trees.wanted;
  };
  return watchDirectories({
    inotify,
    wanted,
    isRelevant: (directory, name) => !trees.ignores(join(directory, name)),
    onChange: (changed) => {
      // A component of a path may change without affecting the watched files, for example when the mode of a parent directory changes.
      const isRelevant = changed.some((path) => before.has(path) || trees.has(path)) || before.places !== trees.places;
      const reported = changed.map((path) => (before.has(path) ? before : trees).given(path)).slice(0, REPORTED_PATHS);
      before = trees;
      if (isRelevant) onChange([...new Set(reported)]);
    },
    onProblem,
    quietMs: debounceMs,
    atMostMs: Math.max(AT_MOST_MS, debounceMs * 10),
  });
}

/** Maximum number of paths passed to `onChange`. A reader of the message needs no more. */
const REPORTED_PATHS = 5;

/**
 * Maximum delay of a report in milliseconds while files keep changing. If ten times `debounceMs` is longer, that delay
 * applies instead. The maximum limits the delay of a restart while a build keeps writing.
 */
const AT_MOST_MS = 10_000;

/**
 * Maximum number of watched directories. On machines with little memory, inotify allows a user 8,192 watches. A tree with more
 * directories than this was configured by mistake.
 */
const MAX_DIRECTORIES = 5_000;

/** The files and directories that are watched for the given paths, according to what is on disk now. */
class Trees {
  readonly wanted: Wanted = new Map();
  isFull = false;
  /** This string changes when one of the paths leads to another file or directory. */
  readonly places: string;
  /** Maps each real path to the path as given. */
  readonly #roots = new Map<string, string>();
  /** Real paths of the files to which links inside the trees lead. */
  readonly #linked = new Set<string>();
  readonly #isIgnored: (path: string) => boolean;

  constructor(paths: readonly string[], isIgnored: (path: string) => boolean) {
    this.#isIgnored = isIgnored;
    for (const path of paths) {
      const { real } = wantPath(this.wanted, path);
      if (real !== null) this.#roots.set(real, path);
    }
    for (const real of this.#roots.keys()) if (statusOf(real)?.isDirectory()) this.#descend(real);
    this.places = JSON.stringify([...this.#roots].map(([real, path]) => [path, real, statusOf(real)?.dev, statusOf(real)?.ino]));
  }

  /** Returns true for the watched files and directories, and for everything below them. */
  has(path: string): boolean {
    return this.#rootOf(path) !== undefined || this.#linked.has(path);
  }

  /** Converts a real path to the path as the unit file contains it. */
  given(path: string): string {
    const root = this.#rootOf(path);
    return root === undefined ? path : join(this.#roots.get(root)!, relative(root, path));
  }

  ignores(path: string): boolean {
    const root = this.#rootOf(path);
    return root !== undefined && root !== path && this.#isIgnored(relative(root, path));
  }

  #rootOf(path: string): string | undefined {
    for (const root of this.#roots.keys()) if (path === root || path.startsWith(root === "/" ? root : `${root}/`)) return root;
    return undefined;
  }

  #descend(directory: string): void {
    if (this.wanted.size >= MAX_DIRECTORIES) {
      this.isFull = true;
      return;
    }
    wantAll(this.wanted, directory);
    for (const entry of entriesOf(directory)) {
      const path = join(directory, entry.name);
      if (this.ignores(path)) continue;
      if (entry.isDirectory()) this.#descend(path);
      else if (entry.isSymbolicLink() && statusOf(path)?.isFile()) {
        const { real } = wantPath(this.wanted, path);
        if (real !== null) this.#linked.add(real);
      }
    }
  }
}

const statusOf = (path: string) => {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // the links form a cycle, or a directory has no search permission
  }
};

/** Returns the directories and links in a directory. Omits plain files, because a tree may have many of them. */
function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  } catch {
    return []; // it cannot be read, or was deleted meanwhile
  }
}

/** Names that never matter to a service: version control, installed packages, and temporary files of editors. */
const NEVER = [".git", ".hg", ".svn", "node_modules", "*~", ".#*", ".*.sw?", "4913", "#*#"];

/**
 * Returns a predicate for paths relative to a watched path. The predicate returns true if a pattern excludes the path or one
 * of the path's parent directories.
 */
function ignorer(patterns: readonly string[]): (path: string) => boolean {
  const names = [...NEVER, ...patterns.filter((pattern) => !pattern.replace(/\/$/, "").includes("/"))].map(
    (pattern) => new Bun.Glob(pattern.replace(/\/$/, "")),
  );
  const paths = patterns.filter((pattern) => pattern.replace(/\/$/, "").includes("/")).map((pattern) => new Bun.Glob(plain(pattern)));
  return (path) => {
    const parts = path.split("/");
    return parts.some((part, index) => {
      const above = parts.slice(0, index + 1).join("/");
      return names.some((glob) => glob.match(basename(part))) || paths.some((glob) => glob.match(above));
    });
  };
}

/** Patterns are relative to the watched path, so this converts `./tmp/**` and `/tmp/` to `tmp/**` and `tmp`. */
const plain = (pattern: string): string => pattern.replace(/^\.?\//, "").replace(/\/$/, "");

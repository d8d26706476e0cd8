import { readdirSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { FileWatch } from "../../ports/filewatch.ts";
import { wantAppearance, watchDirectories, type Wanted } from "./dirwatch.ts";

/**
 * Watches files and whole directory trees with inotify. Links inside a tree are not followed, because they may form cycles.
 */
export function watchFiles({ paths, ignore, debounceMs, onChange, onProblem }: FileWatch): () => void {
  const isIgnored = ignorer(ignore);
  const ignored = (path: string): boolean => {
    const root = paths.find((one) => path !== one && path.startsWith(one.endsWith("/") ? one : `${one}/`));
    return root !== undefined && isIgnored(relative(root, path));
  };
  let full = false;
  const wanted = (): Wanted => {
    const trees = new Trees(ignored);
    for (const path of paths) trees.add(path);
    if (trees.isFull && !full)
      onProblem(`more than ${MAX_DIRECTORIES} directories below ${paths.join(", ")}: the rest is not watched; exclude some with "ignore"`);
    full = trees.isFull;
    return trees.wanted;
  };
  return watchDirectories({
    wanted,
    isRelevant: (directory, name) => !ignored(join(directory, name)),
    onChange,
    onProblem,
    quietMs: debounceMs,
    atMostMs: Math.max(AT_MOST_MS, debounceMs * 10),
  });
}

/** Bounds the delay of a restart while a build keeps writing. */
const AT_MOST_MS = 10_000;

/** On machines with little memory inotify allows a user 8,192 watches. A tree with more directories than this was configured by mistake. */
const MAX_DIRECTORIES = 5_000;

class Trees {
  readonly wanted: Wanted = new Map();
  isFull = false;
  readonly #ignored: (path: string) => boolean;

  constructor(ignored: (path: string) => boolean) {
    this.#ignored = ignored;
  }

  add(path: string): void {
    wantAppearance(this.wanted, path);
    // The path itself may be a link: follow it, because the unit names it.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) this.#descend(path);
  }

  #descend(directory: string): void {
    if (this.wanted.size >= MAX_DIRECTORIES) {
      this.isFull = true;
      return;
    }
    this.wanted.set(directory, null);
    for (const name of directoriesIn(directory)) {
      const path = join(directory, name);
      if (!this.#ignored(path)) this.#descend(path);
    }
  }
}

function directoriesIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return []; // unreadable, or gone again
  }
}

/** Never relevant to a service: version control, installed packages, and temporary files of editors. */
const NEVER = [".git", ".hg", ".svn", "node_modules", "*~", ".#*", ".*.sw?", "4913", "#*#"];

/** Returns a predicate for paths relative to a watched one: true when a pattern excludes the path or a directory above it. */
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

/** `./tmp/**` and `/tmp/` mean the same as `tmp/**` and `tmp`: patterns are relative to the watched path. */
const plain = (pattern: string): string => pattern.replace(/^\.?\//, "").replace(/\/$/, "");

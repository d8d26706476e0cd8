import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { UnitSnapshot } from "../ports/files.ts";
import { loadSnapshot } from "../spec/load.ts";
import { fileProblem, type Problem } from "../spec/problems.ts";
import { isDirectory, mainFileFor, readDirectories, readFiles } from "./unit-dirs.ts";

/** What a look at unit files found. */
export interface Verdict {
  /** Main files that were checked. */
  readonly files: readonly string[];
  /** Of those files and their drop-ins. */
  readonly problems: readonly Problem[];
  /** Texts of the files, to quote from. */
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Checks files, drop-ins and directories; without any, the whole unit path. Each is checked among its neighbours and the
 * unit path, so that dependencies and cycles are seen, but only its own problems are told.
 */
export function verifyPaths(paths: readonly string[], unitPath: readonly string[]): Verdict {
  const missing = paths.filter((path) => !existsSync(path));
  const directories = [...paths.filter(isDirectory), ...(paths.length === 0 ? unitPath : [])];
  const named = paths.filter((path) => !isDirectory(path) && !missing.includes(path)).map(mainFileFor);
  const around = [...new Set([...directories, ...named.map((path) => dirname(path)), ...unitPath])];
  const asked = join(readFiles(named, around), readDirectories(directories));
  const whole = join(asked, readDirectories(around));
  const { loaded, templates, problems } = loadSnapshot(whole);
  const ids = new Set(asked.units.map(({ id }) => id));
  const told: Problem[] = missing.map((path) => fileProblem(path, { message: "cannot read it: no such file or directory (ENOENT)" }));
  for (const [owner, list] of problems) if (ids.has(owner) || asked.unreadable.some(({ path }) => path === owner)) told.push(...list);
  for (const [id, unit] of [...loaded, ...templates]) if (ids.has(id)) told.push(...unit.warnings);
  const texts = new Map(whole.units.flatMap(({ main, dropIns }) => [main, ...dropIns].map(({ path, text }) => [path, text] as const)));
  return { files: asked.units.map(({ main }) => main.path), problems: told, texts };
}

/** The first wins where both have a unit of one name. */
function join(first: UnitSnapshot, second: UnitSnapshot): UnitSnapshot {
  const known = new Set(first.units.map(({ id }) => id));
  const seen = new Set(first.unreadable.map(({ path }) => path));
  return {
    units: [...first.units, ...second.units.filter(({ id }) => !known.has(id))],
    unreadable: [...first.unreadable, ...second.unreadable.filter(({ path }) => !seen.has(path))],
  };
}

import { posix } from "../paths.ts";
import type { SourceFiles } from "../types.ts";
import { expandPercent } from "./percent.ts";
import { readIni, type Section } from "./ini.ts";

/** The merged sections of supervisord's files. */
export interface Config {
  readonly sections: ReadonlyMap<string, Section>;
  /** All files that were read, the given ones first. */
  readonly files: readonly string[];
  readonly faults: ReadonlyArray<{ readonly where: string; readonly message: string }>;
  /** Patterns of `[include]` that matched no file. */
  readonly unmatched: ReadonlyArray<{ readonly pattern: string; readonly where: string }>;
}

/**
 * Reads the given files and the files that `[include]` names. The latter are relative to the directory of the main file,
 * sorted, and not searched for further includes. `%(here)s` is the directory of the file that first sets the value.
 */
export function readConfig(paths: readonly string[], files: SourceFiles): Config {
  const sections = new Map<string, Section>();
  const faults: Array<{ where: string; message: string }> = [];
  const unmatched: Array<{ pattern: string; where: string }> = [];
  const seen = new Set<string>();
  const readOne = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = files.read(path);
    if (text === null) {
      faults.push({ where: path, message: "cannot read the file" });
      return;
    }
    for (const { line, message } of readIni(text, path, sections)) faults.push({ where: `${path}:${line}`, message });
    expandHere(sections, posix.dirname(path));
  };
  for (const path of paths) {
    readOne(path);
    const include = sections.get("include");
    const patterns = include?.options.get("files");
    if (!include || include.file !== path || !patterns) continue;
    const expanded = expandPercent(patterns.value, new Map());
    const where = `${path}:${patterns.line}`;
    if (!expanded.ok) faults.push({ where, message: `[include] files: ${expanded.error}` });
    for (const pattern of expanded.ok ? expanded.value.split(/\s+/).filter((each) => each !== "") : []) {
      const found = matchFiles(posix.join(posix.dirname(path), pattern), files);
      if (found.length === 0) unmatched.push({ pattern, where });
      for (const file of found) readOne(file);
    }
  }
  return { sections, files: [...seen], faults, unmatched };
}

function expandHere(sections: ReadonlyMap<string, Section>, here: string): void {
  for (const { options } of sections.values())
    for (const option of options.values()) option.value = option.value.replaceAll("%(here)s", () => here);
}

const MAX_MATCHES = 2000;

/** Returns the sorted files that match a pattern of Python's glob. `*` and `?` do not match a dot at the start of a name. */
function matchFiles(pattern: string, files: SourceFiles): string[] {
  let found = ["/"];
  for (const part of pattern.split("/").filter((each) => each !== "")) {
    if (part === ".") continue;
    if (part === "..") found = found.map((path) => posix.dirname(path));
    else if (!/[*?[]/.test(part)) found = found.map((path) => posix.join(path, part)).filter((path) => files.kind(path) !== null);
    else {
      const matches = posix.matcher(part);
      const visible = (name: string): boolean => part.startsWith(".") || !name.startsWith(".");
      found = found.flatMap((path) =>
        files
          .list(path)
          .filter((name) => visible(name) && matches(name))
          .map((name) => posix.join(path, name)),
      );
    }
    if (found.length > MAX_MATCHES) found.length = MAX_MATCHES;
  }
  return found.filter((path) => files.kind(path) === "file").sort();
}

import { isSupported } from "../../src/convert/import/draft.ts";
import { importPaths, type ImportOptions } from "../../src/convert/import/import.ts";
import type { Imported, ImportedUnit, ReportEntry, SourceFiles } from "../../src/convert/import/types.ts";

/** Files as data, by absolute path. A name that ends in `*` marks an executable file. */
export function sourceOf(given: Readonly<Record<string, string>>): SourceFiles {
  const files = new Map(Object.entries(given).map(([path, text]) => [path.replace(/\*$/, ""), text]));
  const executable = new Set(Object.keys(given).flatMap((path) => (path.endsWith("*") ? [path.slice(0, -1)] : [])));
  const names = (path: string): string[] => {
    const prefix = path === "/" ? "/" : `${path}/`;
    return [
      ...new Set([...files.keys()].filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length).split("/")[0]!)),
    ].sort();
  };
  return {
    read: (path) => files.get(path) ?? null,
    list: names,
    kind: (path) => (files.has(path) ? "file" : names(path).length > 0 ? "directory" : null),
    isExecutable: (path) => executable.has(path),
  };
}

/** Imports files. Without `paths`, all of them. */
export function importFiles(
  given: Readonly<Record<string, string>>,
  paths?: readonly string[],
  options: Partial<ImportOptions> = {},
): Imported {
  const all = Object.keys(given).map((path) => path.replace(/\*$/, ""));
  return importPaths(paths ?? all, sourceOf(given), { home: "/home/ann", ...options });
}

export function unitOf(imported: Imported, name: string): ImportedUnit {
  const unit = imported.units.find((each) => each.name === name);
  if (!unit)
    throw new Error(`no unit ${name} in ${imported.units.map((each) => each.name).join(", ")}; ${JSON.stringify(imported.problems)}`);
  return unit;
}

export const entryOf = (imported: Imported, field: string, unit?: string): ReportEntry | undefined =>
  imported.report.find((entry) => entry.field === field && (unit === undefined || entry.unit === unit));

/** `outcome field`, one per entry, sorted by field. */
export const outcomes = (imported: Imported): string[] => imported.report.map(({ outcome, field }) => `${field}: ${outcome}`).sort();

/**
 * What became of a field whose key some versions of sup do not have: the value of the key if this version has it, otherwise the
 * value that the report announces.
 */
export function valueOf(imported: Imported, field: string, key: string): unknown {
  const entry = entryOf(imported, field)!;
  const unit = unitOf(imported, entry.unit!);
  if (isSupported(key)) return key.split(".").reduce((value: unknown, step) => (value as Record<string, unknown>)[step], unit.json);
  const announced = /^sup does not support "(.+)" yet; the value would be (.+)$/.exec(entry.how);
  return announced?.[1] === key ? JSON.parse(announced[2]!) : entry.how;
}

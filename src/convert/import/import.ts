import type { Data } from "./data.ts";
import { ImportDraft } from "./draft.ts";
import { detect } from "./detect.ts";
import { finish } from "./finish.ts";
import { posix } from "./paths.ts";
import { refuseCompose } from "./compose.ts";
import { importPm2, type EvaluatedJs } from "./pm2/pm2.ts";
import { importProcessCompose } from "./process-compose/process-compose.ts";
import { importProcfile } from "./procfile.ts";
import { importRunit, isRunitDirectory } from "./runit.ts";
import { importS6, isS6Directory } from "./s6.ts";
import { importServices } from "./services.ts";
import { importSupervisord } from "./supervisord/supervisord.ts";
import { importSystemd } from "./systemd/systemd.ts";
import type { Format, Imported, SourceFiles } from "./types.ts";

export interface ImportOptions {
  /** The format of all files. If absent, the format of each file is detected. */
  readonly format?: Format | undefined;
  /** The home directory for `~`. */
  readonly home: string;
  /** The evaluated content of PM2 files that contain code, by path (`--allow-js`). */
  readonly evaluated?: ReadonlyMap<string, EvaluatedJs>;
}

/** Imports files and directories, given by absolute path. */
export function importPaths(paths: readonly string[], files: SourceFiles, options: ImportOptions): Imported {
  const faults = new ImportDraft();
  const found = new Map<Format, string[]>();
  for (const path of paths) {
    const add = (format: Format, each: string): void => void found.set(format, [...(found.get(format) ?? []), each]);
    if (files.kind(path) === null) faults.refuse(path, "cannot read it: no such file or directory");
    else if (files.kind(path) === "directory") for (const [format, each] of inDirectory(path, files, options, faults)) add(format, each);
    else {
      const one = formatOf(path, files, options);
      if (typeof one === "string") add(one, path);
      else faults.refuse(path, `cannot import ${posix.basename(path)}: ${one.refused}`, one.hint);
    }
  }
  const drafts = [...found].flatMap(([format, list]) => {
    const paths = [...new Set(list)];
    const made = draftsOf(format, paths, files, options);
    for (const [index, draft] of made.entries()) refuseEmpty(draft, paths[index] ?? paths[0]!, format);
    return made;
  });
  return { formats: [...found.keys()], ...finish([faults, ...drafts]) };
}

/** A file without a program must not look as if the import had succeeded. */
function refuseEmpty(draft: ImportDraft, path: string, format: Format): void {
  if (draft.units.length > 0 || draft.problems.length > 0) return;
  const hint = format === "supervisord" ? "import the files that [include] names, or those in conf.d, as well" : null;
  draft.refuse(path, `cannot import ${posix.basename(path)}: it defines no program`, hint);
}

/** Imports the apps that a running PM2 reports, in the form of an ecosystem file. `origin` names the source of the list. */
export function importApps(apps: readonly Data[], origin: string, files: SourceFiles, home: string): Imported {
  const draft = new ImportDraft();
  importPm2(draft, origin, "", { files, home, evaluated: { value: { apps }, undefinedEnv: [], error: null } });
  return { formats: ["pm2"], ...finish([draft]) };
}

function formatOf(path: string, files: SourceFiles, options: ImportOptions): Format | { refused: string; hint: string | null } {
  if (options.format !== undefined) return options.format;
  const text = files.read(path);
  if (text === null) return { refused: "it cannot be read, is larger than 1 MiB, or is not UTF-8 text", hint: null };
  const detected = detect(path, text);
  return "format" in detected ? detected.format : detected;
}

/** Returns what a directory contains: one runit or s6 service, several of them, or files of other formats. */
function inDirectory(path: string, files: SourceFiles, options: ImportOptions, faults: ImportDraft): Array<[Format, string]> {
  const forced = options.format;
  const kindOf = (directory: string): Format | null => {
    if (forced !== undefined && (isRunitDirectory(directory, files) || isS6Directory(directory, files))) return forced;
    return isS6Directory(directory, files) ? "s6" : isRunitDirectory(directory, files) ? "runit" : null;
  };
  const own = kindOf(path);
  if (own !== null) return [[own, path]];
  const found: Array<[Format, string]> = [];
  for (const name of files.list(path)) {
    const each = posix.join(path, name);
    if (files.kind(each) === "directory") {
      const kind = kindOf(each);
      if (kind !== null) found.push([kind, each]);
    } else if (!name.startsWith(".") && !IGNORED.test(name)) {
      const format = formatOf(each, files, options);
      if (typeof format === "string" && (format !== "procfile" || /procfile/i.test(name))) found.push([format, each]);
    }
  }
  if (found.length === 0) faults.refuse(path, "cannot find anything to import in this directory", "name the files");
  return found;
}

/** Files that look like a configuration of a supervisor but are something else. */
const IGNORED = /^(package(-lock)?|tsconfig.*|composer)\.json$|\.unit\.json$|~$|\.(bak|md|log|lock)$/;

function draftsOf(format: Format, paths: readonly string[], files: SourceFiles, options: ImportOptions): ImportDraft[] {
  if (format === "supervisord") return [importSupervisord(paths, files)];
  if (format === "systemd") return [importSystemd(paths, files)];
  if (format === "runit") return [importRunit(paths, files)];
  if (format === "s6") return [importS6(paths, files)];
  return paths.map((path) => {
    const text = files.read(path);
    const draft = new ImportDraft();
    if (text === null) draft.refuse(path, "cannot read the file");
    else if (format === "procfile") importProcfile(draft, path, text, files);
    else if (format === "process-compose") importProcessCompose(draft, path, text, files);
    else if (format === "pm2") importPm2(draft, path, text, { files, home: options.home, evaluated: options.evaluated?.get(path) });
    else if (format === "services") importServices(draft, path, text);
    else refuseCompose(draft, path);
    return draft;
  });
}

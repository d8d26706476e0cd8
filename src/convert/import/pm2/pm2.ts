import { isMap, type Data } from "../data.ts";
import type { ImportDraft } from "../draft.ts";
import { posix } from "../paths.ts";
import type { SourceFiles } from "../types.ts";
import { parseYaml } from "../yaml.ts";
import { importApp } from "./app.ts";
import { readJs, readJsLiteral } from "./read-js.ts";

/** The value of a file that was run (`--allow-js`). */
export interface EvaluatedJs {
  readonly value: unknown;
  readonly undefinedEnv: readonly string[];
  readonly usesDotenv?: boolean;
  /** Why the file could not run, or null. */
  readonly error: string | null;
}

interface Given {
  readonly files: SourceFiles;
  readonly home: string;
  readonly evaluated?: EvaluatedJs | undefined;
}

/** Imports an ecosystem file of PM2: JSON, YAML or JavaScript. */
export function importPm2(draft: ImportDraft, path: string, text: string, { files, home, evaluated }: Given): void {
  const found = evaluated ?? read(draft, path, text);
  if (found === null) return;
  if (found.error !== null) return draft.refuse(path, `the file could not be run: ${found.error}`);
  const apps = appsOf(found.value);
  if (apps === null) return draft.refuse(path, 'the file has no list "apps"');
  if (isMap(found.value))
    for (const key of Object.keys(found.value))
      if (key !== "apps" && found.value.apps !== undefined && !key.startsWith("_"))
        draft.drop(key, path, key === "deploy" ? "sup does not deploy" : "it belongs to no app");
  if (found.undefinedEnv.length > 0)
    draft.drop(
      "process.env",
      path,
      `these variables are undefined during the import: ${found.undefinedEnv.join(", ")}`,
      "check the values that depend on them",
    );
  const directory = posix.dirname(path);
  const dotenv = found.usesDotenv ? posix.join(directory, ".env") : null;
  if (dotenv !== null && files.kind(dotenv) === "file")
    draft.carried("dotenv", "environment_files: the units read .env at each start", path);
  else if (dotenv !== null) draft.drop("dotenv", path, "there is no .env beside the file", 'add the file to "environment_files"');
  for (const [index, app] of apps.entries()) {
    if (isMap(app)) importApp(draft, app, { path, directory, home, files, dotenv });
    else draft.refuse(path, `cannot import apps[${index}]: it is not an object`);
  }
}

/** Returns the value of the file without running the file, or reports why that is not possible. */
function read(draft: ImportDraft, path: string, text: string): EvaluatedJs | null {
  const name = posix.basename(path);
  if (/\.ya?ml$/.test(name) || (!/\.([cm]?[jt]s|json)$/.test(name) && /^[ \t]*(-\s|apps:)/m.test(text) && !/\bexports\b/.test(text))) {
    const parsed = parseYaml(text);
    if (parsed.ok) return { value: parsed.value, undefinedEnv: [], error: null };
    draft.refuse(path, `the file is not valid YAML: ${parsed.error}`);
    return null;
  }
  const isLiteral = /\.json$/.test(name) || /^\s*[[{]/.test(text);
  const js = isLiteral ? readJsLiteral(text, path) : readJs(text, path);
  if (js.ok) return { ...js.value, error: null };
  const { kind, line, message } = js.error;
  if (kind === "syntax" && !/\.[cm]?ts$/.test(name)) draft.refuse(`${path}:${line}`, `the file is not valid JavaScript: ${message}`);
  else
    draft.refuse(
      `${path}:${line}`,
      `the file must run to know its value: ${message}`,
      "--allow-js runs it, without an environment and for at most 5 s",
    );
  return null;
}

/** Returns true if a file must run to be imported. */
export function mustRun(path: string, text: string): boolean {
  if (!/\.[cm]?[jt]s$/.test(path) && !/\bexports\b|\bexport default\b/.test(text)) return false;
  const js = readJs(text, path);
  return !js.ok && (js.error.kind === "code" || /\.[cm]?ts$/.test(path));
}

function appsOf(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value;
  if (!isMap(value)) return null;
  const nested = isMap(value.default) ? value.default : value;
  if (Array.isArray(nested.apps)) return nested.apps;
  if (isMap(nested.apps)) return [nested.apps];
  return isApp(nested) ? [nested] : null;
}

const isApp = (data: Data): boolean => ["script", "cmd", "command", "exec"].some((key) => typeof data[key] === "string");

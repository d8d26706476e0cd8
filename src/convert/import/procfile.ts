import { parseDotenv } from "../../spec/load/dotenv.ts";
import { escapeText } from "../../spec/load/specifiers.ts";
import type { ImportDraft, UnitDraft } from "./draft.ts";
import { posix } from "./paths.ts";
import { shellVariables } from "./shell-variables.ts";
import { findTemplate } from "./templates.ts";
import type { SourceFiles } from "./types.ts";

/** The first port, and the increment for each further process type, as in foreman and honcho. */
const BASE_PORT = 5000;
const PORT_STEP = 100;

/** Imports a Procfile with the `.env` beside it. A shell runs the commands, as in foreman and honcho. */
export function importProcfile(draft: ImportDraft, path: string, text: string, files: SourceFiles): void {
  const template = findTemplate(text);
  if (template !== null) return draft.refuse(`${path}:${template.line}`, `the file is a template (${template.kind}), not a Procfile`);
  const env = readEnv(draft, path, files);
  const directory = posix.dirname(path);
  const isDev = /(dev|local)/i.test(posix.basename(path));
  const entries: Array<{ readonly name: string; readonly command: string; readonly line: number }> = [];
  for (const [at, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const match = /^([A-Za-z0-9_-]+):[ \t]*(\S.*)$/.exec(line);
    if (match) entries.push({ name: match[1]!, command: match[2]!.trim(), line: at + 1 });
    else draft.drop(line.trim().slice(0, 40), `${path}:${at + 1}`, "foreman ignores the line: it is not NAME: command");
  }
  for (const [index, { name, command, line }] of entries.entries()) {
    const where = `${path}:${line}`;
    const unit = draft.unit(name, name, `${path} (${name})`);
    if (entries.findIndex((each) => each.name === name) < index)
      unit.approximated(name, where, "an earlier line has the same name: foreman runs both, and honcho refuses the file");
    unit.shell(command);
    unit.carried(name, "command, run by a shell", where);
    unit.set("working_directory", escapeText(directory));
    if (name === "release") release(unit, where);
    else processType(unit, { name, command, where, env, port: portOf(env, index), isDev });
    inherited(unit, name, command, env, where);
  }
  if (entries.length === 0) draft.refuse(path, "the file has no line of the form NAME: command");
}

/** A process of foreman inherits the environment in which foreman was started, and on a platform that of the platform. */
function inherited(unit: UnitDraft, name: string, command: string, { variables }: Env, where: string): void {
  const names = shellVariables(command, variables).filter((each) => each !== "PORT");
  if (names.length > 0)
    unit.approximated(
      name,
      where,
      `the command reads ${names.join(", ")} from its environment, which a unit does not inherit`,
      `set ${names.join(", ")} in "environment" or in .env`,
    );
}

function release(unit: UnitDraft, where: string): void {
  unit.set("type", "oneshot");
  unit.set("enabled", false);
  unit.approximated(
    "release",
    where,
    "a oneshot that is not enabled: platforms run it before each deployment",
    "`sup start release` runs it",
  );
}

interface Env {
  /** The path of the file, or null if there is none. */
  readonly path: string | null;
  readonly variables: ReadonlyMap<string, string>;
}

interface Given {
  readonly name: string;
  readonly command: string;
  readonly where: string;
  readonly env: Env;
  readonly port: number;
  readonly isDev: boolean;
}

function processType(unit: UnitDraft, { name, command, where, env, port, isDev }: Given): void {
  unit.set("enabled", !isDev);
  unit.set("restart_on_exit", true);
  unit.approximated("restart", where, "foreman stops everything when one process ends; sup restarts the process");
  if (env.path !== null) unit.set("environment_files", [escapeText(env.path)]);
  // foreman sets PORT for every process. Most processes read it only if they serve web requests.
  if (name !== "web" && !/\$\{?PORT\b/.test(command)) return;
  unit.set("port", port);
  // A PORT in the .env would override the port of the unit.
  if (env.variables.has("PORT")) unit.env("PORT", String(port));
  unit.approximated("$PORT", where, `port: ${port}, as foreman numbers it`, "set the port that clients use");
}

const portOf = ({ variables }: Env, index: number): number => {
  const base = Number(variables.get("PORT"));
  return (Number.isInteger(base) && base > 0 && base < 60_000 ? base : BASE_PORT) + index * PORT_STEP;
};

function readEnv(draft: ImportDraft, path: string, files: SourceFiles): Env {
  const env = posix.join(posix.dirname(path), ".env");
  const text = files.read(env);
  if (text === null) return { path: null, variables: new Map() };
  const parsed = parseDotenv(text);
  if (parsed.ok) {
    draft.carried(".env", "environment_files: the units read it at each start", env);
    return { path: env, variables: parsed.value };
  }
  draft.drop(
    ".env",
    `${env}:${parsed.error.line}`,
    `sup cannot read it: ${parsed.error.message}`,
    'correct the line, and add the file to "environment_files"',
  );
  return { path: null, variables: new Map() };
}

import { escapeText } from "../../../spec/load/specifiers.ts";
import { asEnvironment, asNumber, asText, isMap, lookUp, type Data } from "../data.ts";
import type { ImportDraft } from "../draft.ts";
import { validName } from "../finish.ts";
import { posix } from "../paths.ts";
import type { SourceFiles } from "../types.ts";
import { importKeys } from "./keys.ts";
import { wordsOf, type App } from "./words.ts";

export interface AppContext {
  readonly path: string;
  readonly directory: string;
  readonly home: string;
  readonly files: SourceFiles;
  /** The path of the .env file that the ecosystem file loads, or null. */
  readonly dotenv: string | null;
}

/** Other names of keys, from PM2's schema. */
const ALIASES: ReadonlyArray<readonly [key: string, aliases: readonly string[]]> = [
  ["script", ["cmd", "command", "exec"]],
  ["exec_interpreter", ["interpreter"]],
  ["node_args", ["interpreter_args", "interpreterArgs", "nodeArgs"]],
  ["out_file", ["out", "output", "out_log"]],
  ["error_file", ["error", "err", "err_file", "err_log"]],
  ["log_file", ["log"]],
  ["pid_file", ["pid"]],
  ["cron_restart", ["cron"]],
  ["merge_logs", ["combine_logs"]],
  ["uid", ["user"]],
];

/** Imports an app as one unit, or, in fork mode, as one unit for each instance. */
export function importApp(draft: ImportDraft, given: Data, context: AppContext): void {
  const data: Record<string, unknown> = { ...given };
  for (const [key, aliases] of ALIASES) {
    for (const alias of aliases) {
      if (data[alias] === undefined) continue;
      if (data[key] === undefined || data[key] === null) data[key] = data[alias];
      delete data[alias];
    }
  }
  const script = asText(data.script);
  if (script === null || script.trim() === "")
    return draft.refuse(context.path, `cannot import the app ${JSON.stringify(asText(data.name) ?? "?")}: it has no script`);
  const name = asText(data.name) ?? baseName(script);
  const count = instancesOf(data);
  const isCluster = /^cluster/.test(asText(data.exec_mode) ?? "");
  // The instances of one unit can count up PORT, but no other variable.
  const counts = asText(data.increment_var);
  const processes = isCluster || count === null || counts === null || counts === "PORT" ? 1 : Math.min(count, MAX_PROCESSES);
  const cron = asText(data.cron_restart);
  const hasCron = cron !== null && cron !== "0";
  for (let n = 0; n < processes; n++) {
    const unit = draft.unit(name, processes > 1 ? `${name}-${n}` : name, `${context.path} (${name})`);
    unit.processes.push(name);
    const cwd = asText(data.cwd);
    const directory =
      cwd === null ? context.directory : /^~(\/|$)/.test(cwd) ? context.home + cwd.slice(1) : posix.join(context.directory, cwd);
    const app: App = { unit, data, where: context.path, directory, name };
    commandOf(app, script, context);
    if (asText(data.name) !== null) unit.carried("name", "the name of the unit", context.path);
    environmentOf(app, n, { count, isCluster, processes });
    if (context.dotenv !== null && context.files.kind(context.dotenv) === "file")
      unit.set("environment_files", [escapeText(context.dotenv)]);
    instances(app, { count, isCluster, processes });
    if (cron !== null)
      unit.carried("cron_restart", hasCron ? `the schedule of ${name}-restart, which restarts this unit` : "off", context.path);
    importKeys(app);
  }
  if (hasCron) restartUnit(draft, { name, cron, processes, path: context.path });
}

const MAX_PROCESSES = 64;

const baseName = (script: string): string => {
  const base = posix.basename(script);
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(0, dot) : base;
};

/** Returns the number of instances, or null if it is the number of processors. */
function instancesOf(data: Data): number | null {
  const value = data.instances;
  if (value === undefined || value === null) return 1;
  const number = value === "max" ? 0 : (asNumber(value) ?? 0);
  return number > 0 ? Math.trunc(number) : null;
}

const INTERPRETERS: Readonly<Record<string, string>> = {
  sh: "bash",
  py: "python",
  rb: "ruby",
  php: "php",
  pl: "perl",
  js: "node",
  mjs: "node",
  cjs: "node",
  coffee: "coffee",
  ls: "lsc",
  ts: "bun",
  tsx: "bun",
};

function commandOf(app: App, script: string, { files, home }: AppContext): void {
  const { unit, data, where, directory } = app;
  unit.set("working_directory", escapeText(directory));
  if (data.cwd !== undefined && data.cwd !== null) unit.carried("cwd", "working_directory", where);
  if (script.includes(" ")) {
    unit.argv(["bash", "-c", script]);
    unit.carried("script", "command: bash runs it, because it contains a space", where);
    if (data.args !== undefined) unit.carried("args", "without effect, as in PM2, because the script contains a space", where);
    return;
  }
  const args = wordsOf(data.args) ?? [];
  const nodeArgs = wordsOf(data.node_args) ?? [];
  const program = /^~\//.test(script) ? home + script.slice(1) : script;
  const isPath = program.includes("/") || /\.\w+$/.test(program) || files.kind(posix.join(directory, program)) === "file";
  const path = isPath ? posix.join(directory, program) : program;
  const interpreter = asText(data.exec_interpreter);
  const extension = /\.(\w+)$/.exec(posix.basename(program))?.[1] ?? "";
  const chosen = interpreter ?? (isPath ? (lookUp(INTERPRETERS, extension) ?? (extension === "" ? guess(files, path) : "none")) : "none");
  if (chosen === "none") unit.argv([path, ...args]);
  else unit.argv([chosen.replace(/^node@.*$/, "node"), ...nodeArgs, path, ...args]);
  unit.carried("script", "command, args", where);
  for (const key of ["args", "node_args", "exec_interpreter"])
    if (data[key] !== undefined && data[key] !== null) unit.carried(key, "command, args", where);
  if (/^node@/.test(chosen))
    unit.approximated(
      "exec_interpreter",
      where,
      "the unit runs the node in its PATH",
      "write the path of this version of node into command",
    );
  if (chosen.includes("python")) unit.env("PYTHONUNBUFFERED", "1");
}

/**
 * Returns the interpreter. PM2 runs a file without an extension with node, unless the file is a binary. A script with `#!`
 * can run by itself.
 */
function guess(files: SourceFiles, path: string): string {
  const text = files.read(path);
  return text === null || text.startsWith("#!") ? "none" : "node";
}

function environmentOf({ unit, data, where }: App, index: number, { count, isCluster, processes }: Counts): void {
  const env = asEnvironment(data.env ?? {});
  const undefinedNames = isMap(data.env) ? Object.keys(data.env).filter((name) => (data.env as Data)[name] === undefined) : [];
  for (const [name, value] of env ?? []) unit.env(name, value);
  if (data.env !== undefined && env === null) unit.drop("env", where, "it is not an object");
  else if (data.env !== undefined) unit.carried("env", "environment", where);
  if (undefinedNames.length > 0)
    unit.drop(
      "env",
      where,
      `${undefinedNames.join(", ")} had no value during the import`,
      'set them in "environment" or in a file of "environment_files"',
    );
  const port = asNumber(data.port) ?? asNumber(env?.get("PORT"));
  const isShared = count !== null && count > 1 && !isCluster && data.increment_var !== "PORT";
  if (port !== null && Number.isInteger(port) && port > 0 && port < 65_536) {
    // With instances, sup counts up a `port`. PM2 gives all instances the same PORT unless increment_var is set.
    if (isShared) unit.env("PORT", String(port));
    else {
      unit.set("port", port);
      unit.environment.delete("PORT");
    }
  }
  if (data.port !== undefined) unit.carried("port", isShared ? "environment" : "port", where);
  const counted = asText(data.increment_var);
  if (counted !== null && counted !== "PORT" && env?.has(counted)) unit.env(counted, String((asNumber(env.get(counted)) ?? 0) + index));
  if (counted !== null)
    unit.carried("increment_var", counted === "PORT" ? "port, which instances count up" : "each unit has its own value", where);
  const instance = asText(data.instance_var) ?? "NODE_APP_INSTANCE";
  const isCounted = processes === 1 && count !== null && count > 1 && !isCluster;
  if (isCounted) unit.environment.set(instance, "%i");
  else if (data.instances !== undefined || data.instance_var !== undefined) unit.env(instance, String(index));
  if (data.instance_var !== undefined) unit.carried("instance_var", "environment", where);
  for (const key of Object.keys(data))
    if (/^env_\S/.test(key))
      unit.drop(
        key,
        where,
        `it applies to \`pm2 start --env ${key.slice(4)}\``,
        'copy it into "environment", or into a drop-in, if you use it',
      );
}

interface Counts {
  readonly count: number | null;
  readonly isCluster: boolean;
  readonly processes: number;
}

function instances({ unit, data, where }: App, { count, isCluster, processes }: Counts): void {
  if (data.exec_mode !== undefined) {
    if (!isCluster) unit.carried("exec_mode", "a process of its own", where);
    else
      unit.approximated(
        "exec_mode",
        where,
        "the program runs as an ordinary process; PM2's cluster module shares its port among instances",
        'declare "sockets" and let the program listen on descriptor 3, so that a restart loses no connection',
      );
  }
  if (data.instances === undefined) return;
  if (count === 1) unit.carried("instances", "one unit", where);
  else if (processes > 1) unit.carried("instances", `${processes} units, because they count ${asText(data.increment_var)} up`, where);
  else if (count === null || isCluster)
    unit.approximate(
      "instances",
      "instances",
      1,
      where,
      count === null ? "PM2 starts one process per processor" : `PM2 starts ${count} processes, which share a port`,
      'let the program listen on descriptor 3, declare "sockets", and then raise the number; see docs/scaling.md',
    );
  else unit.approximate("instances", "instances", Math.min(count, MAX_INSTANCES), where, "NODE_APP_INSTANCE counts from 1, not from 0");
}

const MAX_INSTANCES = 256;

/** Adds a second unit that restarts the app at the times of `cron_restart`. */
function restartUnit(
  draft: ImportDraft,
  { name, cron, processes, path }: { name: string; cron: string; processes: number; path: string },
): void {
  const fields = cron.trim().split(/\s+/);
  const unit = draft.unit(`${name} cron_restart`, `${name}-restart`, `${path} (${name}, cron_restart)`);
  const names = processes > 1 ? Array.from({ length: processes }, (_, n) => validName(`${name}-${n}`)) : [validName(name)];
  unit.processes.push(name);
  unit.argv(["sup", "restart", ...names]);
  unit.set("type", "oneshot");
  unit.set("schedule", { cron: fields.length === 6 ? fields.slice(1).join(" ") : cron.trim() });
  if (fields.length === 6 && fields[0] !== "0")
    unit.approximated("cron_restart", path, "schedule.cron: it runs at the full minute, because sup's cron has no seconds");
  else unit.carried("cron_restart", "schedule.cron of this unit, which restarts the app", path);
}

import { escapeText } from "../../../spec/load/specifiers.ts";
import { asBoolean, asEnvironment, asNumber, asText, asTexts, isMap, lookUp, type Data } from "../data.ts";
import type { ImportDraft, UnitDraft } from "../draft.ts";
import { posix } from "../paths.ts";
import type { SourceFiles } from "../types.ts";
import { parseYaml } from "../yaml.ts";
import { Expander } from "./expander.ts";
import { importProbes } from "./probes.ts";
import { importLifecycle } from "./lifecycle.ts";
import { isBackground, type Process, type Role } from "./process.ts";
import { bashOf } from "./shell.ts";

/** Imports a file of process-compose. */
export function importProcessCompose(draft: ImportDraft, path: string, text: string, files: SourceFiles): void {
  // The file is a template of another engine. In contrast, process-compose's own templates are inside strings.
  if (/^[^"'\n#|>]{0,200}:[ \t]*\{\{|^[ \t]*\{%/m.test(text)) return draft.refuse(path, "the file is a template, not a configuration");
  const parsed = parseYaml(text);
  if (!parsed.ok) return draft.refuse(path, `the file is not valid YAML: ${parsed.error}`);
  const root = Array.isArray(parsed.value) ? parsed.value.find((each) => isMap(each) && isMap(each.processes)) : parsed.value;
  if (!isMap(root) || !isMap(root.processes)) return draft.refuse(path, 'the file has no object "processes"');
  const directory = posix.dirname(path);
  const shared = asEnvironment(root.environment ?? {}) ?? new Map<string, string>();
  topLevel(draft, root, path);
  const roles = rolesOf(root.processes);
  for (const [name, data] of Object.entries(root.processes)) {
    if (!isMap(data)) {
      draft.refuse(path, `cannot import ${JSON.stringify(name)}: it is not an object`);
      continue;
    }
    const role = roles.get(name) ?? "service";
    const wanted = Math.max(1, Math.trunc(asNumber(data.replicas) ?? 1));
    const areSame = wanted > 1 && role === "service" && !JSON.stringify(data).includes("PC_REPLICA_NUM");
    const replicas = Math.min(wanted, areSame ? MAX_INSTANCES : MAX_UNITS);
    if (replicas < wanted) draft.drop(`${name}.replicas`, path, `only ${replicas} of ${wanted} replicas are imported`);
    for (let n = 0; n < (areSame ? 1 : replicas); n++) {
      const unit = draft.unit(name, replicas > 1 && !areSame ? `${name}-${n}` : name, `${path} (${name})`);
      const vars = { ...(isMap(root.vars) ? root.vars : {}), ...(isMap(data.vars) ? data.vars : {}), PC_REPLICA_NUM: n };
      const expander = new Expander(vars, asBoolean(root.disable_env_expansion) !== true);
      if (areSame) instancesOf(unit, replicas, path);
      else if (replicas > 1) unit.env("PC_REPLICA_NUM", String(n));
      if (replicas > 1 && !areSame) unit.carried("replicas", "one unit for each replica", path);
      importOne({ unit, data, where: path, directory, expander, shell: shellOf(root), roles }, { shared, role, files });
    }
  }
}

function instancesOf(unit: UnitDraft, replicas: number, path: string): void {
  unit.set("instances", replicas);
  unit.environment.set("PC_REPLICA_NUM", "%i");
  unit.approximated("replicas", path, "instances: PC_REPLICA_NUM counts from 1, not from 0");
}

const MAX_INSTANCES = 256;

/** Maximum number of different replicas that become separate units. */
const MAX_UNITS = 64;

function shellOf(root: Data): readonly string[] {
  const shell = isMap(root.shell) ? root.shell : {};
  return [asText(shell.shell_command) ?? "bash", asText(shell.shell_argument) ?? "-c"];
}

const TOP: Readonly<Record<string, string>> = {
  version: "",
  environment: "environment of every unit",
  vars: "the values are filled into the commands",
  shell: "the shell of every command",
  disable_env_expansion: "",
};

function topLevel(draft: ImportDraft, root: Data, path: string): void {
  for (const key of Object.keys(root)) {
    if (key === "processes") continue;
    const how = lookUp(TOP, key);
    if (how !== undefined) draft.carried(key, how || "it concerns the file only", path);
    if (key === "shell" && isMap(root.shell)) {
      for (const inner of Object.keys(root.shell))
        if (!/^(elevated_)?shell_(command|argument)$/.test(inner))
          draft.drop(
            `shell.${inner}`,
            path,
            "process-compose does not know this key either",
            "the keys are shell_command and shell_argument",
          );
    }
    if (how !== undefined) continue;
    if (/^log_/.test(key)) draft.drop(key, path, "sup has a log for each unit", "see `sup logs`");
    else if (key === "extends") draft.drop(key, path, "the import reads one file", "import the merged file: `process-compose config`");
    else if (key === "env_cmds")
      draft.drop(key, path, "sup runs no commands to make variables", "write the variables to a file of environment_files");
    else if (/^(is_|ordered_shutdown|theme|mcp|recipes|name$|namespace)/.test(key))
      draft.drop(key, path, "it concerns process-compose itself");
    else if (!key.startsWith("x-")) draft.drop(key, path, "this key is unknown", "correct the key if it should have an effect");
  }
}

/** Returns the roles of the processes. A process is a oneshot if others wait until it completes. */
function rolesOf(processes: Data): Map<string, Role> {
  const roles = new Map<string, Role>();
  for (const [name, data] of Object.entries(processes)) {
    if (!isMap(data)) continue;
    if (isMap(data.schedule) || isBackground(data)) roles.set(name, "oneshot");
    if (!isMap(data.depends_on)) continue;
    for (const [on, each] of Object.entries(data.depends_on))
      if (isMap(each) && /^process_completed/.test(asText(each.condition) ?? "")) roles.set(on, "oneshot");
  }
  return roles;
}

interface Given {
  readonly shared: ReadonlyMap<string, string>;
  readonly role: Role;
  readonly files: SourceFiles;
}

function importOne(proc: Process, { shared, role, files }: Given): void {
  const { unit, data, where, directory, expander } = proc;
  commandOf(proc);
  const working = asText(data.working_dir);
  unit.set("working_directory", working === null ? escapeText(directory) : pathOf(expander.text(working), directory));
  if (working !== null) unit.carried("working_dir", "working_directory", where);
  const own = asEnvironment(data.environment ?? {}) ?? new Map<string, string>();
  for (const [name, value] of [...shared, ...own]) unit.environment.set(name, expander.text(value));
  if (data.environment !== undefined) unit.carried("environment", "environment", where);
  const envFiles = asTexts(data.env_file ?? data.env_files ?? []) ?? [];
  const dotenv = posix.join(directory, ".env");
  const paths = [
    ...(files.kind(dotenv) === "file" && asBoolean(data.is_dotenv_disabled) !== true ? [escapeText(dotenv)] : []),
    ...envFiles.map((each) => pathOf(expander.text(each), directory)),
  ];
  if (paths.length > 0) unit.set("environment_files", paths);
  if (data.env_file !== undefined) unit.carried("env_file", "environment_files", where);
  importLifecycle(proc, role);
  importProbes(proc, role);
  for (const key of Object.keys(data)) other(proc, key);
  for (const key of ["vars", "is_dotenv_disabled"]) if (data[key] !== undefined) unit.carried(key, "considered in the other keys", where);
  unit.dropSilent(
    Object.keys(data).filter((key) => !key.startsWith("x-")),
    where,
  );
  expander.report(unit, where);
}

const pathOf = (text: string, directory: string): string => (/^(\/|~|\$\{|%)/.test(text) ? text : escapeText(posix.join(directory, text)));

function commandOf({ unit, data, where, expander, shell }: Process): void {
  const command = asText(data.command);
  const entrypoint = Array.isArray(data.entrypoint) ? asTexts(data.entrypoint) : null;
  if (entrypoint !== null && entrypoint.length > 0) {
    const [first, ...rest] = entrypoint.map((word) => expander.text(word));
    unit.set("command", first);
    if (rest.length > 0) unit.set("args", rest);
    unit.carried("entrypoint", "command, args", where);
    if (command !== null) unit.carried("command", "entrypoint replaces it", where);
  } else if (command !== null && command.trim() !== "") {
    const { command: program, args } = bashOf(expander.shell(command.trim()), shell);
    unit.set("command", program);
    if (args.length > 0) unit.set("args", args);
    unit.carried("command", "command, args", where);
  }
}

const DONE = new Set(
  "command entrypoint working_dir environment env_file env_files availability depends_on readiness_probe liveness_probe ready_log_line shutdown schedule success_exit_codes vars is_dotenv_disabled".split(" "), // prettier-ignore
);

function other({ unit, data, where }: Process, key: string): void {
  const value = data[key];
  const isOn = asBoolean(value) === true;
  if (DONE.has(key)) return;
  if (key === "description") return unit.carry(key, "description", (asText(value) ?? "").slice(0, 500), where);
  if (key === "namespace") {
    const name = asText(value) ?? "";
    if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) return unit.carry(key, "groups", [name], where);
    return unit.drop(key, where, `${JSON.stringify(name)} is not a valid name of a group`);
  }
  if (key === "disabled" || key === "is_disabled") {
    if (isOn) unit.set("enabled", false);
    if (asBoolean(value) !== null) return unit.carried(key, "enabled", where);
    return unit.drop(key, where, "sup evaluates no expressions", '"enabled" is true; change it if needed');
  }
  if (key === "replicas" && asNumber(value) !== null && asNumber(value)! > 1) return;
  if (key === "replicas") return unit.carried(key, "one unit", where);
  if (key === "log_location")
    return unit.approximated(key, where, "sup writes to its own log file: `sup logs`", "change what reads the old file");
  if (key === "is_daemon" && isBackground(data))
    return unit.approximated(key, where, 'a oneshot with "remain_after_exit": it stays running until shutdown.command stops it');
  if (key === "is_daemon" && isOn) {
    unit.set("enabled", false);
    return unit.approximated(
      key,
      where,
      "the unit is not enabled: sup runs programs in the foreground, and this one goes to the background",
      "start the program in the foreground",
    );
  }
  if (key === "is_tty" && isOn) return unit.carry(key, "tty", true, where);
  if (/^(is_|disable_)/.test(key) && !isOn) return unit.carried(key, "off, which is the default", where);
  const reason = lookUp(DROPPED, key);
  if (reason !== undefined) unit.drop(key, where, reason);
  else if (!key.startsWith("x-")) unit.drop(key, where, "this key is unknown", "correct the key if it should have an effect");
}

const DROPPED: Readonly<Record<string, string>> = {
  is_interactive: '"tty" gives a unit a terminal, and `sup attach` connects to it',
  is_foreground: '"tty" gives a unit a terminal, and `sup attach` connects to it',
  is_elevated: 'sup does not use sudo; "user" says who runs the unit',
  is_strict: "sup checks every unit file strictly",
  log_configuration: 'the log of a unit has its own settings, in "log"',
  disable_ansi_colors: "sup logs the output as it is",
  launch_timeout_seconds: "sup knows the main process by itself",
  watch: 'process-compose\'s settings differ; see "watch"',
  extends: "the import does not merge processes",
};

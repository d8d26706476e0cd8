import { lookUp } from "../data.ts";
import { signalName, signalNumber } from "../../../base/signals.ts";
import type { UnitDraft } from "../draft.ts";
import { isSecret } from "../secrets.ts";
import { canBeFallback, joinText, type TextPart } from "../text.ts";
import { importCommands } from "./commands.ts";
import { take, textOf, type Service } from "./service-context.ts";
import { whereOf, type Assignment, type Settings } from "./parse.ts";
import { importRestarts } from "./restarts.ts";
import { specifierParts, type UnitNames } from "./specifiers.ts";
import { DIRECTORIES, LIMITS, reasonFor, SANDBOX, UNKNOWN_KEY } from "./tables.ts";
import { splitWords, toBoolean, toBytes, toSeconds } from "./values.ts";

/** Imports the section `[Service]`. */
export function importService(unit: UnitDraft, settings: Settings, names: UnitNames): void {
  const unknown = new Set<string>();
  const known = readEnvironment(settings, names, unknown);
  const service: Service = {
    unit,
    settings,
    names,
    unknown,
    done: new Set(),
    variables: { known, hasFiles: settings.all("EnvironmentFile").length > 0 },
  };
  importCommands(service);
  importRestarts(service);
  environment(service);
  identity(service);
  limits(service);
  stopping(service);
  output(service);
  directories(service);
  for (const key of settings.keys()) if (!service.done.has(key)) remaining(service, key);
  for (const assignment of settings.empty()) emptied(unit, assignment);
  if (unknown.size > 0)
    unit.approximated(
      "specifiers",
      unit.origin,
      `the values of ${[...unknown].join(", ")} are read from variables of the unit`,
      'set the variables in "environment"',
    );
}

function readEnvironment(settings: Settings, names: UnitNames, unknown: Set<string>): Map<string, readonly TextPart[]> {
  const known = new Map<string, readonly TextPart[]>();
  for (const { value } of settings.all("Environment")) {
    for (const { text } of splitWords(value) ?? []) {
      const equals = text.indexOf("=");
      if (equals > 0) known.set(text.slice(0, equals), specifierParts(text.slice(equals + 1), names, unknown));
    }
  }
  return known;
}

function environment(service: Service): void {
  const { unit, settings, variables, done } = service;
  const overridden: string[] = [];
  for (const [name, parts] of variables.known) {
    // In systemd, environment files override `Environment=`. In sup, the unit file overrides environment files.
    const literal = parts.every((part) => typeof part === "string") ? parts.join("") : "";
    if (variables.hasFiles && isSecret(name, literal)) {
      unit.filesOverrideSecrets = true;
      unit.env(name, literal);
      continue;
    }
    const isDefault = variables.hasFiles && canBeFallback(parts) && /^[A-Za-z_]\w*$/.test(name);
    if (variables.hasFiles && !isDefault) overridden.push(name);
    unit.environment.set(name, joinText(isDefault ? [{ variable: name, fallback: parts }] : parts));
  }
  for (const assignment of settings.all("Environment")) {
    if (splitWords(assignment.value)?.every(({ text }) => text.includes("=")) ?? false)
      unit.carried("Environment", "environment", whereOf(assignment));
    else unit.drop("Environment", whereOf(assignment), "systemd ignores a part of it, which is not NAME=value");
  }
  const files: string[] = [];
  for (const assignment of settings.all("EnvironmentFile")) {
    const path = assignment.value.replace(/^-/, "");
    if (!path.startsWith("/") && !path.startsWith("%"))
      unit.drop("EnvironmentFile", whereOf(assignment), "systemd ignores it, because the path is not absolute");
    else if (/[*?[]/.test(path))
      unit.drop("EnvironmentFile", whereOf(assignment), "sup reads no patterns of files", "name each file in environment_files");
    else {
      files.push((assignment.value.startsWith("-") ? "-" : "") + textOf(service, path));
      unit.carried("EnvironmentFile", "environment_files", whereOf(assignment));
    }
  }
  if (files.length > 0) unit.set("environment_files", files);
  if (overridden.length > 0)
    unit.approximated(
      "Environment",
      unit.origin,
      `a file of environment_files cannot override ${overridden.join(", ")}, as it could in systemd`,
    );
  done.add("Environment").add("EnvironmentFile");
}

function identity(service: Service): void {
  const { unit } = service;
  for (const [key, target] of [
    ["User", "user"],
    ["Group", "group"],
  ] as const) {
    const found = take(service, key);
    if (found) unit.carry(key, target, textOf(service, found.value), whereOf(found));
  }
  const dynamic = take(service, "DynamicUser");
  if (dynamic && toBoolean(dynamic.value))
    unit.drop("DynamicUser", whereOf(dynamic), "sup makes no users", 'create a user with `useradd --system`, and set "user"');
  const directory = take(service, "WorkingDirectory");
  if (directory) {
    const path = directory.value.replace(/^-/, "");
    if (path !== directory.value)
      unit.approximated(
        "WorkingDirectory",
        whereOf(directory),
        "the start fails if the directory is missing; systemd ignores that because of the -",
      );
    if (path === "~") unit.carry("WorkingDirectory", "working_directory", "~", whereOf(directory));
    else if (/^[/%]/.test(path)) unit.carry("WorkingDirectory", "working_directory", textOf(service, path), whereOf(directory));
    else unit.drop("WorkingDirectory", whereOf(directory), "systemd ignores it, because the path is not absolute");
  }
  const umask = take(service, "UMask");
  if (umask && /^[0-7]{1,4}$/.test(umask.value)) unit.carry("UMask", "umask", umask.value.padStart(3, "0").slice(-3), whereOf(umask));
  else if (umask) unit.drop("UMask", whereOf(umask), "the value is not octal");
  for (const [key, target] of [
    ["Nice", "nice"],
    ["OOMScoreAdjust", "oom_score_adj"],
  ] as const) {
    const found = take(service, key);
    if (found && /^[+-]?\d{1,4}$/.test(found.value)) unit.carry(key, target, Number(found.value), whereOf(found));
    else if (found) unit.drop(key, whereOf(found), "the value is not an integer");
  }
}

function limits(service: Service): void {
  const { unit } = service;
  for (const [key, [name, type]] of Object.entries(LIMITS)) {
    const found = take(service, key);
    if (!found) continue;
    const convert = type === "bytes" ? toBytes : type === "seconds" ? toSeconds : toCount;
    const [soft, hard = soft] = found.value.split(":").map((part) => convert(part.trim()));
    if (soft === null || hard === null || soft === undefined || hard === undefined) {
      unit.drop(key, whereOf(found), "the value is not a limit");
      continue;
    }
    const shown = [soft, hard].map((value) => (value === Infinity ? "unlimited" : Math.round(value)));
    unit.carry(key, `limits.${name}`, shown[0] === shown[1] ? shown[0] : { soft: shown[0], hard: shown[1] }, whereOf(found));
  }
  const memory = take(service, "MemoryMax") ?? take(service, "MemoryLimit");
  take(service, "MemoryLimit");
  resource(service, memory, "max_memory_mb", (text) => scaled(toBytes(text), 1 / (1024 * 1024)));
  resource(service, take(service, "CPUQuota"), "max_cpu_percent", (text) =>
    /^\d+(\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : null,
  );
  resource(service, take(service, "TasksMax"), "max_tasks", toCount);
}

const toCount = (text: string): number | null => (text === "infinity" ? Infinity : /^-?\d{1,15}$/.test(text) ? Number(text) : null);
const scaled = (value: number | null, factor: number): number | null => (value === null ? null : Math.round(value * factor * 1000) / 1000);

function resource({ unit }: Service, found: Assignment | undefined, key: string, convert: (text: string) => number | null): void {
  if (!found) return;
  const value = convert(found.value);
  if (value === Infinity) unit.carried(found.key, "no limit", whereOf(found));
  else if (value === null || value <= 0) unit.drop(found.key, whereOf(found), "sup needs an absolute value", `set resource_limits.${key}`);
  else {
    unit.set("resource_limits.action", "enforce");
    unit.carry(found.key, `resource_limits.${key}`, value, whereOf(found));
  }
}

function stopping(service: Service): void {
  const { unit } = service;
  const mode = take(service, "KillMode");
  const key = "graceful_shutdown.kill_mode";
  if (mode?.value === "mixed") unit.carry("KillMode", key, "mixed", whereOf(mode));
  else if (mode?.value === "process")
    unit.approximate("KillMode", key, "process", whereOf(mode), "what remains after the main process is killed; systemd leaves it running");
  else if (mode?.value === "none")
    unit.approximate("KillMode", key, "process", whereOf(mode), "sup ends the processes of a unit that stops");
  else if (mode) unit.carried("KillMode", "the default", whereOf(mode));
  const signal = take(service, "KillSignal");
  const number = signal && signalNumber(signal.value);
  if (number !== undefined && number !== 15) unit.carry("KillSignal", "graceful_shutdown.signal", signalName(number), whereOf(signal!));
  else if (signal) unit.carried("KillSignal", "graceful_shutdown.signal", whereOf(signal));
}

function output(service: Service): void {
  const { unit } = service;
  for (const key of ["StandardOutput", "StandardError"]) {
    const found = take(service, key);
    if (!found) continue;
    const value = found.value.replace(/\+console$/, "");
    if (["journal", "syslog", "kmsg", "inherit", "console"].includes(value))
      unit.carried(key, "sup logs both streams: `sup logs`", whereOf(found));
    else if (value === "null") unit.approximated(key, whereOf(found), "systemd discards this stream; sup logs it");
    else if (/^(file|append|truncate):/.test(value))
      unit.approximated(key, whereOf(found), "sup writes both streams to its own log file: `sup logs`", "change what reads the old file");
    else unit.drop(key, whereOf(found), `sup cannot connect the output to ${value}`);
  }
  const input = take(service, "StandardInput");
  if (input?.value === "null") unit.carried("StandardInput", "the input of every unit is /dev/null", whereOf(input));
  else if (input)
    unit.drop(
      "StandardInput",
      whereOf(input),
      "the input of a unit is /dev/null",
      '"tty": true gives it a terminal of its own, for `sup attach`',
    );
}

function directories(service: Service): void {
  const { unit, names, settings } = service;
  const user = settings.last("User")?.value;
  for (const [key, [below, variable]] of Object.entries(DIRECTORIES)) {
    const found = settings.all(key);
    service.done.add(key).add(`${key}Mode`);
    const base = names.isUser ? null : below;
    const paths = found.flatMap(({ value }) => value.split(/\s+/).map((name) => `${base}/${textOf(service, name.split(":")[0]!)}`));
    if (paths.length === 0) continue;
    if (base === null) {
      unit.drop(key, whereOf(found[0]!), "sup does not create directories of a user's service", "create them with pre_start");
      continue;
    }
    unit.environment.set(variable, paths.join(":"));
    const modeGiven = settings.last(`${key}Mode`);
    const mode = modeGiven?.value ?? "0755";
    if (modeGiven) unit.carried(`${key}Mode`, `see ${key}`, whereOf(modeGiven));
    if (user === undefined || user === "root") {
      unit.list("pre_start").unshift({ command: "mkdir", args: ["-p", "-m", mode, ...paths] });
      unit.carried(key, `pre_start, and the variable ${variable}`, whereOf(found[0]!));
    } else
      unit.drop(
        key,
        whereOf(found[0]!),
        `only root can create ${paths.join(", ")}, and the commands of the unit run as ${user}`,
        `install -d -m ${mode} -o ${user} ${paths.join(" ")}${below === "/run" ? ", at each boot, for example with tmpfiles.d" : ""}`,
      );
  }
}

function remaining(service: Service, key: string): void {
  const { unit, settings, done } = service;
  done.add(key);
  const found = settings.last(key)!;
  const sandbox = lookUp(SANDBOX, key);
  if (sandbox) return hardening(service, found, sandbox);
  const reason = reasonFor(key);
  if (reason !== null || !/^X-/.test(key)) unit.drop(key, whereOf(found), ...(reason ?? UNKNOWN_KEY));
}

/** Handles an empty assignment. It resets a list to its default, but for capabilities it removes all of them. */
function emptied(unit: UnitDraft, assignment: Assignment): void {
  const { key } = assignment;
  if (key === "CapabilityBoundingSet") unit.carryIfSupported(key, "sandbox.capabilities", [], whereOf(assignment), SANDBOX_ADVICE);
  else unit.carried(key, "empty, which is the default", whereOf(assignment));
}

const SANDBOX_ADVICE = "give the service a user of its own";

function hardening({ unit, settings }: Service, found: Assignment, [key, type]: (typeof SANDBOX)[string]): void {
  const values = settings.all(found.key).flatMap(({ value }) => value.split(/\s+/));
  const isOn = toBoolean(found.value) ?? true;
  if ((type === "boolean" || type === "network") && !isOn) return unit.carried(found.key, "off, which is the default", whereOf(found));
  const value = type === "boolean" ? true : type === "network" ? "none" : values.map((each) => each.replace(/^[-+~]/, ""));
  unit.carryIfSupported(found.key, `sandbox.${key}`, value, whereOf(found), SANDBOX_ADVICE);
}

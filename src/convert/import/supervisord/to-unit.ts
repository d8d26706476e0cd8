import { signalName } from "../../../base/signals.ts";
import { posix } from "../paths.ts";
import type { ImportDraft, UnitDraft } from "../draft.ts";
import type { Process } from "./programs.ts";
import { shellVariables } from "../shell-variables.ts";
import { bareMarkers, fromMarkers, hasMarker, markedNames, shownMarkers } from "./percent.ts";
import { splitCommand } from "./shlex.ts";
import { unknownKey } from "./unknown-key.ts";

/** Settings of `[supervisord]` that all programs inherit. */
export interface Daemon {
  environment: ReadonlyMap<string, string>;
  user: Inherited<string> | null;
  directory: Inherited<string> | null;
  umask: Inherited<string> | null;
  readonly limits: Record<string, Inherited<number>>;
}

interface Inherited<T> {
  readonly value: T;
  readonly field: string;
  readonly where: string;
}

interface Given {
  readonly daemon: Daemon;
  /** True if any program has a priority. Only in that case does the order matter, and the default (999) must be written. */
  readonly hasPriorities: boolean;
  readonly groups: ReadonlyMap<string, string>;
  readonly many: readonly Process[];
}

/** Turns a process of supervisord into a unit. */
export function toUnit(draft: ImportDraft, proc: Process, given: Given): void {
  const { section } = proc;
  const where = (option: string): string => `${section.file}:${section.options.get(option)?.line ?? section.line}`;
  const words = splitCommand(proc.command);
  if (!words.ok || words.value.length === 0) {
    const cut = section.options.get("command")?.cutInQuotes ?? false;
    const cause = words.ok ? "it is empty" : words.error;
    const why = cut ? `supervisord cuts it off at the comment sign (" ;" or " #") inside the quotes, and then finds: ${cause}` : cause;
    draft.refuse(
      where("command"),
      `supervisord cannot start [${section.name}]: command: ${why}`,
      cut ? 'move the part with ";" or "#" into a script' : null,
    );
    return;
  }
  const isUnique = given.many.filter(({ name }) => name === proc.name).length === 1;
  const name = bareMarkers(isUnique ? proc.name : `${proc.group}-${proc.name}`);
  const unit = draft.unit(proc.name, name, `${section.file} [${section.name}]`);
  // supervisorctl prints only the process name if the group has the same name.
  unit.processes.push(...proc.names.map((each) => (each === proc.group ? each : `${proc.group}:${each}`)));
  commandOf(unit, proc, words.value, where);
  surroundings(unit, proc, given.daemon, where);
  inherited(unit, words.value, proc, where("command"));
  restarts(unit, proc, where);
  stopping(unit, proc, where);
  logs(unit, proc, where);
  grouping(unit, proc, given, where);
  for (const option of section.options.keys()) remaining(unit, proc, option, where(option));
  for (const [option, value] of proc.unresolved) {
    unit.forget(option);
    unit.drop(option, where(option), `${value} reads supervisord's own environment, so the default is used`, "set the value in the unit");
  }
}

type Where = (option: string) => string;

function commandOf(unit: UnitDraft, proc: Process, words: readonly string[], where: Where): void {
  const [command, ...args] = words.map(fromMarkers);
  unit.set("command", command);
  if (args.length > 0) unit.set("args", args);
  unit.set("enabled", proc.autostart);
  if (proc.section.options.get("command")?.cutInQuotes)
    unit.approximated(
      "command",
      where("command"),
      "supervisord cuts the command off at a comment sign inside quotes; the unit has what is left",
      "check whether something is missing at the end",
    );
  else if (hasMarker(proc.command)) fromEnvironment(unit, "command", proc.command, where("command"));
  else unit.carried("command", args.length > 0 ? "command, args" : "command", where("command"));
  if (proc.section.options.has("autostart")) unit.carried("autostart", "enabled", where("autostart"));
}

/** Reports the variables that the script of `sh -c` finds in supervisord's environment, which a program of supervisord inherits. */
function inherited(unit: UnitDraft, [program = "", option = "", script = ""]: readonly string[], proc: Process, where: string): void {
  if (!/(^|\/)(ba|da|a|z|k)?sh$/.test(program) || !/^-\w*c$/.test(option)) return;
  const names = shellVariables(script, proc.environment);
  if (names.length === 0) return;
  unit.approximated(
    "command",
    where,
    `the script reads ${names.join(", ")} from its environment; a unit does not inherit the environment in which supervisord was started`,
    `set ${names.join(", ")} in "environment" or in a file of "environment_files"`,
  );
}

/** Reports a value that uses variables of supervisord's own environment. */
function fromEnvironment(unit: UnitDraft, option: string, text: string, where: string): void {
  const names = [...new Set(markedNames(text))];
  const variables = names.map((name) => `\${${name}}`).join(", ");
  unit.approximated(
    option,
    where,
    `${shownMarkers("%(ENV_…)s")} reads supervisord's own environment; the unit uses ${variables} of its own, as one word each`,
    `set ${names.join(", ")} in "environment" or in a file of "environment_files"`,
  );
}

function surroundings(unit: UnitDraft, proc: Process, daemon: Daemon, where: Where): void {
  const directory = proc.directory ?? daemon.directory?.value ?? null;
  if (directory !== null) {
    const place = proc.directory === null ? daemon.directory! : { field: "directory", where: where("directory") };
    workingDirectory(unit, directory, daemon.directory?.value ?? null, place);
  }
  environmentOf(unit, proc, where);
  const user = proc.user ?? (daemon.user?.value === "root" ? null : daemon.user?.value) ?? null;
  if (user !== null && hasMarker(user))
    unit.drop("user", where("user"), `${shownMarkers(user)} reads supervisord's own environment`, 'set "user" in the unit');
  else if (user !== null) {
    const place = proc.user === null ? daemon.user! : { field: "user", where: where("user") };
    unit.set("user", user.trim());
    unit.carried(place.field, "user; sup also sets HOME, USER and LOGNAME, which supervisord does not", place.where);
  }
  const umask = proc.umask ?? (daemon.umask === null ? null : Number.parseInt(daemon.umask.value, 8));
  if (umask !== null && Number.isInteger(umask)) {
    const place = proc.umask === null ? daemon.umask! : { field: "umask", where: where("umask") };
    unit.carry(place.field, "umask", umask.toString(8).padStart(3, "0"), place.where);
  }
  for (const [name, { value, field, where: place }] of Object.entries(daemon.limits))
    unit.approximate(field, `limits.${name}`, value, place, "supervisord only raises a lower limit; sup sets this limit");
}

function workingDirectory(unit: UnitDraft, directory: string, base: string | null, place: { field: string; where: string }): void {
  const text = fromMarkers(directory);
  if (/^(\/|~\/|~$|\$\{)/.test(text)) {
    unit.set("working_directory", text);
    if (hasMarker(directory)) fromEnvironment(unit, place.field, directory, place.where);
    else unit.carried(place.field, "working_directory", place.where);
  } else if (base?.startsWith("/")) unit.carry(place.field, "working_directory", fromMarkers(posix.join(base, directory)), place.where);
  else
    unit.drop(
      place.field,
      place.where,
      `${JSON.stringify(shownMarkers(directory))} is relative to the directory in which supervisord was started`,
      'set "working_directory" to the absolute path',
    );
}

function environmentOf(unit: UnitDraft, proc: Process, where: Where): void {
  for (const [name, value] of proc.environment) unit.environment.set(name, fromMarkers(value));
  const option = proc.section.options.get("environment");
  if (option === undefined) return;
  const place = where("environment");
  const damaged = damagedNames(option.value, proc.environment);
  if (option.cutInQuotes) damaged.push("the last variable");
  if (damaged.length > 0)
    unit.approximated(
      "environment",
      place,
      `supervisord's parser damages the value of ${damaged.join(", ")}; the unit has the damaged value, as the program got it so far`,
      "correct the value in the unit, or quote it in supervisord's file first",
    );
  const marked = [...proc.environment.values()].filter(hasMarker).join("");
  if (marked !== "") fromEnvironment(unit, "environment", marked, place);
  else if (damaged.length === 0) unit.carried("environment", "environment", place);
}

/** Returns the variables whose values are changed by supervisord's parser, compared with a plain reading of `NAME=value,NAME=value`. */
function damagedNames(text: string, parsed: ReadonlyMap<string, string>): string[] {
  const damaged = new Set<string>();
  for (const [, name, value] of text.matchAll(/(?:^|,)\s*([A-Za-z_]\w*)=(?!["'])([^,"'\n]*)/g)) {
    const plain = value!.trim();
    if (!plain.includes("%") && parsed.get(name!) !== plain) damaged.add(name!);
  }
  for (const name of parsed.keys()) if (!/^[A-Za-z_]\w*$/.test(name)) damaged.add(name);
  return [...damaged];
}

function restarts(unit: UnitDraft, proc: Process, where: Where): void {
  if (proc.autorestart === "never") unit.set("auto_restart", false);
  if (proc.autorestart === "always") unit.set("restart_on_exit", true);
  const key = { never: '"auto_restart": false', always: '"restart_on_exit": true', unexpected: "auto_restart, which is the default" };
  if (proc.section.options.has("autorestart")) unit.carried("autorestart", key[proc.autorestart], where("autorestart"));
  unit.set("restart_policy", { max_retries: Math.max(0, proc.startretries), reset_after: Math.max(0, proc.startsecs) });
  for (const option of ["startretries", "startsecs"]) {
    if (!proc.section.options.has(option)) continue;
    const key = option === "startsecs" ? "restart_policy.reset_after" : "restart_policy.max_retries";
    const how =
      option === "startsecs"
        ? "the retry counter resets after this time; the unit is running as soon as the program was executed"
        : "the delay doubles with each retry (1, 2, 4 s), where supervisord adds a second (1, 2, 3 s)";
    unit.approximated(
      option,
      where(option),
      `${key}: ${how}`,
      option === "startsecs" ? 'add a "health_check" if others depend on this unit' : null,
    );
  }
  if (proc.exitcodes.length === 0) {
    unit.approximate(
      "exitcodes",
      "restart_on_exit",
      true,
      where("exitcodes"),
      "no exit code is expected, so the unit restarts after every exit",
    );
  } else if (proc.exitcodes.join() !== "0") unit.set("success_exit_codes", [...new Set(proc.exitcodes)]);
  if (proc.section.options.has("exitcodes") && proc.exitcodes.length > 0)
    unit.carried("exitcodes", "success_exit_codes", where("exitcodes"));
}

function stopping(unit: UnitDraft, proc: Process, where: Where): void {
  const { options } = proc.section;
  if (proc.stopsignal !== 15) unit.set("graceful_shutdown.signal", signalName(proc.stopsignal));
  if (options.has("stopsignal")) unit.carried("stopsignal", "graceful_shutdown.signal", where("stopsignal"));
  if (proc.stopwaitsecs !== 10) unit.set("graceful_shutdown.timeout", Math.max(0, proc.stopwaitsecs));
  if (options.has("stopwaitsecs")) unit.carried("stopwaitsecs", "graceful_shutdown.timeout", where("stopwaitsecs"));
  if (!proc.stopasgroup) unit.set("graceful_shutdown.kill_mode", "mixed");
  if (options.has("stopasgroup")) unit.carried("stopasgroup", "graceful_shutdown.kill_mode", where("stopasgroup"));
  if (!options.has("killasgroup")) return;
  if (proc.killasgroup) unit.carried("killasgroup", "sup always ends the whole process tree", where("killasgroup"));
  else
    unit.approximated(
      "killasgroup",
      where("killasgroup"),
      "sup always ends the whole process tree; supervisord leaves the children of a killed process running",
    );
}

const MIB = 1024 * 1024;
const MAX_LOG_MB = 1_000_000;

function logs(unit: UnitDraft, proc: Process, where: Where): void {
  const { options } = proc.section;
  for (const stream of ["stdout", "stderr"] as const) {
    const { file, syslog, maxBytes } = proc[stream];
    const option = `${stream}_logfile`;
    if (options.has(option) && (stream === "stdout" || !proc.redirectStderr)) {
      const place = where(option);
      if (file === "auto") unit.carried(option, "sup logs both streams: `sup logs`", place);
      else if (file === null && !syslog)
        unit.approximated(
          option,
          place,
          "supervisord discards this stream; sup logs it",
          "redirect it to /dev/null in the command if it must not be kept",
        );
      else if (file !== null)
        unit.approximated(
          option,
          place,
          `sup writes both streams to its own log file instead of ${shownMarkers(file.path)}: see \`sup logs\``,
          isStream(file.path) ? null : "change what reads the old file",
        );
    } else if (options.has(option)) unit.carried(option, "redirect_stderr=true makes it useless", where(option));
    if (syslog)
      unit.drop(
        options.has(`${stream}_syslog`) ? `${stream}_syslog` : option,
        where(`${stream}_syslog`),
        "sup does not send logs to syslog",
        "let a log shipper read sup's log files",
      );
    if (options.has(`${stream}_logfile_maxbytes`))
      unit.carried(
        `${stream}_logfile_maxbytes`,
        maxBytes === 0 ? "log.max_size_mb: no rotation is not possible, so the limit is very high" : "log.max_size_mb",
        where(`${stream}_logfile_maxbytes`),
      );
    if (options.has(`${stream}_logfile_backups`)) unit.carried(`${stream}_logfile_backups`, "log.keep", where(`${stream}_logfile_backups`));
  }
  if (options.has("redirect_stderr")) unit.carried("redirect_stderr", "sup logs both streams in one file", where("redirect_stderr"));
  const kept = [proc.stdout, proc.stderr].filter(({ file }) => (typeof file === "object" ? file !== null && !isStream(file.path) : true));
  const own = kept.length > 0 ? kept : [proc.stdout];
  const isEndless = own.some(({ maxBytes }) => maxBytes === 0) && kept.length > 0;
  const size = Math.max(...own.map(({ maxBytes }) => maxBytes));
  if (kept.length === 0) return; // the streams of supervisord itself: sup's own defaults fit better than "no limit"
  unit.set("log.max_size_mb", isEndless ? MAX_LOG_MB : Math.min(MAX_LOG_MB, Math.max(0.001, Math.round((size / MIB) * 1000) / 1000)));
  unit.set("log.keep", Math.min(1000, Math.max(0, ...own.map(({ backups }) => backups))));
}

const isStream = (path: string): boolean => /^\/(dev|proc)\//.test(path);

function grouping(unit: UnitDraft, proc: Process, { hasPriorities, groups }: Given, where: Where): void {
  const { section } = proc;
  const program = section.name.slice(section.name.indexOf(":") + 1).trim();
  if (hasPriorities) unit.set("priority", proc.priority);
  if (section.options.has("priority")) unit.carried("priority", "priority: lower starts first, as in supervisord", where("priority"));
  const names = new Set<string>();
  if (groups.has(program)) names.add(groups.get(program)!);
  if (section.options.has("numprocs") && unit.name !== program) names.add(program);
  const valid = [...names].filter((name) => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name));
  if (valid.length > 0) unit.set("groups", valid);
  if (groups.has(program)) unit.carried("group", `groups: \`sup restart @${groups.get(program)}\``, `${section.file}:${section.line}`);
  if (proc.count > 1) unit.set("instances", proc.count);
  const how = proc.count > 1 ? `instances: the units are ${unit.name}@1 to ${unit.name}@${proc.count}` : "one unit for each process";
  for (const option of ["numprocs", "numprocs_start", "process_name"])
    if (section.options.has(option)) unit.carried(option, how, where(option));
}

const CARRIED: ReadonlySet<string> = new Set(
  "command process_name numprocs numprocs_start directory environment user umask priority autostart autorestart startsecs startretries exitcodes stopsignal stopwaitsecs stopasgroup killasgroup redirect_stderr stdout_logfile stdout_logfile_maxbytes stdout_logfile_backups stderr_logfile stderr_logfile_maxbytes stderr_logfile_backups".split(" "), // prettier-ignore
);

/** Reports the options that no other function reports. */
function remaining(unit: UnitDraft, proc: Process, option: string, where: string): void {
  if (CARRIED.has(option)) return;
  const value = proc.section.options.get(option)!.value.toLowerCase();
  const isOff = ["false", "no", "off", "0", "", "0kb", "0mb"].includes(value);
  if (/^std(out|err)_syslog$/.test(option)) {
    if (isOff) unit.carried(option, "sup does not send logs to syslog", where);
  } else if (/^std(out|err)_(capture_maxbytes|events_enabled)$/.test(option)) {
    if (isOff) unit.carried(option, "sup has no such events", where);
    else
      unit.drop(
        option,
        where,
        "sup has no events of a program's output",
        "followers read the log: `sup logs -f`, or GET /api/supervisor/services/NAME/logs",
      );
  } else if (option === "serverurl") unit.drop(option, where, "programs talk to sup through its socket, not with supervisord's XML-RPC");
  else unit.drop(option, where, unknownKey(option, CARRIED), "correct the key if it should have an effect");
}

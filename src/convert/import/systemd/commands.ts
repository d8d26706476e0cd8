import { signalName, signalNumber } from "../../../base/signals.ts";
import { readCommands, toArgv, type Argv, type Command } from "./exec.ts";
import { whereOf, type Assignment } from "./parse.ts";
import { take, type Service } from "./service-context.ts";

/** Imports `Type=` and the `Exec…=` keys. */
export function importCommands(service: Service): void {
  const type = importType(service);
  mainCommand(service, type);
  hooks(service, "ExecStartPre", "pre_start");
  reload(service);
  stop(service, type);
  hooks(service, "ExecStopPost", "post_stop");
  for (const { key, value, file, line } of service.settings.all("ExecStartPost"))
    service.unit.drop(
      key,
      `${file}:${line}`,
      `sup runs nothing after a start: ${shorten(value)}`,
      'use a "health_check" to wait until the service works, or a oneshot that depends on this unit',
    );
  for (const assignment of service.settings.all("ExecCondition")) {
    const commands = commandsOf(service, assignment);
    for (const { command, args } of commands)
      service.unit.carryIfSupported(
        "ExecCondition",
        "conditions",
        [...((service.unit.json.conditions ?? []) as unknown[]), { command, args }],
        whereOf(assignment),
        "check it in the command itself",
      );
  }
  service.done.add("ExecStartPost").add("ExecCondition");
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

function importType(service: Service): string {
  const { unit, settings } = service;
  const found = take(service, "Type");
  const type =
    found?.value ??
    (settings.last("BusName")
      ? "dbus"
      : settings.all("ExecStart").length === 0 && settings.all("ExecStop").length > 0
        ? "oneshot"
        : "simple");
  const where = found ? whereOf(found) : unit.origin;
  if (type === "oneshot") unit.set("type", "oneshot");
  if (type === "notify" || type === "notify-reload") unit.set("type", "notify");
  if (type === "forking")
    unit.approximated(
      "Type",
      where,
      "the unit is not enabled: sup runs programs in the foreground, and this one goes to the background",
      'add the option that keeps it in the foreground, such as --foreground, -D, or `daemon off;`, and then set "enabled": true',
    );
  else if (type === "dbus")
    unit.approximated("Type", where, "the unit is running as soon as the program was executed, not when it has its bus name");
  else if (found) unit.carried("Type", type === "idle" ? "simple: sup does not wait for other jobs" : "type", where);
  const remain = take(service, "RemainAfterExit");
  if (remain && /^(1|y|yes|t|true|on)$/i.test(remain.value)) {
    if (type === "oneshot") unit.carry("RemainAfterExit", "remain_after_exit", true, whereOf(remain));
    else
      unit.drop(
        "RemainAfterExit",
        whereOf(remain),
        "only a oneshot can stay running after its program has ended",
        'set "type": "oneshot" if the command runs to completion',
      );
  } else if (remain) unit.carried("RemainAfterExit", "the default", whereOf(remain));
  if (type === "notify-reload") unit.set("reload", { signal: signalOf(settings.last("ReloadSignal")?.value) ?? "SIGHUP" });
  const signal = take(service, "ReloadSignal");
  if (signal) unit.carried("ReloadSignal", type === "notify-reload" ? "reload.signal" : "without effect for this type", whereOf(signal));
  return type;
}

function mainCommand(service: Service, type: string): void {
  const { unit, settings, done } = service;
  done.add("ExecStart");
  const found = settings.all("ExecStart");
  const commands = found.flatMap((assignment) => commandsOf(service, assignment));
  const main = commands.at(-1);
  if (main === undefined) {
    // A oneshot without ExecStart only has commands for its stop.
    if (type === "oneshot" && found.length === 0) unit.json.command = "true";
    else if (found.length === 0) unit.drop("ExecStart", unit.origin, "the file has no ExecStart=");
    return;
  }
  const where = whereOf(found.at(-1)!);
  setMain(service, main, where);
  const before = commands.slice(0, -1);
  if (before.length === 0) return;
  unit.list("pre_start").push(...before.map((each) => hookOf(each)));
  unit.approximated(
    "ExecStart",
    whereOf(found[0]!),
    "the last command is the unit's command, and those before it are in pre_start",
    'mind that a command of "pre_start" has a timeout of 60 s, which "timeout" changes',
  );
}

function setMain({ unit }: Service, { command, args, shell, ignoresFailure }: Found, where: string): void {
  unit.json.command = command;
  if (args.length > 0) unit.json.args = args;
  if (shell !== null) {
    unit.json.shell = true;
    unit.approximated(
      "ExecStart",
      where,
      `a shell runs the command, because $${shell} may consist of several words; it splits them at white space and does not understand quotes in them`,
      'write the words into "args" if they do not change',
    );
  } else unit.carried("ExecStart", "command, args", where);
  if (ignoresFailure)
    unit.drop("ExecStart -", where, "sup does not treat every exit code as a success", 'list the codes in "success_exit_codes"');
}

interface Found extends Argv {
  readonly ignoresFailure: boolean;
}

/** Returns the commands of an assignment. Reports those that are not valid, and prefixes without a counterpart. */
function commandsOf(service: Service, assignment: Assignment): Found[] {
  const { unit, names, variables, unknown } = service;
  const where = whereOf(assignment);
  const commands = readCommands(assignment.value);
  if (!commands.ok) {
    unit.drop(assignment.key, where, `systemd ignores it: ${commands.error}`);
    return [];
  }
  return commands.value.flatMap((command: Command): Found[] => {
    const argv = toArgv(command, names, variables);
    if (!argv.ok) {
      unit.drop(assignment.key, where, `systemd ignores it: ${argv.error}`);
      return [];
    }
    for (const each of argv.value.unknown) unknown.add(each);
    const { prefixes } = command;
    if (prefixes.has("@")) unit.approximated(`${assignment.key} @`, where, "the program sees its own name as argv[0]");
    if (prefixes.has("+") || prefixes.has("!"))
      unit.approximated(
        `${assignment.key} ${prefixes.has("+") ? "+" : "!"}`,
        where,
        "the command runs as the unit's user, not as root",
        "move what needs root to another unit",
      );
    return [{ ...argv.value, ignoresFailure: prefixes.has("-") }];
  });
}

/** Returns a hook. If its failure should be ignored, a shell makes the hook succeed. */
function hookOf({ command, args, shell, ignoresFailure }: Found): Record<string, unknown> {
  if (shell !== null) {
    // The shell expands the variables, so sup must not.
    const line = command.replaceAll("${", () => "$${");
    return { command: "/bin/sh", args: ["-c", ignoresFailure ? `(${line}) || :` : line] };
  }
  if (ignoresFailure) return { command: "/bin/sh", args: ["-c", '"$@" || :', "sh", command, ...args] };
  return args.length > 0 ? { command, args } : { command };
}

function hooks(service: Service, key: string, target: "pre_start" | "post_stop"): void {
  const { unit, settings, done } = service;
  done.add(key);
  for (const assignment of settings.all(key)) {
    const commands = commandsOf(service, assignment);
    if (commands.length === 0) continue;
    unit.list(target).push(...commands.map(hookOf));
    unit.carried(key, target, whereOf(assignment));
  }
}

function reload(service: Service): void {
  const { unit, settings, done } = service;
  done.add("ExecReload");
  const found = settings.all("ExecReload");
  const commands = found.flatMap((assignment) => commandsOf(service, assignment));
  const last = commands.at(-1);
  if (last === undefined) return;
  const where = whereOf(found.at(-1)!);
  const signal = killedBy(last);
  const tests = commands.slice(0, -1);
  if (tests.length > 0)
    unit.approximated(
      "ExecReload",
      whereOf(found[0]!),
      "only the last command is used",
      "run the others by hand, or write a script that runs them all",
    );
  if (signal !== null && unit.json.type === "oneshot")
    return unit.drop("ExecReload", where, "no process of a oneshot runs after completion");
  if (signal !== null) unit.carry("ExecReload", "reload.signal", signal, where);
  else
    unit.carry(
      "ExecReload",
      "reload",
      last.shell === null && !last.ignoresFailure ? { command: last.command, args: last.args } : hookOf(last),
      where,
    );
}

/** Returns the signal if the command is `kill -SIGNAL $MAINPID` in one of its forms, otherwise null. */
function killedBy({ command, args, shell }: Argv): string | null {
  const words =
    shell === null
      ? [command, ...args]
      : command
          .replace("set -f; exec ", "")
          .split(" ")
          .map((word) => word.replaceAll('"', ""));
  if (!/(^|\/)kill$/.test(words[0] ?? "")) return null;
  const rest = words.slice(1).join(" ");
  const match = /^(?:(?:-s|--signal)[ =]?|-)?(\w*) ?(?:\$MAINPID|\$\{MAINPID(?::-)?\})$/.exec(rest);
  return match ? (match[1] === "" ? "SIGTERM" : signalOf(match[1])) : null;
}

function signalOf(text: string | undefined): string | null {
  const number = text === undefined ? undefined : signalNumber(text);
  return number === undefined ? null : signalName(number);
}

function stop(service: Service, type: string): void {
  const { unit, settings, done } = service;
  done.add("ExecStop");
  for (const assignment of settings.all("ExecStop")) {
    const where = whereOf(assignment);
    const commands = commandsOf(service, assignment);
    const signal = commands.length === 1 ? killedBy(commands[0]!) : null;
    if (signal !== null) unit.carry("ExecStop", "graceful_shutdown.signal", signal, where);
    else if (type === "oneshot" && commands.length > 0) {
      unit.list("post_stop").push(...commands.map(hookOf));
      unit.approximated("ExecStop", where, "post_stop: sup also runs it after a start that failed");
    } else if (commands.length > 0)
      unit.drop(
        "ExecStop",
        where,
        `sup stops a service with a signal, not with a command: ${shorten(assignment.value)}`,
        'find the signal that makes it stop, and set "graceful_shutdown": { "signal": … }',
      );
  }
}

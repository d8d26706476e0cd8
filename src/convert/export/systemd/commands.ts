import { err, ok, type Result } from "../../../base/result.ts";
import { signalName } from "../../../base/signals.ts";
import { posix } from "../../import/paths.ts";
import type { HookSpec } from "../../../spec/spec.ts";
import type { ServiceExport } from "./context.ts";
import { execWord } from "./quote.ts";
import type { Literal, Piece } from "../text.ts";

/** Writes `Type=` and the `Exec…=` lines. Returns why the unit cannot be exported, or null. */
export function exportCommands({ draft, lines, texts, workingDirectory }: ServiceExport): string | null {
  const { spec } = draft;
  const toLine = (command: string, args: readonly string[]): Result<string, string> => commandLine(command, args, texts, workingDirectory);
  lines.push(["Type", { simple: "exec", notify: "notify", oneshot: "oneshot" }[spec.type]]);
  draft.carried("type", "Type");
  if (spec.type === "notify" || spec.watchdogMs !== null) lines.push(["NotifyAccess", "all"]);
  if (spec.remainAfterExit) lines.push(["RemainAfterExit", "yes"]);
  draft.carried("remain_after_exit", "RemainAfterExit");

  for (const [key, hooks, name] of [
    ["pre_start", spec.preStart, "ExecStartPre"],
    ["post_stop", spec.postStop, "ExecStopPost"],
  ] as const) {
    const written = hooks.map(({ command, args }) => toLine(command, args));
    const failed = written.find((line) => !line.ok);
    if (failed && !failed.ok) return `${key}: ${failed.error}`;
    for (const line of written) if (line.ok) lines.push([name, line.value]);
    if (hooks.some(hasOwnTimeout))
      draft.approximated(
        key,
        `${name}: systemd has no timeout for one command; ${key === "pre_start" ? "TimeoutStartSec" : "TimeoutStopSec"} limits it`,
      );
    else draft.carried(key, name);
  }

  const main = spec.exec.shell ? shellLine(spec.exec.command, texts) : toLine(spec.exec.command, spec.exec.args);
  if (!main.ok) return `command: ${main.error}`;
  lines.push(["ExecStart", main.value]);
  if (spec.exec.command === "sup")
    draft.approximated("command", "ExecStart: systemd looks for sup in its own PATH", "write the absolute path of sup");
  else draft.carried("command", spec.exec.shell ? "ExecStart, with /bin/sh -c" : "ExecStart");
  draft.carried("args", "ExecStart");
  draft.carried("shell", "ExecStart");
  return reload({ draft, lines }, toLine);
}

const DEFAULT_HOOK_TIMEOUT_MS = 60_000;
const hasOwnTimeout = ({ timeoutMs }: HookSpec): boolean => timeoutMs !== DEFAULT_HOOK_TIMEOUT_MS;

function reload(
  { draft, lines }: Pick<ServiceExport, "draft" | "lines">,
  toLine: (command: string, args: readonly string[]) => Result<string, string>,
): string | null {
  const { reload: how } = draft.spec;
  if (how === null) return null;
  if (how.kind === "signal") lines.push(["ExecReload", `/bin/kill -s ${signalName(how.signal).replace(/^SIG/, "")} $MAINPID`]);
  else {
    const line = toLine(how.command, how.args);
    if (!line.ok) return `reload: ${line.error}`;
    lines.push(["ExecReload", line.value]);
    if (how.timeoutMs !== DEFAULT_HOOK_TIMEOUT_MS) draft.approximated("reload.timeout", "TimeoutStartSec limits the command");
  }
  draft.carried("reload", "ExecReload");
  return null;
}

/** The shell expands the variables, so systemd must not. */
function shellLine(script: string, texts: ServiceExport["texts"]): Result<string, string> {
  const word = texts.literal(script, { variables: false });
  return word.ok ? ok(`/bin/sh -c ${execWord(word.value)}`) : word;
}

export function commandLine(
  command: string,
  args: readonly string[],
  texts: ServiceExport["texts"],
  workingDirectory: string | null,
): Result<string, string> {
  const words: Array<readonly Piece[]> = [];
  for (const text of [command, ...args]) {
    const word = texts.withVariables(text);
    if (!word.ok) return err(word.error);
    words.push(word.value);
  }
  const [program, ...rest] = words;
  const literal = texts.literal(command);
  const path = literal.ok ? programPath(literal.value, { workingDirectory, hasOwnPath: texts.isSetAtRuntime("PATH") }) : null;
  // systemd does not accept a variable, or a name that starts with one of its prefixes, as the program. It accepts both as an
  // argument, so env(1) starts the program. env(1) treats a name that contains = as a variable. It treats a name that starts
  // with - as an option, unless -- precedes the name.
  if (path === null && command.includes("=")) return err(`systemd cannot start a program with the name ${JSON.stringify(command)}`);
  const env = command.startsWith("-") ? [["/usr/bin/env"], ["--"]] : [["/usr/bin/env"]];
  const line = path === null ? [...env, program!, ...rest] : [path, ...rest];
  return ok(line.map(execWord).join(" "));
}

interface Lookup {
  readonly workingDirectory: string | null;
  /** Whether the unit sets PATH, in which systemd does not look for programs. */
  readonly hasOwnPath: boolean;
}

/** Returns the program as systemd accepts it: an absolute path or a bare name. Null if it is neither. */
function programPath(program: Literal, { workingDirectory, hasOwnPath }: Lookup): Literal | null {
  const [first, ...rest] = program;
  if (typeof first !== "string" || /^[-@:+!|]/.test(first)) return null;
  if (first.startsWith("/")) return /(^|\/)\.{1,2}(\/|$)/.test(first) && rest.length === 0 ? [posix.join("/", first)] : program;
  if (rest.length === 0 && !first.includes("/")) return hasOwnPath ? null : program;
  return workingDirectory === null || rest.length > 0 ? null : [posix.join(workingDirectory, first)];
}

import { err, ok, type Result } from "../../../base/result.ts";
import { signalName } from "../../../base/signals.ts";
import { isSecret } from "../../import/secrets.ts";
import type { ExportDraft } from "../draft.ts";
import type { Piece, Texts } from "../text.ts";
import type { ExportOptions } from "../types.ts";
import { commandWord, environmentValue, plainValue } from "./quote.ts";

export interface Program {
  readonly text: string;
  readonly hasSecrets: boolean;
}

type Option = readonly [name: string, value: string | number | boolean];

/** Writes a `[program:x]` section. The error says why the unit cannot be exported. */
export function exportProgram(draft: ExportDraft, texts: Texts, options: ExportOptions): Result<Program, string> {
  const { spec } = draft;
  const environment = environmentOf(draft, texts, options);
  const command = commandOf(draft, texts, environment.throughEnv);
  if (!command.ok) return command;
  const isScheduled = spec.schedule !== null;
  const lines: Option[] = [["command", command.value], ...instances(draft)];
  lines.push(...place(draft, texts, options));
  if (environment.pairs.length > 0) lines.push(["environment", environment.pairs.join(",")]);
  lines.push(["autostart", spec.enabled && !isScheduled], ["priority", spec.priority]);
  draft.carried("enabled", "autostart");
  draft.carried("priority", "priority");
  lines.push(...restarts(draft), ...stopping(draft), ...logs(draft));
  if (texts.assumed.size > 0)
    draft.approximated("environment_files", `values of ${[...texts.assumed].join(", ")} are not known now, so the defaults are written`);
  const text = `[program:${spec.id}]\n${lines.map(([name, value]) => `${name}=${value}\n`).join("")}`;
  return ok({ text, hasSecrets: environment.hasSecrets });
}

interface Environment {
  readonly pairs: readonly string[];
  /** Variables that supervisord cannot set itself, so that env(1) sets them. */
  readonly throughEnv: ReadonlyArray<readonly Piece[]>;
  readonly hasSecrets: boolean;
}

function environmentOf(draft: ExportDraft, texts: Texts, { withSecrets }: ExportOptions): Environment {
  const { spec } = draft;
  const pairs: string[] = [];
  const throughEnv: Array<readonly Piece[]> = [];
  const outside: string[] = [];
  const hidden: string[] = [];
  let hasSecrets = false;
  if (spec.port !== null) pairs.push(`PORT="${hasOwnPorts(draft) ? "%(process_num)d" : spec.port}"`);
  if (spec.instances !== null && !hasOwnPorts(draft)) pairs.push('SUP_INSTANCE="%(process_num)d"');
  draft.carried("port", "environment: PORT");
  for (const [name, text] of Object.entries(spec.environment)) {
    const value = valueOf(text, texts, texts.environment.get(name)!);
    if (typeof value === "string") {
      draft.dropped(`environment ${name}`, value, "set the variable in the command", true);
      continue;
    }
    const secret = isSecret(name, value.map((piece) => (typeof piece === "string" ? piece : "")).join(""));
    const shown: readonly Piece[] = secret && !withSecrets ? [{ kind: "variable", name }] : value;
    if (secret && !withSecrets) hidden.push(name);
    else if (secret) hasSecrets = true;
    for (const piece of shown) if (typeof piece !== "string" && piece.kind === "variable") outside.push(piece.name);
    const written = /^[A-Za-z_]\w*$/.test(name) ? environmentValue(shown) : null;
    if (written !== null) pairs.push(`${name}=${written}`);
    else throughEnv.push([`${name}=`, ...shown]);
  }
  const notes = [
    ...(throughEnv.length > 0 ? ["env(1) sets variables whose values supervisord's syntax cannot express"] : []),
    ...(outside.length > 0 ? [`supervisord reads ${[...new Set(outside)].join(", ")} from its own environment`] : []),
  ];
  const todo = outside.length > 0 ? "set these variables where supervisord is started; without them it refuses the file" : null;
  if (notes.length > 0) draft.approximated("environment", notes.join("; "), hidden.length > 0 ? `${todo}, or use --with-secrets` : todo);
  else draft.carried("environment", "environment");
  return { pairs, throughEnv, hasSecrets };
}

/** Returns the value, or the reason why there is none. Parts that are unknown now become variables of supervisord's own environment. */
function valueOf(text: string, texts: Texts, known: Result<readonly Piece[], string>): readonly Piece[] | string {
  if (known.ok) return known.value;
  const outside = texts.withOutside(text);
  return outside.ok ? outside.value : outside.error;
}

const hasOwnPorts = ({ spec }: ExportDraft): boolean => spec.instances !== null && spec.port !== null && spec.sockets.length === 0;

function commandOf(draft: ExportDraft, texts: Texts, throughEnv: ReadonlyArray<readonly Piece[]>): Result<string, string> {
  const { exec } = draft.spec;
  // supervisord does not look for programs in the PATH of the unit, but env(1) does.
  const needsPath = Object.hasOwn(draft.spec.environment, "PATH") && !exec.shell && !exec.command.includes("/");
  const usesEnv = throughEnv.length > 0 || needsPath;
  if (usesEnv && !exec.shell && exec.command.includes("=")) return err("command: env(1) cannot start a program with = in its name");
  const words: Array<readonly Piece[]> = usesEnv ? [["/usr/bin/env"], ...(needsPath ? [["--"]] : []), ...throughEnv] : [];
  if (exec.shell) words.push(["/bin/sh"], ["-c"]);
  const outside = new Set<string>();
  for (const text of exec.shell ? [exec.command] : [exec.command, ...exec.args]) {
    const literal = texts.literal(text, { variables: !exec.shell });
    const word = literal.ok ? literal : texts.withOutside(text);
    if (!word.ok) return err(`command: ${word.error}`);
    for (const piece of word.value) if (typeof piece !== "string" && piece.kind === "variable") outside.add(piece.name);
    words.push(word.value);
  }
  const written = words.map(commandWord);
  if (written.includes(null)) return err("command: supervisord's configuration cannot contain a line break; move the text into a script");
  if (outside.size > 0)
    draft.approximated(
      "command",
      `command: supervisord reads ${[...outside].join(", ")} from its own environment`,
      "set these variables where supervisord is started; without them it refuses the file",
    );
  else if (exec.command === "sup") draft.approximated("command", "command: supervisord looks for sup in its PATH");
  else draft.carried("command", "command");
  draft.carried("args", "command");
  draft.carried("shell", "command, with /bin/sh -c");
  return ok(written.join(" "));
}

function instances(draft: ExportDraft): Option[] {
  const { instances: count, port } = draft.spec;
  if (count === null) return [];
  const first = hasOwnPorts(draft) ? port! : 1;
  if (hasOwnPorts(draft)) draft.approximated("instances", "numprocs: the number of a process is its port, and SUP_INSTANCE is not set");
  else draft.carriedInstances("numprocs");
  return [
    ["numprocs", count],
    ["numprocs_start", first],
    ["process_name", "%(program_name)s_%(process_num)d"],
  ];
}

function place(draft: ExportDraft, texts: Texts, options: ExportOptions): Option[] {
  const { exec, identity } = draft.spec;
  const lines: Option[] = [];
  if (exec.workingDirectory !== null) {
    const hasHome = identity.user === null || !exec.workingDirectory.startsWith("~");
    const literal = texts.literal(exec.workingDirectory.replace(/^~/, "%h"));
    const value = literal.ok && hasHome ? plainValue(literal.value) : null;
    if (value === null) draft.dropped("working_directory", "supervisord cannot express the path", "write the absolute path in directory=");
    else {
      lines.push(["directory", value]);
      draft.carried("working_directory", "directory");
    }
  } else if (options.isUser) lines.push(["directory", plainValue([options.home]) ?? "/"]);
  if (identity.user !== null) {
    lines.push(["user", identity.user.replaceAll("%", "%%")]);
    draft.approximated(
      "user",
      "user: supervisord does not set HOME, USER and LOGNAME",
      "set them in environment= if the program needs them",
    );
  }
  if (identity.umask !== null) lines.push(["umask", identity.umask.toString(8).padStart(3, "0")]);
  draft.carried("umask", "umask");
  return lines;
}

/**
 * supervisord has no endless retries. This number of retries lasts for years, because each delay is a second longer than the
 * one before.
 */
const ENDLESS = 100_000;

function restarts(draft: ExportDraft): Option[] {
  const { restart, type } = draft.spec;
  const isOneshot = type === "oneshot";
  const always = restart.restartOnExit && restart.autoRestart && !isOneshot;
  const autorestart = always ? "true" : restart.autoRestart ? "unexpected" : "false";
  if (restart.restartOnExit && !restart.autoRestart)
    draft.dropped("restart_on_exit", "supervisord cannot restart a program after clean exits only");
  else draft.carried("restart_on_exit", "autorestart");
  draft.carried("auto_restart", "autorestart");
  const retries = restart.maxRetries < 0 ? ENDLESS : restart.maxRetries;
  if (restart.maxRetries < 0)
    draft.approximated("restart_policy.max_retries", `startretries: ${ENDLESS}, because supervisord has no endless retries`);
  else draft.approximated("restart_policy.max_retries", "startretries: supervisord counts only exits within startsecs");
  const isReset = draft.isSet("restart_policy.reset_after") && !isOneshot;
  const startsecs = isOneshot ? 0 : isReset ? Math.max(1, Math.round(restart.resetAfterMs / 1000)) : 1;
  draft.approximated("restart_policy.reset_after", "startsecs: an earlier exit counts as a failed start, even a clean one");
  draft.approximated(
    "restart_policy.retry_delay",
    "supervisord waits 1 s before the first retry, and a second more before each further one",
  );
  const codes = [...new Set([...restart.successExitCodes, ...restart.noRestartExitCodes])];
  draft.carried("success_exit_codes", "exitcodes");
  draft.approximated("no_restart_exit_codes", "exitcodes: supervisord treats these codes as a success");
  return [
    ["autorestart", autorestart],
    ["startretries", retries],
    ["startsecs", startsecs],
    ["exitcodes", codes.join(",")],
  ];
}

function stopping(draft: ExportDraft): Option[] {
  const { stop } = draft.spec;
  const name = signalName(stop.graceful ? stop.signal : 9).replace(/^SIG/, "");
  const seconds = Math.ceil(stop.timeoutMs / 1000);
  draft.carried("graceful_shutdown.enabled", "stopsignal");
  draft.carried("graceful_shutdown.signal", "stopsignal");
  if (seconds * 1000 === stop.timeoutMs) draft.carried("graceful_shutdown.timeout", "stopwaitsecs");
  else draft.approximated("graceful_shutdown.timeout", `stopwaitsecs: ${seconds}, because it is an integer`);
  if (stop.killMode === "process")
    draft.approximated("graceful_shutdown.kill_mode", "killasgroup: processes that are left get SIGKILL after stopwaitsecs only");
  else draft.carried("graceful_shutdown.kill_mode", "stopasgroup, killasgroup");
  return [
    ["stopsignal", /^\w+$/.test(name) ? name : stop.signal],
    ["stopwaitsecs", seconds],
    ["stopasgroup", stop.killMode === "group"],
    ["killasgroup", true],
  ];
}

const MIB = 1024 * 1024;

function logs(draft: ExportDraft): Option[] {
  const { log } = draft.spec;
  draft.carried("log.max_size_mb", "stdout_logfile_maxbytes");
  draft.carried("log.keep", "stdout_logfile_backups");
  const size = log.maxSizeBytes % MIB === 0 ? `${log.maxSizeBytes / MIB}MB` : log.maxSizeBytes;
  return [
    ["redirect_stderr", true],
    ["stdout_logfile_maxbytes", size],
    ["stdout_logfile_backups", log.keep],
  ];
}

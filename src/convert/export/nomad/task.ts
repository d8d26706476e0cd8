import { err, ok, type Result } from "../../../base/result.ts";
import { signalName } from "../../../base/signals.ts";
import type { HookSpec } from "../../../spec/spec.ts";
import { hasInstance, plainText, type Piece } from "../text.ts";
import type { ExportOptions } from "../types.ts";
import { META, nanoseconds, runtimeText, usesMeta, type NomadExport, type Part } from "./context.ts";
import { exportEnvironment } from "./environment.ts";

export interface Tasks {
  readonly tasks: readonly Part[];
  readonly hasSecrets: boolean;
  readonly missing: readonly string[];
}

/** Returns the main task and the tasks that run before and after it, or the reason why the unit cannot be exported. */
export function exportTasks(given: NomadExport, options: ExportOptions): Result<Tasks, string> {
  const { draft, name, image } = given;
  const { spec } = draft;
  const environment = exportEnvironment(given, options);
  const words = commandOf(given);
  if (!words.ok) return words;
  const hooks = hooksOf(given);
  if (!hooks.ok) return hooks;
  const place = placeOf(given);
  const { templates } = environment;
  const taskOf = (name: string, words: readonly string[], more: Part): Part => {
    const needsMeta = [...words, ...Object.values(environment.env)].some(usesMeta);
    return {
      Name: name,
      Driver: image === null ? "raw_exec" : "docker",
      ...(place.user !== null && { User: place.user }),
      Config: { ...commandConfig(image, words), ...place.config },
      ...(Object.keys(environment.env).length > 0 && { Env: environment.env }),
      ...(needsMeta && { Meta: META }),
      ...(templates.length > 0 && { Templates: templates }),
      ...more,
    };
  };
  const main = taskOf(name, words.value, {
    ...stopping(given),
    ...resources(given),
    ...logs(given),
  });
  const ports = image !== null && spec.port !== null ? { ports: ["http"] } : {};
  const config = { ...(main.Config as Part), ...ports, ...containerOnly(given) };
  const others = hooks.value.map(({ name, words, hook }) => taskOf(name, words, { Lifecycle: { Hook: hook, Sidecar: false } }));
  return ok({ tasks: [...others, { ...main, Config: config }], hasSecrets: environment.hasSecrets, missing: environment.missing });
}

function commandConfig(image: string | null, [program = "", ...args]: readonly string[]): Part {
  if (image === null) return { command: program, ...(args.length > 0 && { args }) };
  // The entrypoint replaces the one of the image, which would otherwise get the command as its arguments.
  return { image, entrypoint: [program], ...(args.length > 0 && { args }) };
}

function commandOf(given: NomadExport): Result<string[], string> {
  const { draft, texts } = given;
  const { exec } = draft.spec;
  draft.carried("args", "args");
  draft.carried("shell", "command, with /bin/sh -c");
  if (exec.command === "sup") draft.approximated("command", "command: sup must be in the PATH of the task");
  else draft.carried("command", "command");
  if (exec.shell) {
    const line = texts.literal(exec.command, { variables: false });
    return line.ok ? ok(["/bin/sh", "-c", runtimeText(line.value)]) : err(`command: ${line.error}`);
  }
  const words = wordsOf(given, [exec.command, ...exec.args]);
  if (!words.ok) return err(`command: ${words.error}`);
  if (words.value.some(hasInstance)) draft.approximated("args", "args: Nomad numbers the allocations from 0, and sup from 1", null, true);
  return ok(words.value.map(runtimeText));
}

/** raw_exec runs absolute paths only, so env(1) looks for other programs in the PATH. */
function wordsOf({ texts, image }: NomadExport, list: readonly string[]): Result<ReadonlyArray<readonly Piece[]>, string> {
  const words: Array<readonly Piece[]> = [];
  for (const text of list) {
    const word = texts.withVariables(text);
    if (!word.ok) return word;
    words.push(word.value);
  }
  const [first] = words[0]!;
  const isPath = typeof first === "string" && first.startsWith("/");
  return ok(image !== null || isPath ? words : [["/usr/bin/env"], ...words]);
}

interface Hook {
  readonly name: string;
  readonly words: readonly string[];
  readonly hook: "prestart" | "poststop";
}

function hooksOf(given: NomadExport): Result<Hook[], string> {
  const { draft } = given;
  const { preStart, postStop } = draft.spec;
  const hooks: Hook[] = [];
  const add = (key: string, list: readonly HookSpec[], hook: Hook["hook"], how: string): string | null => {
    if (list.length === 0) return null;
    // Tasks with the same hook run at the same time, so one shell runs several commands in order.
    const all: Array<ReadonlyArray<readonly Piece[]>> = [];
    for (const { command, args } of list) {
      const words = wordsOf(given, [command, ...args]);
      if (!words.ok) return `${key}: ${words.error}`;
      all.push(words.value);
    }
    const [only] = all;
    const words =
      all.length === 1 ? only!.map(runtimeText) : ["/bin/sh", "-ec", all.map((each) => each.map(shellWord).join(" ")).join("\n")];
    hooks.push({ name: key.replace("_", "-"), words, hook });
    const limits = list.some(({ timeoutMs }) => timeoutMs !== DEFAULT_TIMEOUT_MS) ? "; Nomad has no timeout for them" : "";
    draft.approximated(key, `${how}${limits}`);
    return null;
  };
  const fault =
    add("pre_start", preStart, "prestart", "a prestart task: it runs once for an allocation, and not before each restart") ??
    add("post_stop", postStop, "poststop", "a poststop task: it runs once the allocation has ended, and not after each exit");
  return fault === null ? ok(hooks) : err(fault);
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** The shell expands the variables, because Nomad would not quote their values. */
function shellWord(pieces: readonly Piece[]): string {
  const text = pieces.map((piece) => {
    if (typeof piece !== "string") return `"$${piece.kind === "instance" ? "SUP_INSTANCE" : piece.name}"`;
    return /^[\w@%+=:,./-]+$/.test(piece) ? piece : `'${runtimeText([piece]).replaceAll("'", "'\\''")}'`;
  });
  return text.join("") || "''";
}

interface Place {
  readonly user: string | null;
  readonly config: Part;
}

function placeOf({ draft, texts, image }: NomadExport): Place {
  const { exec, identity } = draft.spec;
  const { user, group } = identity;
  const config: Record<string, unknown> = {};
  if (exec.workingDirectory !== null) {
    const value = exec.workingDirectory.startsWith("~") ? null : texts.literal(exec.workingDirectory);
    const path = value?.ok ? plainText(value.value) : null;
    if (path === null) draft.dropped("working_directory", "the path is not known now", "write the absolute path in work_dir");
    else {
      config.work_dir = runtimeText([path]);
      draft.carried("working_directory", image === null ? "work_dir" : "work_dir: the directory in the image");
    }
  }
  if (user === null) draft.dropped("group", "Nomad sets a group together with a user only", 'set "user" as well');
  else if (image === null) draft.dropped("group", "raw_exec uses the primary group of the user", null);
  else draft.carried("group", "user");
  if (user !== null && image === null)
    draft.approximated("user", "user: raw_exec needs a Nomad client that runs as root, and does not set HOME, USER and LOGNAME");
  else draft.carried("user", "user");
  return { user: user !== null && image !== null && group !== null ? `${user}:${group}` : user, config };
}

function stopping({ draft, image }: NomadExport): Part {
  const { stop } = draft.spec;
  for (const key of ["enabled", "signal"]) draft.carried(`graceful_shutdown.${key}`, "kill_signal");
  draft.carried("graceful_shutdown.timeout", "kill_timeout, which the client limits with max_kill_timeout");
  draft.approximated(
    "graceful_shutdown.kill_mode",
    image === null ? "Nomad decides which processes get the signal" : "the signal goes to the first process of the container",
  );
  return { KillSignal: signalName(stop.graceful ? stop.signal : 9), KillTimeout: nanoseconds(Math.max(1, stop.timeoutMs)) };
}

function resources({ draft, image }: NomadExport): Part {
  const { limits } = draft.spec;
  if (limits === null) return {};
  const { action, maxMemoryMb } = limits;
  for (const key of ["sustained", "warn_at"]) draft.dropped(`resource_limits.${key}`, "Nomad enforces a limit at once");
  draft.dropped(
    "resource_limits.max_cpu_percent",
    "Nomad counts CPU in MHz, and how many a core has depends on the machine",
    "set resources.cpu or resources.cores",
  );
  if (action === "warn") {
    draft.dropped(
      "resource_limits",
      "Nomad enforces limits and cannot only warn",
      'set "action": "enforce" and export again to enforce them',
    );
    return {};
  }
  if (action === "enforce") draft.carried("resource_limits.action", "resources");
  else draft.approximated("resource_limits.action", "the task is killed at its memory limit, and restarts");
  if (image === null) draft.dropped("resource_limits.max_tasks", "raw_exec does not limit processes", "use --image");
  else draft.carried("resource_limits.max_tasks", "pids_limit");
  if (maxMemoryMb === null) return {};
  const memory = Math.max(10, Math.ceil(maxMemoryMb));
  if (memory === maxMemoryMb) draft.carried("resource_limits.max_memory_mb", "resources.memory");
  else draft.approximated("resource_limits.max_memory_mb", `resources.memory: ${memory}, because Nomad counts whole MiB, and at least 10`);
  return { Resources: { MemoryMB: memory } };
}

/** Returns the settings that only the driver `docker` has. */
function containerOnly({ draft, image }: NomadExport): Part {
  const { identity, limits } = draft.spec;
  const entries = Object.entries(identity.limits);
  if (image === null) return {};
  draft.carried("limits", "ulimit");
  const ulimit = Object.fromEntries(entries.map(([name, { soft, hard }]) => [name, `${soft ?? -1}:${hard ?? -1}`]));
  const pids = limits !== null && limits.action !== "warn" ? limits.maxTasks : null;
  return { ...(entries.length > 0 && { ulimit: [ulimit] }), ...(pids !== null && { pids_limit: pids }) };
}

function logs({ draft }: NomadExport): Part {
  if (!draft.isSet("log.max_size_mb") && !draft.isSet("log.keep")) return {};
  const { maxSizeBytes, keep } = draft.spec.log;
  const size = Math.max(1, Math.ceil(maxSizeBytes / 1024 / 1024));
  draft.approximated("log.max_size_mb", `logs.max_file_size: ${size} MB for each of stdout and stderr`);
  draft.approximated("log.keep", "logs.max_files: as many for each of stdout and stderr");
  return { LogConfig: { MaxFiles: keep + 1, MaxFileSizeMB: size } };
}

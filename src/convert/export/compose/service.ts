import { signalName } from "../../../base/signals.ts";
import { parseListen } from "../../../spec/schema/listen.ts";
import { isSecret } from "../../import/secrets.ts";
import type { ExportDraft } from "../draft.ts";
import { plainText, type Texts } from "../text.ts";
import type { ExportOptions } from "../types.ts";
import { exportHealth } from "./health.ts";
import { literal, span } from "./literal.ts";

export interface ComposeService {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly hasSecrets: boolean;
  /** The names of secrets that compose must find in its own environment. */
  readonly missing: readonly string[];
}

/** Returns a service of compose, or the reason why the unit cannot be exported. */
export function exportService(draft: ExportDraft, texts: Texts, image: string, options: ExportOptions): ComposeService | string {
  const { spec } = draft;
  const words = commandOf(draft, texts);
  if (typeof words === "string") return words;
  const environment = environmentOf(draft, texts, options);
  const { settings } = environment;
  return {
    settings: {
      image,
      // The command replaces the entrypoint of the image, which would otherwise get the command as its arguments.
      entrypoint: words,
      command: [],
      ...place(draft, texts),
      ...settings,
      ...terminal(draft),
      ...ports(draft),
      ...restarts(draft),
      ...stopping(draft),
      ...limits(draft),
      ...exportHealth(draft, texts),
      ...deploy(draft),
      ...logging(draft),
      ...labels(draft),
      ...(spec.schedule !== null && { profiles: ["schedule"] }),
    },
    hasSecrets: environment.hasSecrets,
    missing: environment.missing,
  };
}

function terminal(draft: ExportDraft): Record<string, unknown> {
  draft.carried("tty", "tty, stdin_open: `docker attach` connects to it");
  return draft.spec.tty ? { tty: true, stdin_open: true } : {};
}

function commandOf(draft: ExportDraft, texts: Texts): string[] | string {
  const { exec, schedule } = draft.spec;
  const words = exec.shell ? ["/bin/sh", "-c"] : [];
  for (const text of exec.shell ? [exec.command] : [exec.command, ...exec.args]) {
    const value = texts.literal(text, { variables: !exec.shell });
    const word = value.ok ? plainText(value.value) : null;
    if (!value.ok) return `command: ${value.error}`;
    if (word === null) return "the containers of compose have no numbers, which the unit uses";
    words.push(literal(word));
  }
  for (const key of ["command", "args", "shell"]) draft.carried(key, "entrypoint");
  if (schedule !== null)
    draft.dropped(
      "schedule",
      "compose has no schedules, so the service has a profile and does not start by itself",
      "let cron run `docker compose run`",
    );
  else if (!draft.spec.enabled) draft.approximated("enabled", "`docker compose up` starts the service", "give the service a profile");
  else draft.carried("enabled", "`docker compose up` starts the service");
  if (draft.spec.type !== "notify") draft.carried("type", "restart");
  if (texts.assumed.size > 0)
    draft.approximated("environment_files", `values of ${[...texts.assumed].join(", ")} are not known now, so the defaults are written`);
  return words;
}

function environmentOf(draft: ExportDraft, texts: Texts, { withSecrets }: ExportOptions) {
  const { spec } = draft;
  const environment: Record<string, string> = {};
  const missing: string[] = [];
  let hasSecrets = false;
  if (spec.port !== null) environment.PORT = String(spec.port);
  for (const name of Object.keys(spec.environment)) {
    const value = texts.environment.get(name)!;
    const text = value.ok ? plainText(value.value) : null;
    if (text === null)
      draft.dropped(
        `environment ${name}`,
        value.ok ? "the containers of compose have no numbers" : value.error,
        "write the value by hand",
        true,
      );
    else if (!isSecret(name, text)) environment[name] = literal(text);
    else if (withSecrets) {
      environment[name] = literal(text);
      hasSecrets = true;
    } else if (/^[A-Za-z_]\w*$/.test(name)) {
      environment[name] = `\${${name}:?}`;
      missing.push(name);
    } else
      draft.dropped(
        `environment ${name}`,
        "compose cannot read a variable with this name from its environment",
        "use --with-secrets",
        true,
      );
  }
  if (missing.length > 0)
    draft.approximated(
      "environment",
      `compose reads ${missing.join(", ")} from its own environment or .env`,
      "set them, or use --with-secrets",
    );
  else draft.carried("environment", "environment");
  const files: unknown[] = [];
  for (const { path, optional } of spec.environmentFiles) {
    const value = path.startsWith("~") ? null : texts.literal(path);
    const text = value?.ok ? plainText(value.value) : null;
    if (text === null) draft.dropped("environment_files", `the path ${path} is not known now`, "write the absolute path in env_file");
    else files.push({ path: literal(text), required: !optional });
  }
  if (files.length > 0) draft.approximated("environment_files", "env_file: compose expands variables in the files");
  return {
    settings: { ...(Object.keys(environment).length > 0 && { environment }), ...(files.length > 0 && { env_file: files }) },
    hasSecrets,
    missing,
  };
}

function place(draft: ExportDraft, texts: Texts): Record<string, unknown> {
  const { exec, identity } = draft.spec;
  const settings: Record<string, unknown> = {};
  if (exec.workingDirectory !== null) {
    const value = exec.workingDirectory.startsWith("~") ? null : texts.literal(exec.workingDirectory);
    const path = value?.ok ? plainText(value.value) : null;
    if (path === null) draft.dropped("working_directory", "the path is not known now", "write the path in working_dir");
    else settings.working_dir = literal(path);
    if (path !== null) draft.carried("working_directory", "working_dir: the directory in the image");
  }
  const { user, group } = identity;
  if (user !== null) settings.user = literal(group === null ? user : `${user}:${group}`);
  else if (group !== null) draft.dropped("group", "compose sets a group together with a user only", 'set "user" as well');
  if (user !== null) draft.approximated("user", "user: a name is one of the image", "use a number if the image does not have the user");
  if (user !== null) draft.carried("group", "user");
  return settings;
}

function ports(draft: ExportDraft): Record<string, unknown> {
  const { port, sockets, instances } = draft.spec;
  const published = new Map<number, string>(port === null ? [] : [[port, `${port}:${port}`]]);
  for (const { listen } of sockets) {
    const address = parseListen(listen);
    if (!address.ok || address.value.family === "unix") continue;
    const host = listen.slice(0, listen.lastIndexOf(":")).replace("localhost", "127.0.0.1");
    const { port: number } = address.value;
    published.set(number, host === "*" ? `${number}:${number}` : `${host}:${number}:${number}`);
  }
  if (sockets.length > 0)
    draft.dropped(
      "sockets",
      "compose passes no sockets to a container; their ports are published",
      "let the program listen on 0.0.0.0 by itself",
    );
  if (published.size === 0) return {};
  if ((instances ?? 1) > 1) {
    draft.approximated("port", "expose: several containers cannot publish the same port", "put a proxy in front of the service");
    return { expose: [...published.keys()].map(String) };
  }
  draft.carried("port", "ports: the program must listen on 0.0.0.0 in the container");
  return { ports: [...published.values()] };
}

function restarts(draft: ExportDraft): Record<string, unknown> {
  const { restart, type } = draft.spec;
  const always = restart.restartOnExit && type !== "oneshot";
  if (!restart.autoRestart) {
    if (always) draft.dropped("restart_on_exit", "Docker cannot restart a container after clean exits only");
    draft.carried("auto_restart", "restart");
    return { restart: "no" };
  }
  draft.carried("auto_restart", "restart");
  draft.carried("restart_on_exit", "restart");
  if (always) return { restart: "unless-stopped" };
  draft.carried("restart_policy.max_retries", "restart: on-failure");
  return { restart: restart.maxRetries > 0 ? `on-failure:${restart.maxRetries}` : restart.maxRetries < 0 ? "on-failure" : "no" };
}

function stopping(draft: ExportDraft): Record<string, unknown> {
  const { stop } = draft.spec;
  const signal = stop.graceful ? signalName(stop.signal) : "SIGKILL";
  for (const key of ["enabled", "signal", "timeout"]) draft.carried(`graceful_shutdown.${key}`, "stop_signal, stop_grace_period");
  draft.approximated("graceful_shutdown.kill_mode", "the signal goes to the first process of the container, and SIGKILL to all");
  return { stop_grace_period: span(stop.timeoutMs), ...(signal !== "SIGTERM" && { stop_signal: signal }), init: true };
}

function limits(draft: ExportDraft): Record<string, unknown> {
  const { limits: given, oomScoreAdj } = draft.spec.identity;
  const ulimits = Object.entries(given).map(([name, { soft, hard }]) => [name, { soft: soft ?? -1, hard: hard ?? -1 }]);
  draft.carried("limits", "ulimits");
  draft.carried("oom_score_adj", "oom_score_adj");
  return {
    ...(ulimits.length > 0 && { ulimits: Object.fromEntries(ulimits) as unknown }),
    ...(oomScoreAdj !== null && { oom_score_adj: oomScoreAdj }),
  };
}

function deploy(draft: ExportDraft): Record<string, unknown> {
  const { instances, limits: given } = draft.spec;
  const replicas = instances === null ? {} : { replicas: instances };
  draft.carriedInstances("deploy.replicas");
  for (const key of ["sustained", "warn_at"]) draft.dropped(`resource_limits.${key}`, "Docker enforces a limit at once");
  if (given?.action === "warn")
    draft.dropped(
      "resource_limits",
      "Docker enforces limits and cannot only warn",
      'set "action": "enforce" and export again to enforce them',
    );
  else draft.carried("resource_limits", "deploy.resources.limits");
  const { maxMemoryMb = null, maxCpuPercent = null, maxTasks = null } = given === null || given.action === "warn" ? {} : given;
  const values = {
    ...(maxMemoryMb !== null && { memory: String(Math.ceil(maxMemoryMb * 1024 * 1024)) }),
    ...(maxCpuPercent !== null && { cpus: String(Math.max(0.001, Math.round(maxCpuPercent * 10) / 1000)) }),
    ...(maxTasks !== null && { pids: maxTasks }),
  };
  const settings = { ...replicas, ...(Object.keys(values).length > 0 && { resources: { limits: values } }) };
  return Object.keys(settings).length === 0 ? {} : { deploy: settings };
}

function logging(draft: ExportDraft): Record<string, unknown> {
  if (!draft.isSet("log.max_size_mb") && !draft.isSet("log.keep")) return {};
  const { maxSizeBytes, keep } = draft.spec.log;
  draft.carried("log.max_size_mb", "logging: max-size");
  draft.carried("log.keep", "logging: max-file");
  return { logging: { driver: "json-file", options: { "max-size": String(maxSizeBytes), "max-file": String(keep + 1) } } };
}

function labels(draft: ExportDraft): Record<string, unknown> {
  const { labels: given, description } = draft.spec;
  const all = { ...(description !== "" && { description }), ...given };
  draft.carried("labels", "labels");
  draft.carried("description", "a label");
  const escaped = Object.entries(all).map(([name, value]) => [literal(name), literal(value)]);
  return escaped.length === 0 ? {} : { labels: Object.fromEntries(escaped) as unknown };
}

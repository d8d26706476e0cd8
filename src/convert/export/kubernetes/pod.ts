import { err, ok, type Result } from "../../../base/result.ts";
import { parseListen } from "../../../spec/schema/listen.ts";
import { isSecret } from "../../import/secrets.ts";
import { hasInstance, plainText, type Piece } from "../text.ts";
import { expandable, type Manifest, type PodExport } from "./context.ts";
import { exportProbes, seconds } from "./probes.ts";

export interface Pod {
  readonly spec: Manifest;
  /** The data of the ConfigMap and of the Secret. */
  readonly config: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
  /** True if the pods need numbers, which only a StatefulSet provides. */
  readonly hasNumbers: boolean;
}

/** Returns the specification of the pods, or says why the unit cannot be exported. */
export function exportPod(given: PodExport): Result<Pod, string> {
  const { draft, texts, name, image } = given;
  const { spec } = draft;
  const environment = environmentOf(given);
  const command = commandOf(given);
  if (!command.ok) return command;
  const ports = portsOf(given);
  const workingDir = workingDirectory(given);
  const base = {
    image,
    ...(workingDir !== null && { workingDir }),
    ...(Object.keys(environment.config).length > 0 && { envFrom: [{ configMapRef: { name } }] }),
    ...(environment.env.length > 0 && { env: environment.env }),
  };
  const init: Manifest[] = [];
  for (const [index, hook] of spec.preStart.entries()) {
    const words = wordsOf(given, [hook.command, ...hook.args]);
    if (!words.ok) return err(`pre_start: ${words.error}`);
    init.push({ name: `pre-start-${index + 1}`, ...base, command: words.value.map(expandable) });
  }
  if (init.length > 0)
    draft.approximated(
      "pre_start",
      "initContainers: they share the image but not the files of the container",
      "use a volume for files that they write",
    );
  const container = {
    name,
    ...base,
    command: command.value.map(expandable),
    ...(spec.tty && { tty: true, stdin: true }),
    ...(ports.length > 0 && { ports: ports.map((containerPort) => ({ containerPort })) }),
    ...resources(given),
    ...exportProbes(given),
  };
  stopping(given);
  draft.carried("tty", "tty, stdin: `kubectl attach -it` connects to it");
  if (texts.assumed.size > 0)
    draft.approximated("environment_files", `values of ${[...texts.assumed].join(", ")} are not known now, so the defaults are written`);
  const grace = spec.stop.graceful ? seconds(spec.stop.timeoutMs) : 0;
  return ok({
    spec: {
      ...(init.length > 0 && { initContainers: init }),
      containers: [container],
      terminationGracePeriodSeconds: grace,
      ...securityContext(given),
    },
    config: environment.config,
    secrets: environment.secrets,
    ports,
    hasNumbers: environment.hasNumbers || command.value.some(hasInstance),
  });
}

function commandOf(given: PodExport): Result<ReadonlyArray<readonly Piece[]>, string> {
  const { draft, texts } = given;
  const { exec } = draft.spec;
  draft.carried("command", exec.shell ? "command, with /bin/sh -c" : "command");
  draft.carried("args", "command");
  draft.carried("shell", "command");
  if (exec.command === "sup") draft.approximated("command", "command: the image must contain sup");
  if (exec.shell) {
    const line = texts.literal(exec.command, { variables: false });
    return line.ok ? ok([["/bin/sh"], ["-c"], line.value]) : err(`command: ${line.error}`);
  }
  const words = wordsOf(given, [exec.command, ...exec.args]);
  return words.ok ? words : err(`command: ${words.error}`);
}

function wordsOf({ texts }: PodExport, list: readonly string[]): Result<ReadonlyArray<readonly Piece[]>, string> {
  const words: Array<readonly Piece[]> = [];
  for (const text of list) {
    const word = texts.withVariables(text);
    if (!word.ok) return word;
    words.push(word.value);
  }
  return ok(words);
}

interface Environment {
  readonly config: Record<string, string>;
  readonly secrets: Record<string, string>;
  readonly env: Manifest[];
  readonly hasNumbers: boolean;
}

function environmentOf({ draft, texts, name: object }: PodExport): Environment {
  const { spec } = draft;
  const config: Record<string, string> = {};
  const secrets: Record<string, string> = {};
  const env: Manifest[] = [];
  let hasNumbers = false;
  if (spec.port !== null) config.PORT = String(spec.port);
  draft.carried("port", "the variable PORT, containerPort, and a Service");
  for (const name of Object.keys(spec.environment)) {
    const value = texts.environment.get(name)!;
    if (!/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name))
      draft.dropped(`environment ${name}`, "Kubernetes does not accept the name of the variable", null, true);
    else if (!value.ok) draft.dropped(`environment ${name}`, value.error, "write the value in the ConfigMap", true);
    else {
      const text = plainText(value.value);
      if (text === null) {
        hasNumbers = true;
        env.push({ name, value: expandable(value.value) });
      } else if (isSecret(name, text)) {
        secrets[name] = text;
        env.push({ name, valueFrom: { secretKeyRef: { name: object, key: name } } });
      } else config[name] = text;
    }
  }
  draft.carried("environment", Object.keys(secrets).length > 0 ? "a ConfigMap, and a Secret" : "a ConfigMap");
  return { config, secrets, env, hasNumbers };
}

function workingDirectory({ draft, texts }: PodExport): string | null {
  const { workingDirectory: text } = draft.spec.exec;
  if (text === null) return null;
  const literal = text.startsWith("~") ? null : texts.literal(text);
  const path = literal?.ok ? plainText(literal.value) : null;
  if (path !== null) {
    draft.carried("working_directory", "workingDir: the directory in the image");
    return path;
  }
  draft.dropped("working_directory", "the path is not known now", "write the path in workingDir");
  return null;
}

/** Ports that other pods can reach: the unit's own, and those of its sockets. */
function portsOf({ draft }: PodExport): number[] {
  const { port, sockets } = draft.spec;
  const ports = new Set(port === null ? [] : [port]);
  for (const { listen } of sockets) {
    const address = parseListen(listen);
    if (address.ok && address.value.family !== "unix") ports.add(address.value.port);
  }
  if (sockets.length > 0)
    draft.dropped(
      "sockets",
      "Kubernetes passes no sockets to a container; the Service has their ports",
      "let the program listen by itself",
    );
  return [...ports];
}

function resources({ draft }: PodExport): Manifest {
  const { limits } = draft.spec;
  if (limits === null) return {};
  for (const key of ["sustained", "warn_at"]) draft.dropped(`resource_limits.${key}`, "Kubernetes enforces a limit at once");
  draft.dropped("resource_limits.max_tasks", "the kubelet limits the processes of all pods", "see podPidsLimit of the kubelet");
  if (limits.action === "warn") {
    draft.dropped(
      "resource_limits",
      "Kubernetes enforces limits and cannot only warn",
      'set "action": "enforce" and export again to enforce them',
    );
    return {};
  }
  if (limits.action === "restart")
    draft.approximated("resource_limits.action", "the container is killed at its memory limit, and slowed down at its CPU limit");
  else draft.carried("resource_limits.action", "Kubernetes enforces limits");
  draft.carried("resource_limits.max_memory_mb", "resources.limits.memory");
  draft.carried("resource_limits.max_cpu_percent", "resources.limits.cpu");
  const { maxMemoryMb, maxCpuPercent } = limits;
  const values = {
    ...(maxMemoryMb !== null && {
      memory: Number.isInteger(maxMemoryMb) ? `${maxMemoryMb}Mi` : String(Math.ceil(maxMemoryMb * 1024 * 1024)),
    }),
    ...(maxCpuPercent !== null && { cpu: `${Math.max(1, Math.round(maxCpuPercent * 10))}m` }),
  };
  return Object.keys(values).length === 0 ? {} : { resources: { limits: values } };
}

function securityContext({ draft }: PodExport): Manifest {
  const { user, group } = draft.spec.identity;
  const context: Record<string, number> = {};
  for (const [key, value, name] of [
    ["user", user, "runAsUser"],
    ["group", group, "runAsGroup"],
  ] as const) {
    if (value === null) continue;
    if (/^\d{1,9}$/.test(value)) {
      context[name] = Number(value);
      draft.carried(key, `securityContext.${name}`);
    } else
      draft.dropped(
        key,
        `Kubernetes needs a number, and the image decides which number ${value} has`,
        `set ${name} in securityContext, or USER in the image`,
      );
  }
  return Object.keys(context).length === 0 ? {} : { securityContext: context };
}

function stopping({ draft }: PodExport): void {
  const { stop } = draft.spec;
  draft.carried("graceful_shutdown.timeout", "terminationGracePeriodSeconds");
  draft.carried("graceful_shutdown.enabled", "terminationGracePeriodSeconds");
  if (stop.signal === 15) draft.carried("graceful_shutdown.signal", "SIGTERM is the default");
  else draft.dropped("graceful_shutdown.signal", "the image decides which signal stops a container", "set STOPSIGNAL in the image");
  draft.approximated("graceful_shutdown.kill_mode", "the signal goes to the first process of the container, and SIGKILL to all");
}

import { DAY_MS } from "../../base/duration.ts";
import { stripSuffix, unitOfService } from "../../base/names.ts";
import { parseTextPattern } from "../../base/pattern.ts";
import { signalNumber } from "../../base/signals.ts";
import { PATH_CONDITIONS } from "../../base/words.ts";
import type { HttpFile, ProbeFile } from "../schema/health.ts";
import type * as spec from "../spec.ts";
import { START_TIMEOUT, type UnitFile } from "../schema/unit.ts";

/** Converts a unit file to a Spec, in which times are in milliseconds, signals are numbers, and all defaults are filled in. */
export function toSpec(unit: UnitFile, id: string, file: string): spec.Spec {
  const startTimeout = unit.start_timeout ?? (unit.type === "oneshot" ? null : START_TIMEOUT);
  return {
    id,
    service: id,
    instance: null,
    instances: typeof unit.instances === "object" ? (unit.instances.start ?? unit.instances.min) : (unit.instances ?? null),
    scaling: scaling(unit),
    name: unit.name ?? id,
    description: unit.description,
    file,
    enabled: unit.enabled,
    priority: unit.priority,
    critical: unit.critical,
    groups: unit.groups,
    labels: unit.labels,
    type: unit.type,
    remainAfterExit: unit.remain_after_exit,
    exec: { command: unit.command, args: unit.args, shell: unit.shell, workingDirectory: unit.working_directory ?? null },
    conditions: unit.conditions.map(startCondition),
    preStart: unit.pre_start.map(hook),
    preRestart: unit.pre_restart.map(hook),
    postStop: unit.post_stop.map(hook),
    environment: unit.environment,
    environmentFiles: unit.environment_files.map(environmentFile),
    identity: identity(unit),
    tty: unit.tty,
    port: unit.port ?? null,
    sockets: (unit.sockets ?? []).map((socket) => ({ name: socket.name, listen: socket.listen, reusePort: socket.reuse_port })),
    readyLog: unit.ready_log === undefined ? null : parseTextPattern(unit.ready_log),
    failLog: unit.fail_log === undefined ? null : parseTextPattern(unit.fail_log),
    startTimeoutMs: startTimeout === null ? null : ms(startTimeout),
    stop: stop(unit),
    restart: restartPolicy(unit),
    onFatal: unit.on_fatal,
    reload: reload(unit),
    dependencies: dependencySpecs(unit),
    check: check(unit),
    watchdogMs: unit.watchdog === undefined ? null : ms(unit.watchdog),
    limits: limits(unit),
    log: log(unit),
    schedule: schedule(unit),
    watch: unit.watch ? { paths: unit.watch.paths, ignore: unit.watch.ignore, debounceMs: ms(unit.watch.debounce) } : null,
    notify: unit.notify ?? null,
    rolling: rolling(unit),
  };
}

export const dependencySpecs = (unit: UnitFile): spec.DependencySpec[] => unit.dependencies.map(dependency);

/**
 * Returns the Spec of an instance of a template. Only its names differ from the template, because specifiers are expanded at
 * each start.
 */
export function instanceSpec(template: spec.Spec, instance: string): spec.Spec {
  const id = template.id + instance;
  return { ...template, id, service: id, name: template.name === template.id ? id : template.name };
}

/**
 * Returns the Spec of one unit of a service with `instances`: its names, and its own port. A service with `sockets` has one
 * listener that all units share, so its units have the same port.
 */
export function specOfUnit(service: spec.Spec, number: number): spec.Spec {
  const id = unitOfService(service.id, number);
  const port = service.port === null || service.sockets.length > 0 ? service.port : service.port + number - 1;
  return { ...service, id, service: service.id, instance: number, port, name: service.name === service.id ? id : service.name };
}

const ms = (seconds: number): number => Math.round(seconds * 1000);

const hook = (file: UnitFile["pre_start"][number]): spec.HookSpec => ({
  command: file.command,
  args: file.args,
  timeoutMs: ms(file.timeout),
});

function startCondition(file: UnitFile["conditions"][number]): spec.StartCondition {
  const { command, not } = file;
  if (command !== undefined) return { kind: "command", not, ...hook({ command, args: file.args, timeout: file.timeout }) };
  const kind = PATH_CONDITIONS.find((one) => file[one] !== undefined)!;
  return { kind, path: file[kind]!, not };
}

const environmentFile = (text: string): spec.EnvironmentFile => ({ path: text.replace(/^-/, ""), optional: text.startsWith("-") });

function identity(unit: UnitFile): spec.IdentitySpec {
  const limits: Record<string, { soft: number | null; hard: number | null }> = {};
  for (const [name, limit] of Object.entries(unit.limits ?? {})) {
    if (limit === undefined) continue;
    const { soft, hard } = typeof limit === "object" ? limit : { soft: limit, hard: limit };
    limits[name] = { soft: soft === "unlimited" ? null : soft, hard: hard === "unlimited" ? null : hard };
  }
  return {
    user: unit.user ?? null,
    group: unit.group ?? null,
    umask: unit.umask === undefined ? null : Number.parseInt(unit.umask, 8),
    nice: unit.nice ?? null,
    oomScoreAdj: unit.oom_score_adj ?? null,
    limits,
  };
}

function stop({ graceful_shutdown: file }: UnitFile): spec.StopSpec {
  return { graceful: file.enabled, timeoutMs: ms(file.timeout), signal: signalNumber(file.signal)!, killMode: file.kill_mode };
}

function restartPolicy(unit: UnitFile): spec.RestartPolicy {
  const file = unit.restart_policy;
  return {
    autoRestart: unit.auto_restart,
    restartOnExit: unit.restart_on_exit,
    successExitCodes: unit.success_exit_codes,
    noRestartExitCodes: unit.no_restart_exit_codes,
    maxRetries: file.max_retries,
    retryDelayMs: ms(file.retry_delay),
    backoffMultiplier: file.backoff_multiplier,
    maxBackoffMs: ms(file.max_backoff),
    jitter: file.jitter,
    resetAfterMs: ms(file.reset_after),
    fatalRetryAfterMs: file.fatal_retry_after === undefined ? null : ms(file.fatal_retry_after),
  };
}

function reload({ reload: file }: UnitFile): spec.ReloadSpec | null {
  if (!file) return null;
  if (file.signal !== undefined) return { kind: "signal", signal: signalNumber(file.signal)! };
  return { kind: "command", command: file.command!, args: file.args, timeoutMs: ms(file.timeout) };
}

function dependency(file: UnitFile["dependencies"][number]): spec.DependencySpec {
  if (typeof file === "string") return { unit: stripSuffix(file), condition: null, required: true, restart: false, quorum: null };
  const { unit, condition = null, required, restart, quorum = null } = file;
  return { unit: stripSuffix(unit), condition, required, restart, quorum };
}

function check(unit: UnitFile): spec.CheckSpec | null {
  const file = unit.health_check;
  if (!file) return null;
  return {
    probe: probe(file),
    fallback: file.fallback_check ? withFallbacks(file.fallback_check) : null,
    intervalMs: ms(file.interval),
    startPeriodMs: ms(file.start_period),
    startIntervalMs: ms(file.start_interval),
    failureThreshold: file.failure_threshold,
    successThreshold: file.success_threshold,
    action: file.action,
  };
}

/** Converts a fallback probe. It holds its own fallback, unlike the primary probe, whose fallback is in `CheckSpec.fallback`. */
function withFallbacks(file: ProbeFile): spec.ProbeSpec {
  return file.fallback_check ? { ...probe(file), fallback: withFallbacks(file.fallback_check) } : probe(file);
}

function probe(file: ProbeFile): spec.ProbeSpec {
  const timeoutMs = ms(file.timeout);
  switch (file.type) {
    case "http":
      return http(file, timeoutMs);
    case "tcp":
      return { type: "tcp", timeoutMs, host: file.host, port: String(file.port ?? "${PORT}") };
    case "process":
      return { type: "process", timeoutMs };
    case "exec":
      return { type: "exec", timeoutMs, command: file.command, args: file.args };
  }
}

function http(file: HttpFile, timeoutMs: number): spec.HttpProbe {
  const statuses = file.expected_status === undefined ? ["200-399"] : [file.expected_status].flat();
  const content = file.expected_content;
  return {
    type: "http",
    timeoutMs,
    endpoint: file.endpoint,
    method: file.method,
    headers: file.headers,
    expectedStatus: statuses.map(statusRange),
    expectedContent: content === undefined ? null : parseTextPattern(content),
    insecureTls: file.insecure_tls,
  };
}

/** Converts an expected status to a range. The possible forms are `200`, `"2xx"` and `"200-299"`. */
export function statusRange(status: number | string): readonly [number, number] {
  const text = String(status);
  if (text.endsWith("xx")) return [Number(text[0]) * 100, Number(text[0]) * 100 + 99];
  const [from, to = from] = text.split("-").map(Number) as [number, number?];
  return [from, to];
}

function limits({ resource_limits: file }: UnitFile): spec.LimitSpec | null {
  if (!file) return null;
  return {
    maxMemoryMb: file.max_memory_mb ?? null,
    maxCpuPercent: file.max_cpu_percent ?? null,
    maxTasks: file.max_tasks ?? null,
    sustained: file.sustained,
    warnAt: file.warn_at,
    action: file.action,
  };
}

function log({ log: file }: UnitFile): spec.LogSpec {
  return {
    format: file.format,
    maxSizeBytes: Math.round(file.max_size_mb * 1024 * 1024),
    keep: file.keep,
    maxAgeMs: file.max_age_days === undefined ? null : file.max_age_days * DAY_MS,
    compress: file.compress === true ? "zstd" : file.compress,
    group: file.group ?? null,
    rateLimit: file.rate_limit === undefined ? null : { bytesPerSecond: file.rate_limit },
  };
}

function schedule({ schedule: file }: UnitFile): spec.ScheduleSpec | null {
  if (!file) return null;
  return {
    cron: file.cron ?? null,
    timezone: file.timezone ?? null,
    everyMs: file.every === undefined ? null : ms(file.every),
    catchUp: file.catch_up,
    overlap: file.overlap,
  };
}

function scaling({ instances: file }: UnitFile): spec.ScalingSpec | null {
  if (typeof file !== "object") return null;
  const { min, max, metric, target, metrics, tolerance, up_after, down_after } = file;
  return {
    ...{ min, max, tolerance, upAfterMs: ms(up_after), downAfterMs: ms(down_after) },
    metrics: metrics ?? (metric === undefined || target === undefined ? [] : [{ metric, target }]),
    maxStepUp: file.max_step_up === undefined ? { count: 4, percent: 100 } : stepLimit(file.max_step_up),
    maxStepDown: file.max_step_down === undefined ? { count: 0, percent: 100 } : stepLimit(file.max_step_down),
  };
}

const stepLimit = (value: number | string): spec.StepLimit =>
  typeof value === "number" ? { count: value, percent: 0 } : { count: 0, percent: Number.parseFloat(value) };

function rolling({ rolling: file }: UnitFile): spec.RollingSpec | null {
  if (!file) return null;
  return {
    maxSurge: amount(file.max_surge),
    maxUnavailable: amount(file.max_unavailable),
    minHealthyMs: ms(file.min_healthy_time),
    progressDeadlineMs: ms(file.progress_deadline),
    order: file.order,
    canary: file.canary,
    autoRevert: file.auto_revert,
    drain: file.drain === undefined ? null : { signal: signalNumber(file.drain.signal)!, timeoutMs: ms(file.drain.timeout) },
  };
}

const amount = (value: number | string): spec.Amount =>
  typeof value === "number" ? { count: value, percent: null } : { count: 0, percent: Number.parseFloat(value) };

import type { TextPattern } from "../base/pattern.ts";
import type { Condition, KillMode, OnFatal, PathConditionKind, UnitType } from "../base/words.ts";

/**
 * A unit that is ready to run: the content of its unit file after drop-ins, template and defaults are applied. Times are in
 * milliseconds; names are in camel case. The strings of `exec`, `environment`, `check` and the hooks still contain specifiers
 * (`%n`) and `${VAR}`. They are expanded at each start, because environment files are read again at each start.
 */
export interface Spec {
  /** Id of the unit. */
  readonly id: string;
  /** Name of the service that the unit belongs to; the same as `id` for a plain unit. */
  readonly service: string;
  /** The number of this unit in a service with `instances`, from 1; null for any other unit. */
  readonly instance: number | null;
  /** The number of units that the file asks for (`instances`); null if the file does not have the key. */
  readonly instances: number | null;
  /** How sup scales the service itself, or null if only the file and `sup scale` decide the number of units. */
  readonly scaling: ScalingSpec | null;
  readonly name: string;
  readonly description: string;
  /** Absolute path of the main file, or "" for a transient unit. */
  readonly file: string;
  readonly enabled: boolean;
  readonly priority: number;
  readonly critical: boolean;
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly type: UnitType;
  readonly remainAfterExit: boolean;
  readonly exec: ExecSpec;
  /** All must be met, otherwise a start is skipped. */
  readonly conditions: readonly StartCondition[];
  readonly preStart: readonly HookSpec[];
  readonly preRestart: readonly HookSpec[];
  readonly postStop: readonly HookSpec[];
  readonly environment: Readonly<Record<string, string>>;
  readonly environmentFiles: readonly EnvironmentFile[];
  readonly identity: IdentitySpec;
  /** True if the main process gets a terminal. */
  readonly tty: boolean;
  readonly port: number | null;
  readonly sockets: readonly SocketSpec[];
  /** The line of output that makes the unit ready. Null if something else decides that. */
  readonly readyLog: TextPattern | null;
  /** The line of output after which the run has failed. */
  readonly failLog: TextPattern | null;
  /** Time limit for a start, or null for no limit, which is the default of a oneshot. */
  readonly startTimeoutMs: number | null;
  readonly stop: StopSpec;
  readonly restart: RestartPolicy;
  readonly onFatal: OnFatal;
  readonly reload: ReloadSpec | null;
  readonly dependencies: readonly DependencySpec[];
  readonly check: CheckSpec | null;
  /** The service must send WATCHDOG=1 at least this often. Null if there is no watchdog. */
  readonly watchdogMs: number | null;
  readonly limits: LimitSpec | null;
  readonly log: LogSpec;
  readonly schedule: ScheduleSpec | null;
  readonly watch: WatchSpec | null;
  readonly notify: readonly string[] | null;
  /** How a rolling restart proceeds, or null if the file does not say. */
  readonly rolling: RollingSpec | null;
}

/** A number of units, or a percentage of the units of a service. */
export type Amount = { readonly count: number; readonly percent: null } | { readonly count: 0; readonly percent: number };

export interface RollingSpec {
  readonly maxSurge: Amount;
  readonly maxUnavailable: Amount;
  readonly minHealthyMs: number;
  readonly progressDeadlineMs: number;
  readonly order: "newest-last" | "newest-first";
  /** How a unit is told to finish its requests before it is stopped. Null if it is stopped at once. */
  /** How many new units to start before the rollout waits for a decision; 0 if it does not wait. */
  readonly canary: number;
  readonly autoRevert: boolean;
  readonly drain: { readonly signal: number; readonly timeoutMs: number } | null;
}

/** Automatic scaling, by the rules of Kubernetes' HorizontalPodAutoscaler (HPA). */
export interface ScalingSpec {
  readonly min: number;
  readonly max: number;
  readonly metrics: readonly ScalingMetric[];
  readonly tolerance: number;
  readonly upAfterMs: number;
  readonly downAfterMs: number;
  readonly maxStepUp: StepLimit;
  readonly maxStepDown: StepLimit;
}

export interface ScalingMetric {
  /** `cpu`, `memory`, `response_time`, `connections`, or the name of a number that units post. */
  readonly metric: string;
  /** Mean per unit. */
  readonly target: number;
}

/** How much the number of units may change in 15 seconds. The larger of the two limits applies. */
export interface StepLimit {
  readonly count: number;
  readonly percent: number;
}

export interface ExecSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** If true, `/bin/sh -c` runs `command`. */
  readonly shell: boolean;
  readonly workingDirectory: string | null;
}

export interface HookSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
}

export type StartCondition = PathCondition | CommandCondition;

export interface PathCondition {
  readonly kind: PathConditionKind;
  readonly path: string;
  /** If true, the condition is met when the requirement is not. */
  readonly not: boolean;
}

/** Met if the command exits with code 0. */
export interface CommandCondition extends HookSpec {
  readonly kind: "command";
  readonly not: boolean;
}

export interface EnvironmentFile {
  readonly path: string;
  readonly optional: boolean;
}

/** User, priorities and limits of a process, which are set before exec. A field is null if the process keeps the daemon's value. */
export interface IdentitySpec {
  readonly user: string | null;
  readonly group: string | null;
  readonly umask: number | null;
  readonly nice: number | null;
  readonly oomScoreAdj: number | null;
  /** Limits by the name of the rlimit, in lower case and without RLIMIT_. Null means unlimited. */
  readonly limits: Readonly<Record<string, { readonly soft: number | null; readonly hard: number | null }>>;
}

export interface SocketSpec {
  readonly name: string;
  readonly listen: string;
  readonly reusePort: boolean;
}

export interface StopSpec {
  /** If false, a stop sends SIGKILL immediately. */
  readonly graceful: boolean;
  readonly timeoutMs: number;
  readonly signal: number;
  readonly killMode: KillMode;
}

export interface RestartPolicy {
  readonly autoRestart: boolean;
  readonly restartOnExit: boolean;
  readonly successExitCodes: readonly number[];
  readonly noRestartExitCodes: readonly number[];
  /** Maximum number of retries; -1 means no maximum. */
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly backoffMultiplier: number;
  readonly maxBackoffMs: number;
  /** Fraction of the delay, from 0 to 1. The delay is randomised uniformly by up to this fraction in both directions. */
  readonly jitter: number;
  readonly resetAfterMs: number;
  readonly fatalRetryAfterMs: number | null;
}

export type ReloadSpec =
  | { readonly kind: "signal"; readonly signal: number }
  | { readonly kind: "command"; readonly command: string; readonly args: readonly string[]; readonly timeoutMs: number };

export interface DependencySpec {
  /** Name of a service, or id of one unit of a service that has several. */
  readonly unit: string;
  /** The condition that the dependency must meet. Null means `succeeded` for a oneshot and `ready` for other types. */
  readonly condition: Condition | null;
  readonly required: boolean;
  readonly restart: boolean;
  /** How many units of the service must meet the condition. Null means all that are wanted. */
  readonly quorum: number | null;
}

export interface CheckSpec {
  readonly probe: ProbeSpec;
  /** The probe to run when the primary probe fails. If it passes, the unit is `degraded`. */
  readonly fallback: ProbeSpec | null;
  readonly intervalMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
  readonly action: "restart" | "none";
}

export type ProbeSpec = HttpProbe | TcpProbe | ProcessProbe | ExecProbe;

interface ProbeBase {
  readonly timeoutMs: number;
  /** The probe to run when this one fails. It may have a fallback itself. */
  readonly fallback?: ProbeSpec;
}

export interface HttpProbe extends ProbeBase {
  readonly type: "http";
  /** The URL to request: `http://…`, `https://…` or `unix:/path.sock:/url-path`. */
  readonly endpoint: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Inclusive ranges of accepted status codes. */
  readonly expectedStatus: ReadonlyArray<readonly [from: number, to: number]>;
  readonly expectedContent: TextPattern | null;
  readonly insecureTls: boolean;
}

export interface TcpProbe extends ProbeBase {
  readonly type: "tcp";
  readonly host: string;
  /** The port: digits, or a string with variables such as `${PORT}`. */
  readonly port: string;
}

export interface ProcessProbe extends ProbeBase {
  readonly type: "process";
}

export interface ExecProbe extends ProbeBase {
  readonly type: "exec";
  readonly command: string;
  readonly args: readonly string[];
}

export interface LimitSpec {
  readonly maxMemoryMb: number | null;
  readonly maxCpuPercent: number | null;
  readonly maxTasks: number | null;
  readonly sustained: number;
  readonly warnAt: number;
  readonly action: "warn" | "restart" | "enforce";
}

/** How rotated files are compressed. */
export type Compression = "zstd" | "gzip";

export interface LogSpec {
  readonly format: "cri" | "raw";
  readonly maxSizeBytes: number;
  readonly keep: number;
  readonly maxAgeMs: number | null;
  readonly compress: Compression | false;
  /** Name or id of the group that may read the files. Null if only the daemon's user may. */
  readonly group: string | null;
  /** Maximum rate in bytes per second, with a burst of the same size. Null means unlimited. */
  readonly rateLimit: { readonly bytesPerSecond: number } | null;
}

export interface ScheduleSpec {
  readonly cron: string | null;
  readonly timezone: string | null;
  readonly everyMs: number | null;
  readonly catchUp: boolean;
  readonly overlap: "skip" | "queue" | "kill";
}

export interface WatchSpec {
  readonly paths: readonly string[];
  readonly ignore: readonly string[];
  readonly debounceMs: number;
}

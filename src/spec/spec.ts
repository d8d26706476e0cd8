import type { Condition, KillMode, UnitType } from "../base/words.ts";

/**
 * What a unit is, ready to run: the unit file after drop-ins, template and defaults. Times are in milliseconds, names in
 * camel case. Strings of `exec`, `environment`, `check` and `log` still hold specifiers (`%n`) and `${VAR}`: they are
 * expanded at each start, because environment files are read again then.
 */
export interface Spec {
  /** Of the unit: what runs. */
  readonly id: string;
  /** Name of the service that the unit belongs to; the same as `id` for a plain unit. */
  readonly service: string;
  readonly name: string;
  readonly description: string;
  /** Absolute path of the main file; "" for a transient unit. */
  readonly file: string;
  readonly enabled: boolean;
  readonly priority: number;
  readonly critical: boolean;
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly type: UnitType;
  readonly remainAfterExit: boolean;
  readonly exec: ExecSpec;
  readonly preStart: readonly HookSpec[];
  readonly postStop: readonly HookSpec[];
  readonly environment: Readonly<Record<string, string>>;
  readonly environmentFiles: readonly EnvironmentFile[];
  readonly identity: IdentitySpec;
  readonly port: number | null;
  readonly sockets: readonly SocketSpec[];
  /** Null: no limit (a oneshot whose file sets none). */
  readonly startTimeoutMs: number | null;
  readonly stop: StopSpec;
  readonly restart: RestartPolicy;
  readonly reload: ReloadSpec | null;
  readonly dependencies: readonly DependencySpec[];
  readonly check: CheckSpec | null;
  /** WATCHDOG=1 is owed within each of these periods; null: never. */
  readonly watchdogMs: number | null;
  readonly limits: LimitSpec | null;
  readonly log: LogSpec;
  readonly schedule: ScheduleSpec | null;
  readonly watch: WatchSpec | null;
  readonly notify: readonly string[] | null;
}

export interface ExecSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** Run `command` by `/bin/sh -c`. */
  readonly shell: boolean;
  readonly workingDirectory: string | null;
}

export interface HookSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
}

export interface EnvironmentFile {
  readonly path: string;
  readonly optional: boolean;
}

/** Whom the process runs as and what it may use, set before exec. Null: as the daemon has it. */
export interface IdentitySpec {
  readonly user: string | null;
  readonly group: string | null;
  readonly umask: number | null;
  readonly nice: number | null;
  readonly oomScoreAdj: number | null;
  /** rlimit by its name without RLIMIT_ in lower case; null is unlimited. */
  readonly limits: Readonly<Record<string, { readonly soft: number | null; readonly hard: number | null }>>;
}

export interface SocketSpec {
  readonly name: string;
  readonly listen: string;
  readonly reusePort: boolean;
}

export interface StopSpec {
  /** False: SIGKILL at once. */
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
  /** -1: never give up. */
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly backoffMultiplier: number;
  readonly maxBackoffMs: number;
  /** Fraction of the delay, 0 to 1: the delay is spread evenly over ± this. */
  readonly jitter: number;
  readonly resetAfterMs: number;
  readonly fatalRetryAfterMs: number | null;
}

export type ReloadSpec =
  | { readonly kind: "signal"; readonly signal: number }
  | { readonly kind: "command"; readonly command: string; readonly args: readonly string[]; readonly timeoutMs: number };

export interface DependencySpec {
  /** Name of a service, or of one unit of a service of several. */
  readonly unit: string;
  /** Null: `succeeded` for a oneshot, `ready` for the rest. */
  readonly condition: Condition | null;
  readonly required: boolean;
  readonly restart: boolean;
  /** How many units of the service must meet the condition; null: all that are wanted. */
  readonly quorum: number | null;
}

export interface CheckSpec {
  readonly probe: ProbeSpec;
  /** Tried when the primary fails; passing makes the unit `degraded`. */
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
  /** Tried when this one fails (a fallback may have its own). */
  readonly fallback?: ProbeSpec;
}

export interface HttpProbe extends ProbeBase {
  readonly type: "http";
  /** `http://…`, `https://…` or `unix:/path.sock:/url-path`. */
  readonly endpoint: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Inclusive ranges of accepted status codes. */
  readonly expectedStatus: ReadonlyArray<readonly [from: number, to: number]>;
  readonly expectedContent: { readonly kind: "text" | "regex"; readonly text: string } | null;
  readonly insecureTls: boolean;
}

export interface TcpProbe extends ProbeBase {
  readonly type: "tcp";
  readonly host: string;
  /** A number, or a text with `${PORT}`. */
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

/** How rotated files are made smaller. */
export type Compression = "zstd" | "gzip";

export interface LogSpec {
  readonly format: "cri" | "raw";
  readonly maxSizeBytes: number;
  readonly keep: number;
  readonly maxAgeMs: number | null;
  readonly compress: Compression | false;
  /** Bytes a second, with a burst of the same size; null is unlimited. */
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

import type { Exit } from "../../src/base/exit.ts";
import { SIGNALS } from "../../src/base/signals.ts";
import type { ProcessRef } from "../../src/ports/processes.ts";
import type { CheckSpec, DependencySpec, HookSpec, RestartPolicy, Spec, StopSpec } from "../../src/spec/spec.ts";

/** Specs as the loader makes them, with the defaults of the unit file and only what a test is about written out. */
export interface SpecParts extends Partial<Omit<Spec, "restart" | "stop" | "check" | "dependencies">> {
  readonly restart?: Partial<RestartPolicy>;
  readonly stop?: Partial<StopSpec>;
  readonly check?: Partial<CheckSpec> | null;
  readonly dependencies?: ReadonlyArray<string | (Partial<DependencySpec> & { readonly unit: string })>;
}

export function makeSpec(id: string, parts: SpecParts = {}): Spec {
  const { restart, stop, check, dependencies, ...rest } = parts;
  return {
    ...BARE,
    id,
    service: id,
    name: id,
    file: `/units/${id}.unit.json`,
    startTimeoutMs: parts.type === "oneshot" ? null : 60_000,
    ...rest,
    restart: { ...POLICY, ...restart },
    stop: { ...STOP, ...stop },
    check: check ? { ...CHECK, ...check } : null,
    dependencies: (dependencies ?? []).map((dependency) => ({
      condition: null,
      required: true,
      restart: false,
      quorum: null,
      ...(typeof dependency === "string" ? { unit: dependency } : dependency),
    })),
  };
}

/** The restart policy's defaults (SPEC, section 4). */
export const POLICY: RestartPolicy = {
  autoRestart: true,
  restartOnExit: false,
  successExitCodes: [0],
  noRestartExitCodes: [],
  maxRetries: 5,
  retryDelayMs: 1000,
  backoffMultiplier: 2,
  maxBackoffMs: 300_000,
  jitter: 0,
  resetAfterMs: 60_000,
  fatalRetryAfterMs: null,
};

const STOP: StopSpec = { graceful: true, timeoutMs: 10_000, signal: SIGNALS.SIGTERM, killMode: "group" };

/** The health check's defaults (SPEC, section 5). */
export const CHECK: CheckSpec = {
  probe: { type: "tcp", host: "localhost", port: "1", timeoutMs: 5000 },
  fallback: null,
  intervalMs: 30_000,
  startPeriodMs: 0,
  startIntervalMs: 1000,
  failureThreshold: 3,
  successThreshold: 1,
  action: "restart",
};

const BARE: Spec = {
  id: "",
  service: "",
  instance: null,
  instances: null,
  scaling: null,
  name: "",
  description: "",
  file: "",
  enabled: false,
  priority: 100,
  critical: false,
  groups: [],
  labels: {},
  type: "simple",
  remainAfterExit: false,
  exec: { command: "serve", args: [], shell: false, workingDirectory: null },
  conditions: [],
  preStart: [],
  preRestart: [],
  postStop: [],
  environment: {},
  environmentFiles: [],
  identity: { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} },
  tty: false,
  port: null,
  sockets: [],
  readyLog: null,
  failLog: null,
  startTimeoutMs: 60_000,
  stop: STOP,
  restart: POLICY,
  onFatal: "nothing",
  reload: null,
  dependencies: [],
  check: null,
  watchdogMs: null,
  limits: null,
  log: { format: "cri", maxSizeBytes: 10_485_760, keep: 5, maxAgeMs: null, compress: "zstd", group: null, rateLimit: null },
  schedule: null,
  watch: null,
  notify: null,
  rolling: null,
};

export const hook = (timeoutMs = 60_000): HookSpec => ({ command: "hook", args: [], timeoutMs });

export const code = (value: number): Exit => ({ kind: "code", code: value });
export const killedBy = (signal: number): Exit => ({ kind: "signal", signal, core: false });

export const ref = (pid: number): ProcessRef => ({ pid, startTicks: pid * 10, bootId: "boot" });

import { describe, expect, test } from "bun:test";
import { policyWords, retriesOf, timeToFatalMs } from "../../../src/core/explain/policy.ts";
import type { ProbeSpec } from "../../../src/spec/spec.ts";
import { makeSpec, type SpecParts } from "../fixtures.ts";

const policy = (parts: SpecParts["restart"]) => makeSpec("web", { restart: parts ?? {} }).restart;
const delays = (parts: SpecParts["restart"]): number[] => retriesOf(policy(parts)).map(({ delayMs }) => delayMs / 1000);

describe("the back-off sequence", () => {
  test.each<[string, SpecParts["restart"], number[], number | null]>([
    ["the specification's example", { retryDelayMs: 10_000 }, [10, 20, 40, 80, 160], 310],
    ["at most max_backoff", { retryDelayMs: 10_000, maxBackoffMs: 30_000 }, [10, 20, 30, 30, 30], 120],
    ["no delay", { retryDelayMs: 0, maxRetries: 3 }, [0, 0, 0], 0],
    ["fatal immediately", { maxRetries: 0 }, [], 0],
    ["no limit: until the delay no longer grows", { maxRetries: -1, retryDelayMs: 1000, maxBackoffMs: 5000 }, [1, 2, 4, 5], null],
    ["no limit, and the delay never reaches max_backoff: 12 of them", { maxRetries: -1, backoffMultiplier: 1 }, Array(12).fill(1), null],
    ["jitter is ignored", { jitter: 0.5, maxRetries: 2 }, [1, 2], 3],
    ["not restarted", { autoRestart: false }, [], null],
  ])("%s", (_, parts, wanted, fatalS) => {
    expect(delays(parts)).toEqual(wanted);
    const fatal = timeToFatalMs(policy(parts));
    expect(fatal === null ? null : fatal / 1000).toBe(fatalS);
  });

  test("of thousands of retries the first 1000 are listed", () => {
    expect(delays({ maxRetries: 5000, retryDelayMs: 0 })).toEqual(Array(1000).fill(0));
  });

  test("each retry has its time since the first start", () => {
    expect(retriesOf(policy({ maxRetries: 3 })).map(({ attempt, atMs }) => [attempt, atMs])).toEqual([[1, 1000], [2, 3000], [3, 7000]]); // prettier-ignore
  });
});

describe("in sentences", () => {
  const lines = (parts: SpecParts): string[] => policyWords(makeSpec("web", parts));
  const schedule = { cron: null, timezone: null, everyMs: 60_000, catchUp: false, overlap: "skip" } as const;
  const watch = { ignore: [], debounceMs: 1 };
  const http: ProbeSpec = {
    type: "http",
    endpoint: "http://127.0.0.1:8080/health",
    method: "GET",
    headers: {},
    expectedStatus: [[200, 299]],
    expectedContent: null,
    insecureTls: false,
    timeoutMs: 5000,
  };
  const exec: ProbeSpec = { type: "exec", command: "pg_isready", args: ["-q"], timeoutMs: 5000 };

  test.each<[SpecParts, string]>([
    [{}, "After a failure: up to 5 retries, after 1s, 2s, 4s, 8s, 16s; then fatal."],
    [{}, "The retry counter resets after 1m of uptime."],
    [{ restart: { maxRetries: 6 } }, "After a failure: up to 6 retries, after 1s, 2s, 4s, 8s, 16s, 32s; then fatal."],
    [{ restart: { maxRetries: 7 } }, "After a failure: up to 7 retries, after 1s, 2s, 4s, 8s, 16s, 32s, …; then fatal."],
    [{ restart: { maxRetries: -1 } }, "After a failure: unlimited retries, after 1s, 2s, 4s, 8s, 16s, 32s, …."],
    [{ restart: { maxRetries: -1, maxBackoffMs: 2000 } }, "After a failure: unlimited retries, after 1s, 2s, …."],
    [{ restart: { maxRetries: 1, jitter: 0.5 } }, "After a failure: 1 retry, after 1s (± 50 %); then fatal."],
    [{ restart: { maxRetries: 3, retryDelayMs: 0 } }, "After a failure: up to 3 retries, immediately; then fatal."],
    [{ restart: { maxRetries: 0 } }, "After a failure: fatal immediately, without a retry (max_retries is 0)."],
    [{ restart: { autoRestart: false } }, "After a failure: no restart (auto_restart is off)."],
    [{ restart: { restartOnExit: true } }, "After a clean exit: restart in 1s."],
    [{}, "After a clean exit: stays stopped."],
    [{ restart: { noRestartExitCodes: [78] } }, "Exit code 78 prevents a restart."],
    [{ restart: { noRestartExitCodes: [77, 78] } }, "Exit codes 77, 78 prevent a restart."],
    [{ restart: { successExitCodes: [0, 3] } }, "Exit codes 0, 3 count as clean."],
    [{ restart: { successExitCodes: [3] } }, "Exit code 3 counts as clean."],
    [{ restart: { fatalRetryAfterMs: 600_000 } }, "A fatal unit starts again after 10m."],
    [
      { check: { probe: http } },
      "Health check: GET http://127.0.0.1:8080/health every 30s; 3 consecutive failures restart the unit and use up a retry.",
    ],
    [
      { check: { probe: http, failureThreshold: 1 } },
      "Health check: GET http://127.0.0.1:8080/health every 30s; 1 failure restarts the unit and uses up a retry.",
    ],
    [
      { check: { action: "none", probe: { type: "tcp", host: "::1", port: "5432", timeoutMs: 5000 } } },
      "Health check: TCP connection to ::1:5432 every 30s; 3 consecutive failures make the unit unhealthy without a restart (action none).",
    ],
    [
      { check: { action: "none", failureThreshold: 1, probe: { type: "process", timeoutMs: 5000 } } },
      "Health check: the state of the main process every 30s; 1 failure makes the unit unhealthy without a restart (action none).",
    ],
    [
      { check: { probe: http, fallback: exec } },
      "Health check: GET http://127.0.0.1:8080/health every 30s; 3 consecutive failures restart the unit and use up a retry. If it fails, the fallback runs: command pg_isready -q; if that passes, the unit is degraded.",
    ],
    [
      { check: { probe: { ...exec, args: ["x".repeat(100)] } } },
      `Health check: command pg_isready ${"x".repeat(69)} every 30s; 3 consecutive failures restart the unit and use up a retry.`,
    ],
    [{ failLog: { kind: "regex", text: "^ERROR" } }, "A line of output that matches /^ERROR/ is a failure (fail_log)."],
    [{ onFatal: "shutdown" }, "If it fails for good: all units stop, and the daemon exits (on_fatal)."],
    [{ conditions: [{ kind: "path_exists", path: "/a", not: false }] }, "Starts only if /a exists; otherwise the start is skipped."],
    [{ watchdogMs: 2000 }, "Watchdog: the service must send WATCHDOG=1 every 2s."],
    [{ schedule }, "Schedule: every 1m. Missed runs are skipped. If the previous run is still active, the new run is skipped."],
    [
      { schedule: { ...schedule, catchUp: true, overlap: "queue" } },
      "Schedule: every 1m. After missed runs, the unit runs once. If the previous run is still active, the new run starts right after it.",
    ],
    [
      { schedule: { ...schedule, everyMs: null, cron: "0 3 * * *", timezone: "Europe/Oslo", overlap: "kill" } },
      "Schedule: at 0 3 * * * (Europe/Oslo). Missed runs are skipped. If the previous run is still active, it is stopped and the new run starts.",
    ],
    [{ watch: { ...watch, paths: ["src"] } }, "The unit restarts when src changes."],
    [{ watch: { ...watch, paths: ["src", "lib"] } }, "The unit restarts when one of these changes: src, lib."],
    [{ stop: { graceful: false } }, "Stop: SIGKILL to all processes immediately."],
    [{ stop: {} }, "Stop: SIGTERM to all processes; remaining processes get SIGKILL after 10s."],
    [{ stop: { killMode: "mixed" } }, "Stop: SIGTERM to the main process; remaining processes get SIGKILL after 10s."],
  ])("%j", (parts, wanted) => {
    expect(lines(parts)).toContain(wanted);
  });

  test("a default unit has these sentences and no others", () => {
    expect(lines({})).toEqual([
      "After a failure: up to 5 retries, after 1s, 2s, 4s, 8s, 16s; then fatal.",
      "The retry counter resets after 1m of uptime.",
      "After a clean exit: stays stopped.",
      "Stop: SIGTERM to all processes; remaining processes get SIGKILL after 10s.",
    ]);
  });
});

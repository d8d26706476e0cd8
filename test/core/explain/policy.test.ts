import { describe, expect, test } from "bun:test";
import { policyWords, retriesOf, timeToFatalMs } from "../../../src/core/explain/policy.ts";
import { CHECK, makeSpec, type SpecParts } from "../fixtures.ts";

const policy = (parts: SpecParts["restart"]) => makeSpec("web", { restart: parts ?? {} }).restart;
const delays = (parts: SpecParts["restart"]): number[] => retriesOf(policy(parts)).map(({ delayMs }) => delayMs / 1000);

describe("the back-off sequence", () => {
  test.each<[string, SpecParts["restart"], number[], number | null]>([
    ["the specification's example", { retryDelayMs: 10_000 }, [10, 20, 40, 80, 160], 310],
    ["at most max_backoff", { retryDelayMs: 10_000, maxBackoffMs: 30_000 }, [10, 20, 30, 30, 30], 120],
    ["at once", { retryDelayMs: 0, maxRetries: 3 }, [0, 0, 0], 0],
    ["given up at once", { maxRetries: 0 }, [], 0],
    ["never given up: until it does not grow", { maxRetries: -1, retryDelayMs: 1000, maxBackoffMs: 5000 }, [1, 2, 4, 5], null],
    ["jitter is left out", { jitter: 0.5, maxRetries: 2 }, [1, 2], 3],
    ["not restarted", { autoRestart: false }, [], null],
  ])("%s", (_, parts, wanted, fatalS) => {
    expect(delays(parts)).toEqual(wanted);
    const fatal = timeToFatalMs(policy(parts));
    expect(fatal === null ? null : fatal / 1000).toBe(fatalS);
  });

  test("each retry says when it comes", () => {
    expect(retriesOf(policy({ maxRetries: 3 })).map(({ attempt, atMs }) => [attempt, atMs])).toEqual([[1, 1000], [2, 3000], [3, 7000]]); // prettier-ignore
  });
});

describe("in sentences", () => {
  const words = (parts: SpecParts): string => policyWords(makeSpec("web", parts)).join("\n");

  test.each<[SpecParts, string]>([
    [{}, "After a failure it is tried again 5 times in a row, then it is given up (fatal): after 1s, 2s, 4s, 8s, 16s."],
    [{ restart: { maxRetries: -1 } }, "tried again for ever: after 1s, 2s, 4s, 8s, 16s, 32s, …."],
    [{ restart: { maxRetries: 1, jitter: 0.1 } }, "1 time in a row, then it is given up (fatal): after 1s (± 10 %)."],
    [{ restart: { maxRetries: 0 } }, "given up at once"],
    [{ restart: { autoRestart: false } }, "it is not restarted (auto_restart is off)"],
    [{ restart: { restartOnExit: true } }, "After a clean exit it is started again after 1s."],
    [{ restart: { noRestartExitCodes: [78] } }, "Exit code 78 is never followed by a restart."],
    [{ restart: { successExitCodes: [0, 3] } }, "Exit code 0, 3 counts as clean."],
    [{ restart: { fatalRetryAfterMs: 600_000 } }, "tried again after 10m."],
    [{ check: { failureThreshold: 1 } }, "One failure restarts it, which uses up a retry."],
    [{ check: { action: "none" } }, "3 failures in a row are told and change nothing (action none)."],
    [{ check: { fallback: CHECK.probe } }, "passing that, it is degraded"],
    [{ watchdogMs: 2000 }, "sign of life (WATCHDOG=1) every 2s"],
    [
      { schedule: { cron: null, timezone: null, everyMs: 60_000, catchUp: true, overlap: "kill" } },
      "It runs every 1m; a time that was missed is made up for once",
    ],
    [{ watch: { paths: ["src"], ignore: [], debounceMs: 1 } }, "It is restarted when src changes."],
    [{ stop: { graceful: false } }, "SIGKILL goes to its whole tree at once"],
    [{ stop: { killMode: "mixed" } }, "SIGTERM goes to its main process; what is left after 10s gets SIGKILL."],
  ])("%j", (parts, wanted) => {
    expect(words(parts)).toContain(wanted);
  });
});

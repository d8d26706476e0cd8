import { describe, expect, test } from "bun:test";
import { tellStory } from "../../../src/core/explain/story.ts";
import type { EventRow } from "../../../src/ports/store/events.ts";

/** Events one second apart: `[type, message, details]`. */
function history(...events: ReadonlyArray<readonly [type: string, message: string, details?: Record<string, unknown>]>): EventRow[] {
  return events.map(([type, message, details = {}], index) => ({
    id: index + 1,
    serviceId: "web",
    type,
    timestamp: new Date(index * 1000).toISOString(),
    message,
    details,
  }));
}

const started = (run: number, cause = "boot") => ["started", `started, pid ${run}00`, { run, pid: run * 100, cause }] as const;
const texts = (events: readonly EventRow[]): string[] => tellStory(events).map(({ text }) => text);
const crash = (run: number, delay = 1000) =>
  [
    started(run),
    ["running", "running, ready after 0ms", { run, after_ms: 0 }],
    ["exited", "exit code 3", { run, success: false, expected: false, last_lines: ["cannot reach db"] }],
    ["backoff", `exit code 3; retry ${run} of 5 in ${delay / 1000}s`, { run, attempt: run, delay_ms: delay }],
  ] as const;

test("a run from start to stop, with its last output", () => {
  const story = tellStory(history(...crash(1), ["reset", "the retry counter was reset"]));
  expect(story).toEqual([
    { at: "1970-01-01T00:00:00.000Z", text: "Started because it is enabled, pid 100.", lines: [] },
    { at: "1970-01-01T00:00:02.000Z", text: "The main process ended: exit code 3.", lines: ["cannot reach db"] },
    { at: "1970-01-01T00:00:03.000Z", text: "Retry 1 of 5 in 1s.", lines: [] },
    { at: "1970-01-01T00:00:04.000Z", text: "The retry counter was reset.", lines: [] },
  ]);
});

test("identical runs are told once, whatever their pids, delays and retry numbers", () => {
  const all = [...crash(1, 500), ...crash(2, 1000), ...crash(3, 65_000), ...crash(4, 7_200_000)];
  const fatal = [
    started(5),
    ["exited", "exit code 3", { run: 5, expected: false }],
    ["fatal", "exit code 3; 4 of 4 retries failed", { run: 5 }],
  ] as const;
  const sentences = texts(history(...all, ...fatal));
  expect(sentences.slice(3)).toEqual([
    "The same happened 3 more times.",
    "Started because it is enabled, pid 500.",
    "The main process ended: exit code 3.",
    "Fatal: exit code 3; 4 of 4 retries failed.",
  ]);
  expect(texts(history(...crash(1), ...crash(2))).at(-1)).toBe("The same happened again.");
});

test("runs that took a different course are told separately", () => {
  const other = crash(2).map(([type, message, details]) => [type, message.replace("code 3", "code 4"), details] as const);
  expect(texts(history(...crash(1), ...other)).filter((text) => text.includes("main process ended"))).toEqual([
    "The main process ended: exit code 3.",
    "The main process ended: exit code 4.",
  ]);
});

describe("sentences", () => {
  test.each<[string, string, Record<string, unknown>, string[]]>([
    ["running", "running, ready after 2s", { run: 1, after_ms: 2000 }, ["Ready after 2s."]],
    ["running", "running, ready after 100ms", { run: 1, after_ms: 100 }, ["Ready after 100ms."]],
    ["running", "running, ready after 99ms", { run: 1, after_ms: 99 }, []],
    ["running", "finished; counts as running", { run: 1 }, ["Finished; counts as running."]],
    ["exited", "killed by SIGTERM", { run: 1, expected: true }, []],
    ["start-failed", "cannot execute x", { run: 1 }, ["Start failed: cannot execute x."]],
    ["unhealthy", "no WATCHDOG=1 within 2s", { run: 1, by: "watchdog" }, ["Watchdog timeout: no WATCHDOG=1 within 2s."]],
    ["unhealthy", "health check failed", { run: 1, by: "health" }, ["Unhealthy: health check failed."]],
    ["unhealthy", "memory is over its limit", { run: 1, by: "resources" }, []],
    ["stopping", "stopping: health check failed", { run: 1, reason: "health" }, []],
    ["stopping", "stopping: requested by the operator", { run: 1, reason: "operator" }, ["Stop requested by the operator."]],
    ["starting", "running pre_start", { run: 1 }, ["The pre_start commands ran."]],
    ["starting", "checking the conditions", { run: 1 }, []],
    ["skipped", "start skipped: condition not met: /a exists", { run: 1 }, ["Start skipped: condition not met: /a exists."]],
    ["unhealthy", "output matches fail_log x: x", { run: 1, by: "log" }, ["Output matches fail_log x: x."]],
    ["stopping", "restarting: requested by the operator", { run: 1, reason: "operator" }, ["Restart requested by the operator."]],
    ["stopping", "restarting: a watched file changed", { run: 1, reason: "watch" }, ["Restarting: a watched file changed."]],
    ["killed", "did not stop within 10s; sending SIGKILL", { run: 1 }, ["Did not stop within 10s; sending SIGKILL."]],
    ["stopped", "stopped: requested by the operator", { run: 1, killed: [] }, ["Stopped."]],
    ["stopped", "stopped", { run: 1, killed: ["sleep (7)"] }, ["Stopped. SIGKILL was needed for sleep (7)."]],
    ["stopped", "finished: exit code 0", { run: 1 }, ["Finished: exit code 0."]],
    [
      "backoff",
      "exit code 0; restart in 1s (restart_on_exit)",
      { run: 1, attempt: null, reason: "success", exit_code: 0 },
      ["Restart in 1s (restart_on_exit)."],
    ],
    [
      "backoff",
      "pre_start: exit code 1; retry 1 of 5 in 1s",
      { run: 1, attempt: 1, reason: "exit-code", exit_code: null },
      ["Retry 1 of 5 in 1s."],
    ],
    ["failed", "exit code 3; auto_restart is off", { run: 1 }, ["Failed: exit code 3; auto_restart is off."]],
    ["enabled", "enabled by the operator", {}, ["Enabled by the operator."]],
  ])("%s, %s %j", (type, message, details, wanted) => {
    expect(texts(history([type, message, details]))).toEqual(wanted);
  });

  test("without history the story is empty", () => expect(tellStory([])).toEqual([]));
});

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
    ["backoff", "exit code 3; retry", { run, attempt: run, delay_ms: delay }],
  ] as const;

test("a run from start to stop, with what it said last", () => {
  const story = tellStory(history(...crash(1), ["reset", "the failure count was reset"]));
  expect(story).toEqual([
    { at: "1970-01-01T00:00:00.000Z", text: "It was started because it is enabled, pid 100.", lines: [] },
    { at: "1970-01-01T00:00:02.000Z", text: "Its main process ended by itself: exit code 3.", lines: ["cannot reach db"] },
    { at: "1970-01-01T00:00:03.000Z", text: "Its policy tries it again after 1s: retry 1.", lines: [] },
    { at: "1970-01-01T00:00:04.000Z", text: "The failure count was reset.", lines: [] },
  ]);
});

test("what kept repeating is told once, whatever its pids, delays and counts", () => {
  const all = [...crash(1, 500), ...crash(2, 1000), ...crash(3, 65_000), ...crash(4, 7_200_000)];
  const fatal = [
    started(5),
    ["exited", "exit code 3", { run: 5, expected: false }],
    ["fatal", "exit code 3; 4 of 4 retries failed", { run: 5 }],
  ] as const;
  const told = texts(history(...all, ...fatal));
  expect(told.slice(3)).toEqual([
    "The same again, 3 times.",
    "It was started because it is enabled, pid 500.",
    "Its main process ended by itself: exit code 3.",
    "It was given up: exit code 3; 4 of 4 retries failed.",
  ]);
  expect(texts(history(...crash(1), ...crash(2))).at(-1)).toBe("The same once more.");
});

test("runs that went another way are told each", () => {
  const other = crash(2).map(([type, message, details]) => [type, message.replace("code 3", "code 4"), details] as const);
  expect(texts(history(...crash(1), ...other)).filter((text) => text.includes("ended by itself"))).toEqual([
    "Its main process ended by itself: exit code 3.",
    "Its main process ended by itself: exit code 4.",
  ]);
});

describe("sentences", () => {
  test.each<[string, string, Record<string, unknown>, string[]]>([
    ["running", "running, ready after 2s", { run: 1, after_ms: 2000 }, ["It was ready after 2s."]],
    ["running", "finished; counts as running", { run: 1 }, ["It finished; counts as running."]],
    ["exited", "killed by SIGTERM", { run: 1, expected: true }, []],
    ["start-failed", "cannot execute x", { run: 1 }, ["The start failed: cannot execute x."]],
    ["unhealthy", "no sign of life", { run: 1, by: "watchdog" }, ["It was found to hang: no sign of life."]],
    ["stopping", "stopping: health check failed", { run: 1, reason: "health" }, []],
    ["stopping", "stopping: asked by the operator", { run: 1, reason: "operator" }, ["It was to stop: asked by the operator."]],
    [
      "stopping",
      "stopping: restart, a watched file changed",
      { run: 1, reason: "watch" },
      ["It was to be restarted: a watched file changed."],
    ],
    ["stopped", "stopped", { run: 1, killed: ["sleep (7)"] }, ["It was down. SIGKILL was needed for sleep (7)."]],
    ["stopped", "finished: exit code 0", { run: 1 }, ["It was done: exit code 0."]],
    [
      "backoff",
      "exit code 0; restart after a clean exit in 1s",
      { run: 1, attempt: null },
      ["Its policy starts it again: exit code 0; restart after a clean exit in 1s."],
    ],
    ["enabled", "enabled by the operator", {}, ["Enabled by the operator."]],
  ])("%s, %s %j", (type, message, details, wanted) => {
    expect(texts(history([type, message, details]))).toEqual(wanted);
  });

  test("no history is no story", () => expect(tellStory([])).toEqual([]));
});

/** Lines of output that make a run ready or fail it, on fake ports. */
import { describe, expect, test } from "bun:test";
import type { WorldEvent } from "../../../src/core/world/world.ts";
import type { LogLine } from "../../../src/ports/logs.ts";
import { code, ref, type SpecParts } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

const UP = { kind: "text", text: "up" } as const;
const ERROR = { kind: "regex", text: "^ERROR" } as const;
const BOTH: SpecParts = { readyLog: UP, failLog: ERROR };

/** A unit whose first run is being started; `tests` are the patterns that the log store compares. */
function spawning(parts: SpecParts) {
  const one = rig(parts);
  for (const { id: _, ...effect } of one.world.handle(START, { nowMs: 0, roll: 0 }).effects) one.perform(effect as never);
  one.events();
  const tests = (): string[] => (one.logs.tests.web ?? []).map(({ pattern }) => pattern.text);
  const writes = (pattern: string, line: string): void => one.logs.tests.web!.find((test) => test.pattern.text === pattern)!.onMatch(line);
  return { ...one, tests, writes };
}

const START: WorldEvent = { type: "request", action: "start", ids: ["web"], cause: "operator" };

test("the output is tested from before the process is started; a failure comes first", () => {
  expect(spawning({}).tests()).toEqual([]);
  const { tests, logs } = spawning(BOTH);
  expect(tests()).toEqual(["^ERROR", "up"]);
  expect(logs.acts.indexOf("match web")).toBeLessThan(logs.acts.indexOf("writers web"));
  expect(logs.acts.indexOf("match web")).toBeGreaterThan(logs.acts.indexOf("mark web"));
});

test("a line makes the run ready, or fails it with the line in the message, cut if it is long", () => {
  const { writes, facts } = spawning(BOTH);
  writes("up", "it is up");
  writes("^ERROR", `ERROR ${"x".repeat(300)}`);
  expect(facts()).toEqual([
    { type: "ready", run: 1 },
    { type: "condemned", run: 1, by: "log", detail: `output matches fail_log /^ERROR/: ERROR ${"x".repeat(194)}…` },
  ]);
});

test("a line that arrives before the report of the start comes after it", () => {
  const { perform, processes, logs, world, facts } = rig(BOTH);
  world.handle(START, { nowMs: 0, roll: 0 });
  processes.isSlow = true;
  perform({ type: "spawn", run: 1 });
  processes.isSlow = false; // exec has succeeded, but this was not reported yet
  logs.tests.web!.at(-1)!.onMatch("up");
  expect(facts()).toEqual([
    { type: "spawned", run: 1, process: ref(100) },
    { type: "ready", run: 1 },
  ]);
});

test("when the settings of a live run change, the new patterns are compared; a run that is ready does not become so again", () => {
  const { world, interpreter, tests, logs } = spawning(BOTH);
  world.handle({ type: "fact", id: "web", fact: { type: "spawned", run: 1, process: ref(100) } }, { nowMs: 0, roll: 0 });
  world.handle({ type: "fact", id: "web", fact: { type: "ready", run: 1 } }, { nowMs: 0, roll: 0 });
  interpreter.refresh("web");
  expect(tests()).toEqual(["^ERROR"]);
  logs.unshared = "cannot let the group adm read the log";
  world.handle({ type: "load", spec: { ...world.get("web")!.spec, failLog: null } }, { nowMs: 0, roll: 0 });
  interpreter.refresh("web");
  expect(tests()).toEqual([]);
  expect(logs.acts.at(-1)).toBe("open web");
  expect(logs.notes).toEqual(["web: cannot let the group adm read the log"]);
});

describe("lines that an earlier daemon read", () => {
  const line = (text: string, stream: LogLine["stream"] = "stdout"): LogLine => ({
    time: "2026-01-01T00:00:02Z",
    stream,
    full: true,
    text,
  });

  test("count if they match, but not those of the daemon", async () => {
    const { interpreter, logs, facts } = spawning(BOTH);
    const queries: unknown[] = [];
    logs.logs.search = async (unit, { grep, ...query }) => {
      queries.push([unit, query]);
      return [line("[sup] it is up", "stderr"), line("starting"), line("now up")].filter(({ text }) => grep!.test(text));
    };
    interpreter.catchUp("web", 1, "2026-01-01T00:00:01Z");
    await new Promise(setImmediate);
    expect(queries).toEqual([
      ["web", { from: "2026-01-01T00:00:01Z" }],
      ["web", { from: "2026-01-01T00:00:01Z" }],
    ]);
    expect(facts()).toEqual([{ type: "ready", run: 1 }]);
  });

  test("cannot be searched in a log that cannot be read: this is reported", async () => {
    const { interpreter, logs, bugs } = spawning(BOTH);
    logs.logs.search = () => Promise.reject(new Error("EIO"));
    interpreter.catchUp("web", 1, "");
    await new Promise(setImmediate);
    expect(bugs).toEqual(["cannot read the log of web: EIO"]);
  });
});

test("the output that waits is tested before the end of the process is reported", () => {
  const { processes, logs, facts } = spawning(BOTH);
  logs.logs.drain = () => logs.tests.web!.at(-1)!.onMatch("up");
  processes.latest().onExit(code(0));
  expect(facts().map(({ type }) => type)).toEqual(["ready", "exited"]);
});

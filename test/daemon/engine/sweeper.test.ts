/** Signals to a run, and sweeping the processes that its main process left behind, on fake ports. */
import { describe, expect, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import { rig } from "./rig.ts";

const running = () => {
  const rigged = rig();
  rigged.perform({ type: "spawn", run: 1 });
  rigged.facts();
  rigged.processes.acts.length = 0;
  return rigged;
};

test("signals to another run are ignored", () => {
  const { perform, processes } = running();
  perform({ type: "signal", run: 2, signal: 15, mode: "group" });
  perform({ type: "kill", run: 2 });
  expect(processes.acts).toEqual([]);
});

test("a sweep of a run whose process never started answers at once", () => {
  const { perform, facts, processes } = rig();
  perform({ type: "sweep", run: 1, signal: 15 });
  expect(facts()).toEqual([{ type: "swept", run: 1, killed: [] }]);
  expect(processes.acts).toEqual([]);
});

test("a sweep answers at once when nothing is left", () => {
  const { perform, facts, processes, logs } = running();
  perform({ type: "sweep", run: 1, signal: 15 });
  expect(facts()).toEqual([{ type: "swept", run: 1, killed: [] }]);
  expect(processes.acts).toEqual([]);
  expect(logs.acts.at(-1)).toBe("end web");
});

test.each([
  [SIGNALS.SIGTERM, "signal tree 100 15 group"],
  [SIGNALS.SIGKILL, "kill tree 100"],
])("a sweep sends %p to the remaining processes and waits for their end", (signal, act) => {
  const { perform, facts, processes } = running();
  processes.survivors = [{ pid: 41, name: "worker" }];
  perform({ type: "sweep", run: 1, signal });
  expect(processes.acts).toEqual([act]);
  expect(facts()).toEqual([]);
  processes.empties();
  expect(facts()).toMatchObject([{ type: "swept", run: 1 }]);
});

test("a sweep without a signal only waits", () => {
  const { perform, facts, processes } = running();
  processes.survivors = [{ pid: 41, name: "worker" }];
  perform({ type: "sweep", run: 1, signal: 0 });
  expect(processes.acts).toEqual([]);
  processes.empties();
  expect(facts()).toEqual([{ type: "swept", run: 1, killed: [] }]);
});

test("a process that needed SIGKILL is named once, even if it was killed twice", () => {
  const { perform, facts, processes } = running();
  processes.survivors = [{ pid: 41, name: "worker" }];
  perform({ type: "kill", run: 1 });
  perform({ type: "sweep", run: 1, signal: SIGNALS.SIGKILL });
  processes.empties();
  expect(facts()).toEqual([{ type: "swept", run: 1, killed: ["worker (41)"], left: true }]);
});

describe("while the process has not called exec", () => {
  const starting = (parts: Parameters<typeof rig>[0] = {}) => {
    const rigged = rig(parts);
    rigged.processes.isSlow = true;
    return rigged;
  };

  test("a signal waits for the process, and is not sent when the start fails", () => {
    const { perform, facts, processes } = starting();
    perform({ type: "spawn", run: 1 });
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    expect(facts()).toEqual([]);
    expect(processes.acts.slice(1)).toEqual([]);
    processes.settle();
    expect(facts()).toMatchObject([{ type: "spawned", run: 1 }, SENT]);
    expect(processes.acts.slice(1)).toEqual(["signal tree 100 15 group"]);

    const failing = starting();
    failing.processes.spawnFails = { ok: false, stage: "exec", errno: 2, subject: "serve" };
    failing.perform({ type: "spawn", run: 1 });
    failing.perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    failing.processes.settle();
    expect(failing.facts()).toMatchObject([{ type: "spawnFailed", run: 1 }]);
    expect(failing.processes.acts).toEqual([]);
  });

  test("a kill gives the start up", () => {
    const { perform, facts, processes } = starting();
    perform({ type: "spawn", run: 1 });
    perform({ type: "kill", run: 1 });
    expect(facts()).toMatchObject([{ type: "spawnFailed", run: 1, failure: { stage: "chdir" } }]);
    processes.settle();
    expect(facts()).toEqual([]);
    expect(processes.acts.slice(1)).toEqual([]);
  });

  test("a signal that finds the start done is sent at once, after the start was reported", () => {
    const { perform, facts, processes } = starting();
    perform({ type: "spawn", run: 1 });
    processes.isSlow = false;
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    expect(facts()).toMatchObject([{ type: "spawned", run: 1 }, SENT]);
    expect(processes.acts.slice(1)).toEqual(["signal tree 100 15 group"]);
  });

  test("a stop reaches a hook that is about to start, and no other hook follows", () => {
    const hook = { command: "hook", args: [], timeoutMs: 1000 };
    const { perform, facts, processes } = starting({ preStart: [hook, hook] });
    perform({ type: "prepare", run: 1 });
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    processes.settle();
    expect(processes.acts).toEqual(["spawn hook", "signal tree 100 15 group"]);
    processes.latest().onExit({ kind: "code", code: 0 });
    expect(processes.all).toHaveLength(1);
    expect(facts()).toMatchObject([SENT, { type: "prepared", run: 1, failure: "the run was stopped" }]);
  });
});

/** The fact that follows a signal; none follows a signal that was not sent. */
const SENT = { type: "signalSent", run: 1 };

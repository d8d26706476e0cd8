/** The conditions of a unit on fake ports. */
import { describe, expect, jest, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import type { StartCondition } from "../../../src/spec/spec.ts";
import { code, hook, killedBy, type SpecParts } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

const path = (path: string, not = false): StartCondition => ({ kind: "path_exists", path, not });
const command = (name: string, not = false): StartCondition => ({ kind: "command", command: name, args: [], timeoutMs: 60_000, not });

function prepared(parts: SpecParts) {
  const one = rig(parts);
  one.perform({ type: "prepare", run: 1 });
  return one;
}

describe("paths", () => {
  test("are expanded, and checked by one process with the daemon's rights outside of the run", () => {
    const identity = { user: "ann", group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} };
    const conditions = [path("~/${DIR}/a"), path("/%n", true)];
    const { processes, facts } = prepared({
      conditions,
      identity,
      environment: { DIR: "d" },
      environmentFiles: [{ path: "/none", optional: false }],
    });
    expect(processes.acts).toEqual(["spawn check-paths path_exists /home/ann/d/a !path_exists /web"]);
    const { request, onExit } = processes.latest();
    expect(request!.identity.user).toBeNull();
    expect(request!.env.SUP_UNIT).toBeUndefined();
    onExit(code(2));
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: null, unmet: "/web exists" }]);
  });

  test("that are met let the pre_start commands run", () => {
    const { processes, facts } = prepared({ conditions: [path("/a")], preStart: [hook()] });
    processes.latest().onExit(code(0));
    expect(processes.acts).toEqual(["spawn check-paths path_exists /a", "spawn hook"]);
    processes.latest().onExit(code(0));
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: null }]);
  });

  test.each([
    ["a signal", killedBy(SIGNALS.SIGSEGV), "cannot check the conditions: killed by SIGSEGV"],
    ["an unknown exit code", code(255), "cannot check the conditions: exit code 255"],
  ])("whose check fails, fail the start: %s", (_, exit, failure) => {
    const { processes, facts } = prepared({ conditions: [path("/a")] });
    processes.latest().onExit(exit);
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure }]);
  });

  test("whose check cannot be started, or that cannot be expanded, fail the start", () => {
    const { perform, processes, facts } = rig({ conditions: [path("/a")] });
    processes.spawnFails = { ok: false, stage: "fork", errno: 11, subject: "" };
    perform({ type: "prepare", run: 1 });
    expect(JSON.stringify(facts())).toContain("cannot check the conditions: cannot create a process");
    expect(JSON.stringify(prepared({ conditions: [path("/${NONE}")] }).facts())).toContain("the variable NONE is not set");
  });

  test("are not awaited by a stop", () => {
    const { perform, processes, facts } = prepared({ conditions: [path("/a")] });
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: "cannot check the conditions: the run was stopped" }]);
    expect(processes.acts.at(-1)).toBe("kill tree 100");
  });

  test("are not awaited by a stop while the check is being started", () => {
    const { perform, processes, facts } = rig({ conditions: [path("/a")] });
    processes.isSlow = true;
    perform({ type: "prepare", run: 1 });
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: "cannot check the conditions: the run was stopped" }]);
  });

  test("on a file system that does not answer fail the start in time, without waiting for the process", () => {
    jest.useFakeTimers();
    try {
      const { processes, facts } = prepared({ conditions: [path("/a"), path("/b")] });
      jest.advanceTimersByTime(9999);
      expect(facts()).toEqual([]);
      jest.advanceTimersByTime(1);
      const failure = "cannot check the conditions: the file system did not answer within 10s: /a, /b";
      expect(facts()).toEqual([{ type: "prepared", run: 1, failure }]);
      expect(processes.acts.at(-1)).toBe("kill tree 100");
      processes.latest().onExit(killedBy(SIGNALS.SIGKILL));
      expect(facts()).toEqual([]);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe("commands", () => {
  test("run after the paths, in order and in the environment of the run; what they leave behind is killed", () => {
    const { processes, facts } = prepared({ conditions: [command("one"), path("/a"), command("two")], environment: { WORD: "hello" } });
    processes.latest("check-paths").onExit(code(0));
    expect(processes.latest().request!.env).toMatchObject({ WORD: "hello", SUP_INVOCATION_ID: "web#1" });
    processes.latest("one").onExit(code(0));
    processes.latest("two").onExit(code(0));
    expect(processes.acts).toEqual(["spawn check-paths path_exists /a", "spawn one", "kill session 101", "spawn two", "kill session 102"]);
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: null }]);
  });

  test.each([
    [false, 0, undefined],
    [false, 1, "the command check fails"],
    [true, 0, "the command check succeeds"],
    [true, 1, undefined],
  ])("with not: %p and exit code %i", (not, exit, unmet) => {
    const { processes, facts } = prepared({ conditions: [command("check", not)] });
    processes.latest().onExit(code(exit));
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: null, ...(unmet !== undefined && { unmet }) }]);
  });

  test.each([
    [code(255), "exit code 255"],
    [killedBy(SIGNALS.SIGKILL), "killed by SIGKILL"],
  ])("fail the start, with or without not: %j", (exit, words) => {
    for (const not of [false, true]) {
      const { processes, facts } = prepared({ conditions: [command("check", not)], preStart: [hook()] });
      processes.latest().onExit(exit);
      expect(facts()).toEqual([{ type: "prepared", run: 1, failure: `condition check: ${words}` }]);
      expect(processes.acts).not.toContain("spawn hook");
    }
  });

  test("a stop ends the sequence", () => {
    const { perform, processes, facts } = prepared({ conditions: [command("one"), command("two")] });
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    processes.latest().onExit(code(0));
    expect(facts()).toEqual([
      { type: "signalSent", run: 1 },
      { type: "prepared", run: 1, failure: "the run was stopped" },
    ]);
    expect(processes.acts).not.toContain("spawn two");
  });

  test("a failure to read the environment files fails the start", () => {
    const { facts } = prepared({ conditions: [command("one")], environmentFiles: [{ path: "/none", optional: false }] });
    expect(JSON.stringify(facts())).toContain("cannot read environment file /none");
  });
});

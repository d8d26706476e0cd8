/** Hooks and reload commands on fake ports. */
import { describe, expect, jest, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import { code, hook, killedBy } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

describe("hooks", () => {
  const FIRST = { command: "first", args: ["-a"], timeoutMs: 60_000 };
  const SECOND = { command: "second", args: [], timeoutMs: 60_000 };

  test("run one after the other; the last success answers", () => {
    const { perform, facts, processes } = rig({ preStart: [FIRST, SECOND] });
    perform({ type: "prepare", run: 1 });
    expect(processes.acts).toEqual(["spawn first -a"]);
    processes.latest().onExit(code(0));
    expect(processes.acts).toEqual(["spawn first -a", "spawn second"]);
    expect(facts()).toEqual([]);
    processes.latest().onExit(code(0));
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: null }]);
  });

  test("the first failure ends the sequence", () => {
    const { perform, facts, processes } = rig({ preStart: [FIRST, SECOND] });
    perform({ type: "prepare", run: 1 });
    processes.latest().onExit(code(7));
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: "pre_start first: exit code 7" }]);
    expect(processes.acts).toEqual(["spawn first -a"]);
  });

  test("a command that cannot be started is a failure", () => {
    const { perform, facts, processes } = rig({ postStop: [FIRST] });
    processes.spawnFails = { ok: false, stage: "exec", errno: 2, subject: "serve" };
    perform({ type: "finish", run: 1 });
    const [fact] = facts();
    expect(fact).toMatchObject({ type: "finished", run: 1 });
    expect(JSON.stringify(fact)).toContain("post_stop first: cannot execute serve");
  });

  test("a command with an unknown variable is a failure", () => {
    const { perform, facts, processes } = rig({ preStart: [{ ...FIRST, args: ["${NONE}"] }] });
    perform({ type: "prepare", run: 1 });
    expect(JSON.stringify(facts())).toContain("NONE");
    expect(processes.all).toEqual([]);
  });

  test("a command that exceeds its timeout is killed with its session, and the failure says so", () => {
    jest.useFakeTimers();
    try {
      const { perform, facts, processes } = rig({ preStart: [hook(60_000)] });
      perform({ type: "prepare", run: 1 });
      jest.advanceTimersByTime(59_999);
      expect(processes.acts).toEqual(["spawn hook"]);
      jest.advanceTimersByTime(1);
      expect(processes.acts).toEqual(["spawn hook", "kill session 100"]);
      expect(facts()).toEqual([]);
      processes.latest().onExit(killedBy(SIGNALS.SIGKILL));
      expect(facts()).toEqual([{ type: "prepared", run: 1, failure: "pre_start hook: did not end within 1m" }]);
    } finally {
      jest.useRealTimers();
    }
  });

  test("a command that hangs before exec is given up after its timeout", () => {
    jest.useFakeTimers();
    try {
      const { perform, facts, processes } = rig({ preStart: [hook(5000)] });
      processes.isSlow = true;
      perform({ type: "prepare", run: 1 });
      jest.advanceTimersByTime(4999);
      expect(facts()).toEqual([]);
      jest.advanceTimersByTime(1);
      expect(facts()).toEqual([{ type: "prepared", run: 1, failure: "pre_start hook: did not end within 5s" }]);
      expect(processes.acts).toEqual(["spawn hook"]);
    } finally {
      jest.useRealTimers();
    }
  });

  test("a command that ended in time is not killed later", () => {
    jest.useFakeTimers();
    try {
      const { perform, processes } = rig({ preStart: [hook(1000)] });
      perform({ type: "prepare", run: 1 });
      processes.latest().onExit(code(0));
      jest.advanceTimersByTime(10_000);
      expect(processes.acts).toEqual(["spawn hook"]);
    } finally {
      jest.useRealTimers();
    }
  });

  test("a stop during pre_start reaches the command, and no further one is started", () => {
    const { perform, facts, processes } = rig({ preStart: [FIRST, SECOND] });
    perform({ type: "prepare", run: 1 });
    perform({ type: "signal", run: 1, signal: SIGNALS.SIGTERM, mode: "group" });
    expect(processes.acts.at(-1)).toBe("signal tree 100 15 group");
    processes.latest().onExit(code(0));
    expect(facts()).toEqual([
      { type: "signalSent", run: 1 },
      { type: "prepared", run: 1, failure: "the run was stopped" },
    ]);
    expect(processes.all).toHaveLength(1);
  });

  test("post_stop runs although the run was signalled, and its environment says how the run ended", () => {
    const { perform, facts, processes, world } = rig({ postStop: [FIRST, SECOND] });
    const unit = world.get("web")!.unit;
    const ending = { by: "exit", exit: killedBy(SIGNALS.SIGTERM) };
    world.handle(
      { type: "restore", spec: world.get("web")!.spec, unit: { ...unit, run: 1, phase: "finishing", ending } as never, check: null },
      { nowMs: 0, roll: 0 },
    );
    perform({ type: "spawn", run: 1 });
    perform({ type: "kill", run: 1 });
    processes.latest().onExit(killedBy(SIGNALS.SIGKILL));
    facts();
    perform({ type: "finish", run: 1 });
    expect(processes.latest("first").request!.env).toMatchObject({ EXIT_CODE: "killed", EXIT_STATUS: "TERM" });
    processes.latest("first").onExit(code(0));
    processes.latest("second").onExit(code(0));
    expect(facts()).toEqual([{ type: "finished", run: 1, failure: null }]);
  });
});

describe("pre_restart", () => {
  test("runs beside the main process, which it finds by MAINPID, and answers with its failure", () => {
    const { perform, facts, processes } = rig({ preRestart: ["first", "second"].map((command) => ({ ...hook(), command })) });
    perform({ type: "spawn", run: 1 });
    facts();
    perform({ type: "testRestart", run: 1 });
    expect(processes.latest("first").request!.env).toMatchObject({ MAINPID: "100", SUP_INVOCATION_ID: "web#1" });
    processes.latest("first").onExit(code(1));
    expect(facts()).toEqual([{ type: "restartTested", run: 1, failure: "pre_restart first: exit code 1" }]);
    perform({ type: "testRestart", run: 1 });
    processes.latest("first").onExit(code(0));
    processes.latest("second").onExit(code(0));
    expect(facts()).toEqual([{ type: "restartTested", run: 1, failure: null }]);
  });
});

describe("reload", () => {
  test("a reload signal goes only to the main process", () => {
    const { perform, facts, processes } = rig({ reload: { kind: "signal", signal: SIGNALS.SIGHUP } });
    perform({ type: "spawn", run: 1 });
    facts();
    perform({ type: "reload", run: 1 });
    expect(processes.acts.at(-1)).toBe("signal 100 1");
    expect(facts()).toEqual([{ type: "reloaded", run: 1, failure: null }]);
    processes.condition = () => "gone";
    perform({ type: "reload", run: 1 });
    expect(facts()).toEqual([{ type: "reloaded", run: 1, failure: "the main process has ended" }]);
  });

  test("a reload command gets MAINPID, and its failure is the failure of the reload", () => {
    const { perform, facts, processes } = rig({ reload: { kind: "command", command: "reread", args: ["${MAINPID}"], timeoutMs: 1000 } });
    perform({ type: "spawn", run: 1 });
    facts();
    perform({ type: "reload", run: 1 });
    expect(processes.latest("reread").request).toMatchObject({ argv: ["reread", "100"], env: { MAINPID: "100" } });
    processes.latest("reread").onExit(code(2));
    expect(facts()).toEqual([{ type: "reloaded", run: 1, failure: "exit code 2" }]);
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    expect(processes.acts.at(-1)).toBe("signal tree 100 15 group");
  });

  test("fails when the unit has no `reload`, or no main process yet", () => {
    const without = rig();
    without.perform({ type: "reload", run: 1 });
    expect(without.facts()).toEqual([{ type: "reloaded", run: 1, failure: "the unit has no `reload`" }]);
    const early = rig({ reload: { kind: "signal", signal: SIGNALS.SIGHUP } });
    early.perform({ type: "reload", run: 1 });
    expect(early.facts()).toEqual([{ type: "reloaded", run: 1, failure: "the main process has ended" }]);
  });
});

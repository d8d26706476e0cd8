/** The interpreter on fake ports: what it asks of the machine, and which facts it posts about it. */
import { describe, expect, jest, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import type { SpawnResult } from "../../../src/ports/processes.ts";
import { SPAWN_STAGES } from "../../../src/ports/processes.ts";
import { code, hook, killedBy, ref } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

const ENOENT = 2;
const EAGAIN = 11;
const failed = (stage: (typeof SPAWN_STAGES)[number], errno = ENOENT): Extract<SpawnResult, { ok: false }> => ({
  ok: false,
  stage,
  errno,
  subject: "serve",
});

describe("spawn", () => {
  test("a process that starts is reported, with the run that it belongs to", () => {
    const { perform, facts, processes, logs } = rig({
      exec: { command: "serve", args: ["-p", "80"], shell: false, workingDirectory: "/srv" },
    });
    perform({ type: "spawn", run: 3 });
    expect(facts()).toEqual([{ type: "spawned", run: 3, process: ref(100) }]);
    const { request } = processes.latest();
    expect(request).toMatchObject({ argv: ["serve", "-p", "80"], cwd: "/srv", fds: [null, 11, 12], kept: true });
    expect(request!.env).toMatchObject({ SUP_UNIT: "web", SUP_INVOCATION_ID: "web#3", HOME: "/home/ann" });
    expect(logs.acts).toEqual(["open web", "mark web", "writers web", "close writers web"]);
  });

  test.each([...SPAWN_STAGES])("a failure at the step `%s` is reported with that step and noted in the log", (stage) => {
    const { perform, facts, processes, logs } = rig();
    processes.spawnFails = failed(stage);
    perform({ type: "spawn", run: 1 });
    const [fact, ...more] = facts();
    expect(more).toEqual([]);
    expect(fact).toMatchObject({ type: "spawnFailed", run: 1, failure: { stage, resources: stage === "fork" } });
    expect(logs.notes).toEqual([`web: ${fact!.type === "spawnFailed" ? fact!.failure.message : ""}`]);
    expect(logs.acts).toContain("close writers web");
  });

  test("a failure for want of the machine's resources is marked as such, whatever the step", () => {
    const { perform, facts, processes } = rig();
    processes.spawnFails = failed("exec", EAGAIN);
    perform({ type: "spawn", run: 1 });
    expect(facts()).toMatchObject([{ type: "spawnFailed", failure: { stage: "exec", resources: true } }]);
  });

  test.each([
    ["an unknown user", { identity: { user: "bob", group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} } }, "no such user"],
    ["a missing environment file", { environmentFiles: [{ path: "/etc/web.env", optional: false }] }, "cannot read environment file /etc/web.env: ENOENT"],
    ["a variable that is not set", { exec: { command: "${NONE}", args: [], shell: false, workingDirectory: null } }, "NONE"],
  ])("%s fails the start before a process is made", (_, parts, words) => {
    const { perform, facts, processes } = rig(parts);
    perform({ type: "spawn", run: 1 });
    const [fact] = facts();
    expect(fact).toMatchObject({ type: "spawnFailed", failure: { stage: "prepare", resources: false } });
    expect(JSON.stringify(fact)).toContain(words);
    expect(processes.all).toEqual([]);
  });

  test("a socket that cannot be opened fails the start", () => {
    const { perform, facts, sockets, processes } = rig({ sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false }] });
    sockets.listenFails = "cannot listen on 127.0.0.1:80: address already in use (EADDRINUSE)";
    perform({ type: "spawn", run: 1 });
    expect(facts()).toEqual([
      { type: "spawnFailed", run: 1, failure: { stage: "prepare", message: sockets.listenFails, resources: false } },
    ]);
    expect(processes.all).toEqual([]);
  });

  test("the process gets its sockets behind its output, and their names", () => {
    const { perform, processes } = rig({ sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false }] });
    perform({ type: "spawn", run: 1 });
    expect(processes.latest().request!.fds).toEqual([null, 11, 12, 50]);
    expect(processes.latest().request!.env).toMatchObject({ LISTEN_FDS: "1", LISTEN_FDNAMES: "http", LISTEN_PID: "" });
  });

  test("a notify socket that cannot be opened fails the start, as a fault of the machine", () => {
    const { perform, facts, notify } = rig({ type: "notify" });
    notify.fails = "cannot listen for notifications: EMFILE";
    perform({ type: "spawn", run: 1 });
    expect(facts()).toEqual([{ type: "spawnFailed", run: 1, failure: { stage: "prepare", message: notify.fails, resources: true } }]);
  });

  test("a unit with a notify socket and a watchdog is told of both", () => {
    const { perform, processes } = rig({ type: "notify", watchdogMs: 1500 });
    perform({ type: "spawn", run: 1 });
    const { env } = processes.latest().request!;
    expect(env).toMatchObject({ NOTIFY_SOCKET: "/run/notify/web", WATCHDOG_USEC: "1500000", WATCHDOG_PID: "" });
  });
});

describe("the end of the main process", () => {
  test("is reported after what the process wrote and said", () => {
    const { perform, facts, processes, notify, logs } = rig({ type: "notify" });
    perform({ type: "spawn", run: 1 });
    facts();
    notify.unread.push({ unit: "web", message: { pid: 100, text: "STATUS=bye" } });
    processes.latest().onExit(code(3));
    const [said, ended] = facts();
    expect(said).toMatchObject({ type: "notified", run: 1 });
    expect(ended).toEqual({ type: "exited", run: 1, exit: code(3) });
    expect(logs.acts.at(-1)).toBe("drain web");
  });

  test("of an earlier run is reported with that run, and leaves the current run's probe alone", () => {
    const { perform, facts, processes, prober } = rig({ check: {} });
    perform({ type: "spawn", run: 1 });
    const first = processes.latest();
    perform({ type: "spawn", run: 2 });
    perform({ type: "probe", run: 2, seq: 1 });
    facts();
    first.onExit(code(0));
    expect(facts()).toEqual([{ type: "exited", run: 1, exit: code(0) }]);
    expect(prober.probes[0]!.signal.aborted).toBe(false);
  });

  test("ends the probe that is under way", () => {
    const { perform, processes, prober } = rig({ check: {} });
    perform({ type: "spawn", run: 1 });
    perform({ type: "probe", run: 1, seq: 1 });
    processes.latest().onExit(code(0));
    expect(prober.probes[0]!.signal.aborted).toBe(true);
  });

  const OOM = { kind: "signal", signal: SIGNALS.SIGKILL, core: false, oom: true } as const;
  test.each([
    ["a SIGKILL from elsewhere, out of memory", killedBy(SIGNALS.SIGKILL), true, false, OOM],
    ["a SIGKILL from elsewhere, with memory left", killedBy(SIGNALS.SIGKILL), false, false, killedBy(SIGNALS.SIGKILL)],
    ["a SIGKILL from here, though the kernel killed something too", killedBy(SIGNALS.SIGKILL), true, true, killedBy(SIGNALS.SIGKILL)],
    ["another signal", killedBy(SIGNALS.SIGTERM), true, false, killedBy(SIGNALS.SIGTERM)],
    ["an exit code", code(137), true, false, code(137)],
    ["an end that nobody saw, out of memory", { kind: "lost" } as const, true, false, OOM],
  ])("%s", (_, exit, outOfMemory, killed, reported) => {
    const { perform, facts, processes } = rig();
    perform({ type: "spawn", run: 1 });
    processes.outOfMemory = outOfMemory;
    if (killed) perform({ type: "kill", run: 1 });
    facts();
    processes.latest().onExit(exit);
    expect(facts()).toEqual([{ type: "exited", run: 1, exit: reported }]);
  });
});

describe("MAINPID=", () => {
  const running = () => {
    const rigged = rig({ type: "notify" });
    rigged.perform({ type: "spawn", run: 1 });
    rigged.processes.members_.add(777);
    rigged.facts();
    return rigged;
  };

  test("another process of the unit becomes the main one; the end of the first is then not the end of the run", () => {
    const { notify, facts, processes, perform } = running();
    const first = processes.latest();
    notify.says("web", 100, "MAINPID=777");
    expect(facts()).toMatchObject([
      { type: "mainChanged", run: 1, process: ref(777) },
      { type: "notified", run: 1 },
    ]);
    first.onExit(code(0));
    expect(facts()).toEqual([]);
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    expect(processes.acts.at(-1)).toBe("signal tree 777 15 group");
    processes.latest().onExit(code(4));
    expect(facts()).toEqual([{ type: "exited", run: 1, exit: code(4) }]);
  });

  test("a process of somebody else is refused, with a note", () => {
    const { notify, facts, logs } = running();
    notify.says("web", 100, "MAINPID=888");
    expect(facts().map(({ type }) => type)).toEqual(["notified"]);
    expect(logs.notes).toEqual(["web: MAINPID=888 was ignored: no process of this unit has that pid"]);
  });

  test("a process that has ended meanwhile changes nothing", () => {
    const { notify, facts, processes } = running();
    processes.adopting = "ended";
    notify.says("web", 100, "MAINPID=777");
    expect(facts().map(({ type }) => type)).toEqual(["notified"]);
  });

  test("a stranger is not listened to; only its first message of a run is noted", () => {
    const { notify, facts, logs } = running();
    notify.says("web", 999, "READY=1");
    notify.says("web", 999, "READY=1");
    expect(facts()).toEqual([]);
    expect(logs.notes).toEqual(["web: a notification of pid 999 was ignored: no process of this unit has that pid"]);
  });
});

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

  test("the first failure ends the row", () => {
    const { perform, facts, processes } = rig({ preStart: [FIRST, SECOND] });
    perform({ type: "prepare", run: 1 });
    processes.latest().onExit(code(7));
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: "pre_start first: exit code 7" }]);
    expect(processes.acts).toEqual(["spawn first -a"]);
  });

  test("a command that cannot be started is a failure", () => {
    const { perform, facts, processes } = rig({ postStop: [FIRST] });
    processes.spawnFails = failed("exec");
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

  test("a command that takes too long is killed with its session, and says so", () => {
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
    expect(facts()).toEqual([{ type: "prepared", run: 1, failure: "stopped meanwhile" }]);
    expect(processes.all).toHaveLength(1);
  });

  test("post_stop runs to its end though the run was signalled, and knows how the run ended", () => {
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

describe("signals and sweeps", () => {
  const running = () => {
    const rigged = rig();
    rigged.perform({ type: "spawn", run: 1 });
    rigged.facts();
    rigged.processes.acts.length = 0;
    return rigged;
  };

  test("what is about another run changes nothing", () => {
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
  ])("a sweep sends %p to what is left and waits for its end", (signal, act) => {
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

  test("what needed SIGKILL is named once, however often it was killed", () => {
    const { perform, facts, processes } = running();
    processes.survivors = [{ pid: 41, name: "worker" }];
    perform({ type: "kill", run: 1 });
    perform({ type: "sweep", run: 1, signal: SIGNALS.SIGKILL });
    processes.empties();
    expect(facts()).toEqual([{ type: "swept", run: 1, killed: ["worker (41)"] }]);
  });
});

describe("reload", () => {
  test("a signal goes to the main process alone", () => {
    const { perform, facts, processes } = rig({ reload: { kind: "signal", signal: SIGNALS.SIGHUP } });
    perform({ type: "spawn", run: 1 });
    facts();
    perform({ type: "reload", run: 1 });
    expect(processes.acts.at(-1)).toBe("signal 100 1");
    expect(facts()).toEqual([{ type: "reloaded", run: 1, failure: null }]);
    processes.condition = () => "gone";
    perform({ type: "reload", run: 1 });
    expect(facts()).toEqual([{ type: "reloaded", run: 1, failure: "its main process is gone" }]);
  });

  test("a command knows the main process, and its failure is the reload's", () => {
    const { perform, facts, processes } = rig({ reload: { kind: "command", command: "reread", args: [], timeoutMs: 1000 } });
    perform({ type: "spawn", run: 1 });
    facts();
    perform({ type: "reload", run: 1 });
    expect(processes.latest("reread").request!.env).toMatchObject({ MAINPID: "100" });
    processes.latest("reread").onExit(code(2));
    expect(facts()).toEqual([{ type: "reloaded", run: 1, failure: "exit code 2" }]);
    perform({ type: "signal", run: 1, signal: 15, mode: "group" });
    expect(processes.acts.at(-1)).toBe("signal tree 100 15 group");
  });

  test("cannot be done without one, nor before there is a main process", () => {
    const without = rig();
    without.perform({ type: "reload", run: 1 });
    expect(without.facts()).toEqual([{ type: "reloaded", run: 1, failure: "the unit has no `reload`" }]);
    const early = rig({ reload: { kind: "signal", signal: SIGNALS.SIGHUP } });
    early.perform({ type: "reload", run: 1 });
    expect(early.facts()).toEqual([{ type: "reloaded", run: 1, failure: "its main process is gone" }]);
  });
});

describe("probes", () => {
  const running = (parts: Parameters<typeof rig>[0] = {}) => {
    const rigged = rig({ check: {}, ...parts });
    rigged.perform({ type: "spawn", run: 1 });
    rigged.facts();
    return rigged;
  };
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };

  test("the answer is posted with the run and the number of the probe", async () => {
    const { perform, prober, events, responses } = running();
    perform({ type: "probe", run: 1, seq: 4 });
    expect(prober.probes[0]!.context.main).toEqual(ref(100));
    prober.answer({ kind: "ok", detail: "connected", responseMs: 12 });
    await settled();
    const result = { atMs: 5000, kind: "ok", detail: "connected", responseMs: 12, fallback: false };
    expect(events()).toEqual([{ type: "probed", id: "web", run: 1, seq: 4, result } as never]);
    expect(responses).toEqual([12]);
  });

  test("a probe that breaks inside is answered as broken, and reported as a bug", async () => {
    const { perform, prober, events, bugs, responses } = running();
    perform({ type: "probe", run: 1, seq: 1 });
    prober.breaks(new Error("no such method"));
    await settled();
    expect(events()).toMatchObject([{ type: "probed", result: { kind: "broken", detail: "the probe failed inside sup" } }]);
    expect(bugs).toEqual(["cannot probe web: no such method"]);
    expect(responses).toEqual([null]);
  });

  test("before the run's environment is known a probe is broken, not bad", () => {
    const { perform, events } = rig({ check: {} });
    perform({ type: "probe", run: 1, seq: 1 });
    expect(events()).toMatchObject([{ type: "probed", run: 1, result: { kind: "broken", detail: "the run's environment is not known" } }]);
  });

  test("an unknown variable in the probe breaks it", () => {
    const { perform, events, prober } = running({ check: { probe: { type: "tcp", host: "localhost", port: "${NONE}", timeoutMs: 1000 } } });
    perform({ type: "probe", run: 1, seq: 1 });
    expect(prober.probes).toEqual([]);
    expect(JSON.stringify(events())).toContain("NONE");
  });

  test("who waits for a probe is released with its answer, or at once where none can come", async () => {
    const { interpreter, perform, prober, world } = running();
    await interpreter.whenProbed("web"); // it is down, as far as the world knows
    const { unit, spec } = world.get("web")!;
    const check = { run: 1, seq: 1, probing: false, dueMs: 0 } as never;
    const up = { ...unit, run: 1, phase: "running", process: ref(100), want: "up" } as const;
    world.handle({ type: "restore", spec, unit: up, check }, { nowMs: 0, roll: 0 });
    let released = false;
    void interpreter.whenProbed("web").then(() => (released = true));
    perform({ type: "probe", run: 1, seq: 1 });
    await settled();
    expect(released).toBe(false);
    prober.answer({ kind: "bad", detail: "refused", responseMs: 1 });
    await settled();
    expect(released).toBe(true);
  });
});

describe("adoption", () => {
  const adopting = (found: "adopted" | "ended" | "gone", parts: Parameters<typeof rig>[0] = {}) => {
    const rigged = rig(parts);
    rigged.processes.adopting = found;
    const { unit, spec } = rigged.world.get("web")!;
    const answer = rigged.interpreter.adopt("web", { ...unit, run: 5, process: ref(300) }, spec);
    return { ...rigged, answer };
  };

  test("the end of an adopted process is reported with its run", () => {
    const { answer, processes, facts } = adopting("adopted");
    expect(answer).toBe("adopted");
    processes.latest().onExit(code(0));
    expect(facts()).toEqual([{ type: "exited", run: 5, exit: code(0) }]);
  });

  test("a process that is gone is not waited for, and its tree can be swept", () => {
    const { answer, processes, perform, facts } = adopting("gone");
    expect(answer).toBe("gone");
    processes.survivors = [{ pid: 41, name: "worker" }];
    perform({ type: "sweep", run: 5, signal: SIGNALS.SIGKILL });
    expect(processes.acts).toContain("kill tree 300");
    processes.empties();
    expect(facts()).toMatchObject([{ type: "swept", run: 5 }]);
  });

  test("without a known process, the run is found by its invocation: the sweep still runs", () => {
    const { interpreter, world, processes, perform } = rig();
    const { unit, spec } = world.get("web")!;
    expect(interpreter.adopt("web", { ...unit, run: 5, process: null }, spec)).toBe("gone");
    processes.survivors = [{ pid: 41, name: "hook" }];
    perform({ type: "sweep", run: 5, signal: SIGNALS.SIGKILL });
    expect(processes.acts.at(-1)).toStartWith("kill tree ");
  });

  test("an adopted process can be heard, and a notify socket that fails is noted", () => {
    const { notify, facts } = adopting("adopted", { type: "notify" });
    notify.says("web", 300, "STATUS=here");
    expect(facts()).toMatchObject([{ type: "notified", run: 5 }]);
    const deaf = rig({ type: "notify" });
    deaf.notify.fails = "cannot listen for notifications: EMFILE";
    const { unit, spec } = deaf.world.get("web")!;
    expect(deaf.interpreter.adopt("web", { ...unit, run: 5, process: ref(300) }, spec)).toBe("adopted");
    expect(deaf.logs.notes).toEqual(["web: cannot listen for notifications: EMFILE"]);
  });

  test("a unit that waits for its next start has its sockets open meanwhile", () => {
    const { interpreter, world, sockets, perform, processes } = rig({
      sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false }],
    });
    const { unit, spec } = world.get("web")!;
    interpreter.holdSockets("web", unit, spec);
    expect(sockets.acts).toEqual(["keeper keeps socket web 0 127.0.0.1:80"]);
    perform({ type: "spawn", run: 1 });
    expect(processes.latest().request!.fds).toEqual([null, 11, 12, 50]);
  });
});

describe("faults of our own", () => {
  test.each([
    [{ type: "spawn", run: 1 } as const, { type: "spawnFailed", run: 1, failure: { stage: "prepare", resources: true } }],
    [{ type: "prepare", run: 1 } as const, { type: "prepared", run: 1 }],
    [{ type: "finish", run: 1 } as const, { type: "finished", run: 1 }],
    [{ type: "reload", run: 1 } as const, { type: "reloaded", run: 1 }],
  ])("an effect that throws is answered: %p", (effect, fact) => {
    const { perform, facts, bugs, processes, logs } = rig({
      preStart: [hook()],
      postStop: [hook()],
      reload: { kind: "command", command: "reread", args: [], timeoutMs: 1000 },
    });
    if (effect.type === "reload") perform({ type: "spawn", run: 1 });
    facts();
    processes.spawnFails = new Error("out of luck");
    if (effect.type === "spawn") {
      processes.spawnFails = null;
      logs.writersFail = new Error("out of luck");
    }
    perform(effect);
    const answers = facts();
    expect(answers).toMatchObject([fact]);
    expect(JSON.stringify(answers)).toContain("sup failed inside: out of luck");
    expect(bugs).toEqual([`cannot perform ${effect.type} of web: out of luck`]);
  });

  test("a sweep that throws is answered as done", () => {
    const { perform, facts, processes, bugs } = rig();
    perform({ type: "spawn", run: 1 });
    facts();
    processes.isEmpty = () => {
      throw new Error("out of luck");
    };
    perform({ type: "sweep", run: 1, signal: 15 });
    expect(facts()).toEqual([{ type: "swept", run: 1, killed: [] }]);
    expect(bugs).toHaveLength(1);
  });

  test("a unit that is gone is forgotten with its run; a late end is still reported with the run", () => {
    const { perform, facts, processes, interpreter } = rig();
    perform({ type: "spawn", run: 1 });
    facts();
    interpreter.forget("web");
    expect(processes.acts.at(-1)).toBe("forget web#1");
    processes.latest().onExit(code(0));
    expect(facts()).toEqual([{ type: "exited", run: 1, exit: code(0) }]);
    interpreter.forget("web");
    expect(processes.acts.filter((act) => act.startsWith("forget"))).toHaveLength(1);
  });
});

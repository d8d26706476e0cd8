/** The main process of a run on fake ports: how it starts, ends, is replaced and is adopted. */
import { describe, expect, test } from "bun:test";
import { SIGNALS } from "../../../src/base/signals.ts";
import { SPAWN_STAGES } from "../../../src/base/spawn-stages.ts";
import type { SpawnResult } from "../../../src/ports/processes.ts";
import { code, killedBy, makeSpec, ref } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

const ENOENT = 2;
const EAGAIN = 11;
const ETIMEDOUT = 110;
const failed = (stage: (typeof SPAWN_STAGES)[number], errno = ENOENT): Extract<SpawnResult, { ok: false }> => ({
  ok: false,
  stage,
  errno,
  subject: "serve",
});

describe("spawn", () => {
  test("a process that starts is reported with its run", () => {
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

  test("without a working directory and a nice value of its own a process gets the defaults, not what the daemon has", () => {
    const { perform, processes } = rig({ preStart: [{ command: "prepare", args: [], timeoutMs: 1000 }] });
    perform({ type: "prepare", run: 1 });
    perform({ type: "spawn", run: 1 });
    for (const { request } of processes.all) expect(request).toMatchObject({ cwd: "/home/ann", identity: { nice: 0 } });
    expect(processes.all).toHaveLength(2);
    const own = rig({ identity: { user: null, group: null, umask: null, nice: 7, oomScoreAdj: null, limits: {} } });
    own.perform({ type: "spawn", run: 1 });
    expect(own.processes.latest().request!.identity.nice).toBe(7);
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

  test("a step that hangs says so, and counts as a failure of the unit", () => {
    const { perform, facts, processes } = rig();
    processes.spawnFails = { ok: false, stage: "chdir", errno: ETIMEDOUT, subject: "/mnt/nfs" };
    perform({ type: "spawn", run: 1 });
    const message =
      "cannot change to the working directory /mnt/nfs: timed out (ETIMEDOUT): its file system does not answer, or something stopped the new process";
    expect(facts()).toEqual([{ type: "spawnFailed", run: 1, failure: { stage: "chdir", resources: false, message } }]);
  });

  test("READY=1 that is read before the result of the start follows it", () => {
    const { perform, facts, processes, notify } = rig({ type: "notify" });
    processes.isSlow = true;
    perform({ type: "spawn", run: 1 });
    expect(facts()).toEqual([]);
    processes.isSlow = false;
    notify.says("web", 100, "READY=1");
    expect(facts()).toMatchObject([
      { type: "spawned", run: 1 },
      { type: "notified", run: 1 },
    ]);
  });

  test("a shortage of resources is marked as such, whatever the step", () => {
    const { perform, facts, processes } = rig();
    processes.spawnFails = failed("exec", EAGAIN);
    perform({ type: "spawn", run: 1 });
    expect(facts()).toMatchObject([{ type: "spawnFailed", failure: { stage: "exec", resources: true } }]);
  });

  test.each([
    ["an unknown user", { identity: { user: "bob", group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} } }, "no such user"],
    [
      "a missing environment file",
      { environmentFiles: [{ path: "/etc/web.env", optional: false }] },
      "cannot read environment file /etc/web.env: no such file or directory (ENOENT)",
    ],
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
    const { perform, facts, sockets, processes } = rig({
      sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false, nonBlocking: false }],
    });
    sockets.listenFails = "cannot listen on 127.0.0.1:80: address already in use (EADDRINUSE)";
    perform({ type: "spawn", run: 1 });
    expect(facts()).toEqual([
      { type: "spawnFailed", run: 1, failure: { stage: "prepare", message: sockets.listenFails, resources: false } },
    ]);
    expect(processes.all).toEqual([]);
  });

  test("a log that the group cannot read fails the start", () => {
    const { perform, facts, logs, processes } = rig();
    logs.unshared = "cannot let the group adm read the log";
    perform({ type: "spawn", run: 1 });
    expect(facts()).toEqual([
      { type: "spawnFailed", run: 1, failure: { stage: "prepare", message: "cannot let the group adm read the log", resources: false } },
    ]);
    expect(processes.all).toEqual([]);
  });

  test("units that name different groups for their logs cannot both start", () => {
    const log = (group: string | null) => ({ ...makeSpec("x").log, group });
    const { perform, facts, world } = rig({ log: log("adm") });
    const load = (id: string, group: string | null): void =>
      void world.handle({ type: "load", spec: makeSpec(id, { log: log(group) }) }, { nowMs: 0, roll: 0 });
    load("same", "adm");
    load("none", null);
    perform({ type: "spawn", run: 1 });
    expect(facts()).toMatchObject([{ type: "spawned" }]);
    load("other", "staff");
    perform({ type: "spawn", run: 2 });
    expect(JSON.stringify(facts())).toContain("the unit other names the group staff, and the log directory can belong to one group only");
  });

  test("the process gets its sockets from descriptor 3, with their names", () => {
    const { perform, processes } = rig({ sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false, nonBlocking: false }] });
    perform({ type: "spawn", run: 1 });
    expect(processes.latest().request!.fds).toEqual([null, 11, 12, 50]);
    expect(processes.latest().request!.env).toMatchObject({ LISTEN_FDS: "1", LISTEN_FDNAMES: "http", LISTEN_PID: "" });
  });

  test("a socket becomes non-blocking only if its unit file says so", () => {
    const socket = { listen: "127.0.0.1:80", reusePort: false };
    const { perform, sockets } = rig({
      sockets: [
        { ...socket, name: "plain", nonBlocking: false },
        { ...socket, name: "free", nonBlocking: true },
      ],
    });
    perform({ type: "spawn", run: 1 });
    expect(sockets.acts.filter((act) => act.startsWith("unblock"))).toEqual(["unblock 51"]);
  });

  test("a notify socket that cannot be opened fails the start and counts as a shortage", () => {
    const { perform, facts, notify } = rig({ type: "notify" });
    notify.fails = "cannot listen for notifications: EMFILE";
    perform({ type: "spawn", run: 1 });
    expect(facts()).toEqual([{ type: "spawnFailed", run: 1, failure: { stage: "prepare", message: notify.fails, resources: true } }]);
  });

  test("the environment names the notify socket and the watchdog interval", () => {
    const { perform, processes } = rig({ type: "notify", watchdogMs: 1500 });
    perform({ type: "spawn", run: 1 });
    const { env } = processes.latest().request!;
    expect(env).toMatchObject({ NOTIFY_SOCKET: "/run/notify/web", WATCHDOG_USEC: "1500000", WATCHDOG_PID: "" });
  });
});

describe("the end of the main process", () => {
  test("is reported after the output and the notifications of the process", () => {
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

  test("of an earlier run is reported with that run and does not abort the probe of the current one", () => {
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

  test("aborts the current probe", () => {
    const { perform, processes, prober } = rig({ check: {} });
    perform({ type: "spawn", run: 1 });
    perform({ type: "probe", run: 1, seq: 1 });
    processes.latest().onExit(code(0));
    expect(prober.probes[0]!.signal.aborted).toBe(true);
  });

  test.each([
    ["#!/usr/bin/env bash\r", "./run.sh", 127, true],
    ["#!/usr/bin/env bash", "./run.sh", 127, false],
    ["#!/usr/bin/env bash\r", "./run.sh", 1, false],
    ["#!/usr/bin/env bash\r", "run.sh", 127, false],
  ])("%j of %s with exit code %i: Windows line endings are noted: %p", async (line, command, exit, noted) => {
    const { perform, processes, logs, files } = rig({ exec: { command, args: [], shell: false, workingDirectory: "/srv" } });
    files.set("/srv/run.sh", line);
    perform({ type: "spawn", run: 1 });
    processes.latest().onExit(code(exit));
    await new Promise((resolve) => setImmediate(resolve));
    expect(logs.notes).toEqual(noted ? [expect.stringContaining("./run.sh: its first line ends in a carriage return")] : []);
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
    rigged.processes.otherMembers.add(777);
    rigged.facts();
    return rigged;
  };

  test("makes another process of the unit the main one; the exit of the first one does not end the run", () => {
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
    expect(facts()).toEqual([
      { type: "signalSent", run: 1 },
      { type: "exited", run: 1, exit: code(4) },
    ]);
  });

  test("a process that does not belong to the unit is refused with a note", () => {
    const { notify, facts, logs } = running();
    notify.says("web", 100, "MAINPID=888");
    expect(facts().map(({ type }) => type)).toEqual(["notified"]);
    expect(logs.notes).toEqual(["web: MAINPID=888 was ignored: no process of this unit has that pid"]);
  });

  test("a process that has already ended changes nothing", () => {
    const { notify, facts, processes } = running();
    processes.adopting = "ended";
    notify.says("web", 100, "MAINPID=777");
    expect(facts().map(({ type }) => type)).toEqual(["notified"]);
  });

  test("messages of strangers are ignored; only the first in a run is noted", () => {
    const { notify, facts, logs } = running();
    notify.says("web", 999, "READY=1");
    notify.says("web", 999, "READY=1");
    expect(facts()).toEqual([]);
    expect(logs.notes).toEqual(["web: a notification of pid 999 was ignored: no process of this unit has that pid"]);
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

  test("the exit of an adopted process is reported with its run", () => {
    const { answer, processes, facts } = adopting("adopted");
    expect(answer).toBe("adopted");
    processes.latest().onExit(code(0));
    expect(facts()).toEqual([{ type: "exited", run: 5, exit: code(0) }]);
  });

  test("after a process that is gone, the rest of its tree can be swept", () => {
    const { answer, processes, perform, facts } = adopting("gone");
    expect(answer).toBe("gone");
    processes.survivors = [{ pid: 41, name: "worker" }];
    perform({ type: "sweep", run: 5, signal: SIGNALS.SIGKILL });
    expect(processes.acts).toContain("kill tree 300");
    processes.empties();
    expect(facts()).toMatchObject([{ type: "swept", run: 5 }]);
  });

  test("without a known process the sweep finds the run by its invocation", () => {
    const { interpreter, world, processes, perform } = rig();
    const { unit, spec } = world.get("web")!;
    expect(interpreter.adopt("web", { ...unit, run: 5, process: null }, spec)).toBe("gone");
    processes.survivors = [{ pid: 41, name: "hook" }];
    perform({ type: "sweep", run: 5, signal: SIGNALS.SIGKILL });
    expect(processes.acts.at(-1)).toStartWith("kill tree ");
  });

  test("notifications of an adopted process are received, and a notify socket that fails is noted", () => {
    const { notify, facts } = adopting("adopted", { type: "notify" });
    notify.says("web", 300, "STATUS=here");
    expect(facts()).toMatchObject([{ type: "notified", run: 5 }]);
    const deaf = rig({ type: "notify" });
    deaf.notify.fails = "cannot listen for notifications: EMFILE";
    const { unit, spec } = deaf.world.get("web")!;
    expect(deaf.interpreter.adopt("web", { ...unit, run: 5, process: ref(300) }, spec)).toBe("adopted");
    expect(deaf.logs.notes).toEqual(["web: cannot listen for notifications: EMFILE"]);
  });

  test("the sockets of a unit that waits for its next start are open", () => {
    const { interpreter, world, sockets, perform, processes } = rig({
      sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false, nonBlocking: false }],
    });
    const { unit, spec } = world.get("web")!;
    interpreter.holdSockets("web", unit, spec);
    expect(sockets.acts).toEqual(["keeper keeps socket web 0 127.0.0.1:80"]);
    perform({ type: "spawn", run: 1 });
    expect(processes.latest().request!.fds).toEqual([null, 11, 12, 50]);
  });
});

describe("the fingerprint of a run", () => {
  test("is taken when the command was executed, and when the start failed", () => {
    const { perform, processes, taken, facts } = rig({ exec: { command: "serve", args: [], shell: false, workingDirectory: null } });
    perform({ type: "spawn", run: 1 });
    processes.spawnFails = failed("exec");
    perform({ type: "spawn", run: 2 });
    processes.spawnFails = failed("exec", ETIMEDOUT);
    perform({ type: "spawn", run: 3 });
    expect(facts()).toHaveLength(3);
    expect(taken).toEqual([
      ["web#1", "serve", true],
      ["web#2", "serve", true],
      ["web#3", "serve", false],
    ]);
  });

  test("says little if the start failed before a process was created", () => {
    const noFile = rig({ environmentFiles: [{ path: "/none", optional: false }] });
    noFile.perform({ type: "spawn", run: 1 });
    expect(noFile.taken).toEqual([["web#1", null, false]]);
    const hook = rig({ preStart: [{ command: "migrate", args: [], timeoutMs: 1000 }] });
    hook.perform({ type: "prepare", run: 1 });
    expect(hook.taken).toEqual([]);
    hook.processes.latest().onExit(code(7));
    expect(hook.taken).toMatchObject([["web#1", expect.any(String), false]]);
  });
});

describe("the working directory of a unit of a service", () => {
  const located = async (links: Record<string, string>, parts: Parameters<typeof rig>[0] = { instance: 1 }): Promise<unknown[]> => {
    const {
      perform,
      events,
      links: known,
    } = rig({ ...parts, exec: { command: "serve", args: [], shell: false, workingDirectory: "/srv" } });
    for (const [path, target] of Object.entries(links)) known.set(path, target);
    perform({ type: "spawn", run: 1 });
    await new Promise(setImmediate);
    return events().flatMap((event) => (event.type === "located" ? [event.directory] : []));
  };

  test("is recorded if it is a symbolic link, because a failed rollout returns to where it led", async () => {
    expect(await located({ "/srv": "/releases/7" })).toEqual(["/releases/7"]);
  });

  test("is not recorded otherwise, because each record is another write for each start", async () => {
    expect(await located({})).toEqual([]);
    expect(await located({ "/srv": "/releases/7" }, {})).toEqual([]);
  });
});

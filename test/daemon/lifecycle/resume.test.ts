/** How a daemon takes over the units that an earlier daemon of the same boot left behind. */
import { describe, expect, test } from "bun:test";
import type { EventRow } from "../../../src/ports/store/events.ts";
import { code, ref } from "../../core/fixtures.ts";
import { Disk, daemonOn, firstDaemon } from "./life.ts";

const WEB = { command: "serve" };

/** The state after a daemon died while `web` was running. */
async function left(file: object = WEB): Promise<Disk> {
  const { disk, daemon } = firstDaemon({ web: file });
  daemon.request("start", "web");
  await daemon.settle();
  expect(daemon.unit("web")).toMatchObject({ process: ref(100), run: 1 });
  disk.nowMs += 60_000;
  return disk;
}

describe("a unit that ran", () => {
  test("is adopted with its process and run; its exit leads to a restart as usual", async () => {
    const disk = await left();
    const next = daemonOn(disk);
    const resumed = next.resume();
    expect(resumed.adopted).toBe(1);
    expect([...resumed.decided]).toEqual(["web"]);
    expect(next.info).toEqual(["adopted 1 running units"]);
    expect(next.processes.acts).toEqual(["adopt 100"]);
    expect(next.unit("web")).toMatchObject({ phase: "running", run: 1, process: ref(100), restarts: 0 });
    next.processes.latest().onExit(code(1));
    await next.settle();
    expect(next.unit("web")).toMatchObject({ phase: "backoff", run: 1, process: null });
    expect(next.bugs).toEqual([]);
  });

  test("and has ended meanwhile is restarted once its exit status is known", async () => {
    const next = daemonOn(await left());
    next.processes.adopting = "ended";
    expect(next.resume().adopted).toBe(0);
    expect(next.unit("web")!.phase).toBe("running");
    next.processes.latest().onExit(code(3));
    await next.settle();
    expect(next.unit("web")!.last).toMatchObject({ by: "exit", exit: code(3) });
  });

  test("and is gone counts as ended with an unknown status", async () => {
    const next = daemonOn(await left());
    next.processes.adopting = "gone";
    next.resume();
    await next.settle();
    expect(next.unit("web")).toMatchObject({ phase: "backoff", last: { by: "exit", exit: { kind: "lost" } } });
  });

  test("keeps running without its file, with the settings from its memory", async () => {
    const disk = await left();
    disk.files.clear();
    const next = daemonOn(disk);
    expect(next.resume()).toEqual({ adopted: 1, decided: new Set(["web"]) });
    expect(next.specOf("web")!.exec.command).toBe("serve");
  });

  test.each([
    ["running", ["web still runs (pid 100) without supervision"]],
    ["gone", []],
  ] as const)(
    "without a file and without settings in its memory is left alone; a note names the process unless it is gone (%s)",
    async (condition, notes) => {
      const disk = await left();
      disk.files.clear();
      disk.memories.set("web", JSON.stringify({ ...JSON.parse(disk.memories.get("web")!), inForce: null }));
      const next = daemonOn(disk);
      next.processes.condition = () => condition;
      expect(next.resume()).toEqual({ adopted: 0, decided: new Set() });
      expect(next.processes.acts).toEqual([]);
      expect(next.notes.map((note) => note.slice(0, 44))).toEqual([...notes]);
    },
  );

  test("keeps the command that it was started with, even if its file changed", async () => {
    const disk = await left();
    disk.files.set("web", { command: "other" });
    const next = daemonOn(disk);
    next.resume();
    expect(next.specOf("web")!.exec.command).toBe("serve");
  });

  test("before the last boot is forgotten", async () => {
    const disk = await left();
    disk.bootId = "another";
    const next = daemonOn(disk);
    expect(next.resume()).toEqual({ adopted: 0, decided: new Set() });
    expect(next.unit("web")).toMatchObject({ phase: "idle", run: 0, process: null });
    expect(disk.values.get("boot-id")).toBe("another");
  });

  test("and was being stopped by the shutdown of its daemon may start again", async () => {
    const disk = await left();
    const memory = JSON.parse(disk.memories.get("web")!);
    memory.unit = { ...memory.unit, phase: "idle", want: "down", cause: "shutdown", process: null };
    disk.memories.set("web", JSON.stringify(memory));
    expect([...daemonOn(disk).resume().decided]).toEqual([]);
  });

  test("with a damaged memory starts afresh", async () => {
    const disk = await left();
    disk.memories.set("web", "{damaged");
    const next = daemonOn(disk);
    expect(next.resume()).toEqual({ adopted: 0, decided: new Set() });
    expect(next.unit("web")!.phase).toBe("idle");
  });
});

test("a unit that the operator stopped stays stopped", async () => {
  const { disk, daemon } = firstDaemon({ web: WEB });
  daemon.request("start", "web");
  await daemon.settle();
  daemon.request("stop", "web");
  await daemon.settle();
  daemon.processes.latest().onExit(code(0));
  await daemon.settle();
  const next = daemonOn(disk);
  expect(next.resume()).toEqual({ adopted: 0, decided: new Set(["web"]) });
  expect(next.unit("web")).toMatchObject({ phase: "idle", want: "down" });
  expect(next.processes.acts).toEqual([]);
});

describe("the moment of the crash", () => {
  test("a process that was started but not recorded is adopted with its run", async () => {
    const disk = await left();
    const memory = JSON.parse(disk.memories.get("web")!);
    memory.unit = { ...memory.unit, phase: "backoff", process: null, due: { atMs: disk.nowMs, why: "restart" } };
    disk.memories.set("web", JSON.stringify(memory));
    const next = daemonOn(disk);
    next.processes.found = [{ unit: "web", invocation: "web#2", ref: ref(222), madeAtMs: disk.nowMs }];
    expect(next.resume().adopted).toBe(1);
    expect(next.unit("web")).toMatchObject({ phase: "running", run: 2, process: ref(222), restarts: 1 });
  });

  test("older runs and those of another daemon are ignored", async () => {
    const next = daemonOn(await left());
    next.processes.found = [
      { unit: "web", invocation: "web#1", ref: ref(333), madeAtMs: 0 },
      { unit: "web", invocation: "other#9", ref: ref(444), madeAtMs: 0 },
    ];
    next.resume();
    expect(next.unit("web")).toMatchObject({ run: 1, process: ref(100) });
  });

  test.each([
    ["preparing", "finishing", "backoff"],
    ["cleaning", "cleaning", "idle"],
    ["finishing", "idle", "idle"],
  ] as const)("a unit does not stay in %s", async (phase, soon, after) => {
    const { disk, daemon } = firstDaemon({ web: { ...WEB, pre_start: [{ command: "prepare" }], post_stop: [{ command: "tidy" }] } });
    daemon.request("start", "web");
    await daemon.settle();
    const memory = JSON.parse(disk.memories.get("web")!);
    const want = phase === "preparing" ? "up" : "down";
    const ending = { by: "stop", cause: "operator", exit: code(0), detail: "", killed: [], ranMs: 1 };
    memory.unit = { ...memory.unit, phase, run: 1, want, process: null, ending: phase === "preparing" ? null : ending };
    disk.memories.set("web", JSON.stringify(memory));
    const next = daemonOn(disk);
    if (phase === "cleaning") next.processes.survivors = [{ pid: 41, name: "worker" }];
    next.resume();
    await next.settle();
    expect(next.unit("web")!.phase).toBe(soon);
    if (phase === "cleaning") {
      expect(next.processes.acts.some((act) => act.startsWith("kill tree"))).toBe(true);
      next.processes.empties();
      await next.settle();
    }
    if (phase !== "finishing") next.processes.latest("tidy").onExit(code(0));
    await next.settle();
    expect(next.unit("web")!.phase).toBe(after);
  });
});

test("a daemon that died while it checked conditions is no failure of the unit: they are checked again", async () => {
  const { disk, daemon } = firstDaemon({ web: { ...WEB, conditions: [{ path_exists: "/a" }] } });
  daemon.request("start", "web");
  await daemon.settle();
  expect(daemon.unit("web")!.phase).toBe("preparing");
  disk.nowMs += 60_000;
  const next = daemonOn(disk);
  next.resume();
  next.handle({ type: "tick" });
  await next.settle();
  expect(next.processes.acts).toEqual(["spawn check-paths path_exists /a"]);
  next.processes.latest().onExit(code(0));
  await next.settle();
  expect(next.unit("web")).toMatchObject({ phase: "running", run: 1, ledger: { retries: 0 } });
});

describe("a daemon that died while the conditions were checked, after which the main process was started", () => {
  const found = { unit: "web", invocation: "web#1", ref: ref(500), madeAtMs: 500 };

  async function preparing(conditions: object[]): Promise<ReturnType<typeof daemonOn>> {
    const { disk, daemon } = firstDaemon({ web: { ...WEB, conditions } });
    daemon.request("start", "web");
    await daemon.settle();
    const next = daemonOn(disk);
    next.processes.found = [found];
    next.processes.survivors = [{ pid: 500, name: "serve" }];
    next.resume();
    await next.settle();
    return next;
  }

  test("the process is adopted if nothing else can have this invocation", async () => {
    const next = await preparing([{ path_exists: "/a" }]);
    expect(next.processes.acts).toEqual(["adopt 500"]);
    expect(next.unit("web")).toMatchObject({ phase: "running", run: 1, process: ref(500) });
  });

  test("what may be a command of a condition is ended, and the start has failed", async () => {
    const next = await preparing([{ command: "check" }]);
    expect(next.processes.acts.some((act) => act.startsWith("spawn"))).toBe(false);
    expect(next.unit("web")).toMatchObject({ phase: "cleaning", ending: { by: "hook" } });
  });
});

describe("a store that was lost", () => {
  const found = { unit: "web", invocation: "web#7", ref: ref(777), madeAtMs: 500 };

  test("a running process is adopted as if it had been ready since its start", async () => {
    const disk = await left();
    disk.memories.clear();
    disk.memories.set("other", "{}"); // a crash, not an orderly end
    const next = daemonOn(disk);
    next.processes.found = [found];
    disk.files.set("other", { command: "idle" });
    disk.memories.set("other", JSON.stringify({ version: 1, unit: { id: "other", phase: "idle" }, check: null, inForce: null }));
    expect(next.resume().adopted).toBe(1);
    expect(next.unit("web")).toMatchObject({ phase: "running", want: "up", run: 7, process: ref(777), readyAtMs: 500 });
    expect(next.notes).toHaveLength(1);
    expect(next.notes[0]).toContain("the database had no record of web");
  });

  test("a process without a unit file is left alone; a note names it", async () => {
    const disk = await left();
    const next = daemonOn(disk);
    next.processes.found = [{ ...found, unit: "stray", invocation: "stray#1" }];
    next.resume();
    expect(next.notes).toHaveLength(1);
    expect(next.notes[0]).toStartWith("stray still runs (pid 777) without supervision");
  });
});

test("processes of a health check that outlived the daemon are ended, and only those of this daemon's own units", async () => {
  const disk = await left();
  const next = daemonOn(disk);
  const check = (unit: string, invocation: string, pid: number) => ({ unit, invocation, ref: ref(pid), madeAtMs: 500 });
  next.processes.found = [
    check("web", "check-web#1-0a1b2c3d", 777),
    check("gone", "check-gone#4-0a1b2c3d", 778),
    check("web", "check-other#1-0a1b2c3d", 779),
    check("web", "check-", 780),
    check("web", "check-0a1b2c3d", 781),
  ];
  next.resume();
  expect(next.processes.acts.filter((act) => act.startsWith("kill"))).toEqual(["kill tree 777", "kill tree 778"]);
  expect(next.notes).toEqual([]);
});

describe("sockets", () => {
  const LISTENS = { ...WEB, sockets: [{ name: "http", listen: "127.0.0.1:8080" }] };
  const HELD = { name: "http", text: "127.0.0.1:8080", address: { kind: "tcp", host: "127.0.0.1", port: 8080 }, fd: 9 } as never;

  test("of a unit that waits for its next start are opened", async () => {
    const disk = await left(LISTENS);
    const next = daemonOn(disk);
    next.processes.adopting = "gone";
    next.resume();
    await next.settle();
    expect(next.sockets.acts.some((act) => act.startsWith("keeper keeps socket web 0"))).toBe(true);
    expect(next.unit("web")!.phase).toBe("backoff");
  });

  test("from a re-exec are kept", async () => {
    const disk = await left(LISTENS);
    const next = daemonOn(disk);
    next.resume({ web: [HELD] });
    expect(next.sockets.acts).toContain("keep 9 false");
    expect(next.sockets.acts.some((act) => act.startsWith("close"))).toBe(false);
  });
});

describe("lines that the previous daemon wrote to the log, but could not act on", () => {
  const PATTERNS = { ...WEB, ready_log: "up", fail_log: "ERROR" };
  const started = (run: number): EventRow => ({
    ...{ id: 1, serviceId: "web", type: "started", timestamp: "", message: "" },
    details: { run, log_from: "2026-01-01T00:00:00.000000000Z" },
  });

  /** Another daemon on this disk whose logs contain a line; `from` are the timestamps from which it searched. */
  async function next(disk: Disk, text: string, prepare: (daemon: ReturnType<typeof daemonOn>) => void = () => undefined) {
    const daemon = daemonOn(disk);
    const from: unknown[] = [];
    const line = { time: "2026-01-01T01:00:00.000000000Z", stream: "stdout", full: true, text } as const;
    daemon.logs.logs.read = () => [line];
    daemon.logs.logs.search = async (_, { grep, ...query }) => {
      from.push(query.from);
      return grep!.test(text) ? [line] : [];
    };
    prepare(daemon);
    daemon.resume();
    await new Promise(setImmediate);
    expect(daemon.bugs).toEqual([]);
    return { unit: daemon.unit("web")!, from, daemon };
  }

  /** The state after the first daemon died while `web` was starting. */
  async function starting(): Promise<Disk> {
    const { disk, daemon } = firstDaemon({ web: PATTERNS });
    daemon.request("start", "web");
    await daemon.settle();
    expect(daemon.unit("web")!.phase).toBe("starting");
    disk.events = [started(1)];
    return disk;
  }

  test("make a unit that was starting ready, or fail it; its whole run is searched", async () => {
    expect(await next(await starting(), "up")).toMatchObject({ unit: { phase: "running" } });
    const failed = await next(await starting(), "ERROR");
    expect(failed.unit).toMatchObject({ phase: "stopping", ending: { by: "log", detail: "output matches fail_log ERROR: ERROR" } });
    expect(failed.from).toEqual(Array(2).fill("2026-01-01T00:00:00.000000000Z"));
  });

  test("fail a unit that was running; the end of its log is searched", async () => {
    const { disk } = { disk: await starting() };
    await next(disk, "up");
    const failed = await next(disk, "ERROR");
    expect(failed.unit.phase).toBe("stopping");
    expect(failed.from).toEqual(["2026-01-01T00:59:50.000000000Z"]);
  });

  test("are not searched without the start of this run in the history, or without patterns", async () => {
    const disk = await starting();
    disk.events = [started(7)];
    expect((await next(disk, "up")).from).toEqual([]);
    expect((await next(await left(), "up")).from).toEqual([]);
  });

  test("count for a start that the previous daemon could not record: its process tells when it began", async () => {
    const disk = await starting();
    const memory = JSON.parse(disk.memories.get("web")!);
    memory.unit.process = null;
    disk.memories.set("web", JSON.stringify(memory));
    const found = [{ unit: "web", invocation: "web#1", ref: ref(100), madeAtMs: 500 }];
    const begun = await next(disk, "up", (daemon) => void (daemon.processes.found = found));
    expect(begun.unit).toMatchObject({ phase: "running", process: ref(100) });
    expect(begun.from[0]).toBe("1970-01-01T00:00:00.500000000Z");
  });
});

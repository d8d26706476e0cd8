import { World } from "../../../src/core/world/world.ts";
import type { Unit } from "../../../src/core/unit/record.ts";
import type { EventRow } from "../../../src/ports/store/events.ts";
import type { Parts } from "../../../src/daemon/compose/compose.ts";
import { Engine } from "../../../src/daemon/engine/engine.ts";
import { Interpreter } from "../../../src/daemon/engine/interpreter.ts";
import { Launcher } from "../../../src/daemon/engine/launcher.ts";
import { SocketHolder } from "../../../src/daemon/engine/socket-holder.ts";
import { rememberUnit } from "../../../src/daemon/engine/unit-memory.ts";
import { resume, type Resumed } from "../../../src/daemon/lifecycle/resume.ts";
import { Reloader } from "../../../src/daemon/units/reloader.ts";
import { UnitCatalog } from "../../../src/daemon/units/unit-catalog.ts";
import type { Held } from "../../../src/daemon/engine/socket-holder.ts";
import { unitFiles } from "../../spec/fixtures.ts";
import { fakeLogs, FakeProber, FakeProcesses, fakeSockets, FakeSdNotify, fakeTerminals } from "../engine/fakes.ts";

/** The state that outlives a daemon: unit files, the store, the boot id. */
export class Disk {
  readonly files = new Map<string, object>();
  readonly memories = new Map<string, string>();
  readonly values = new Map<string, string>();
  /** The history as the store has it. */
  events: EventRow[] = [];
  bootId = "boot";
  nowMs = 1000;
}

/** A daemon on fake ports whose turns are written to the disk. It never shuts down: the next one finds its memories, as after a crash. */
export function daemonOn(disk: Disk) {
  const [processes, prober, notify, logs, sockets] = [new FakeProcesses(), new FakeProber(), new FakeSdNotify(), fakeLogs(), fakeSockets()];
  const world = new World({ startConcurrency: 0 });
  const clock = { monotonicMs: () => disk.nowMs, wallMs: () => disk.nowMs, roll: () => 0.5, wakeAt: () => undefined };
  const bugs: string[] = [];
  const bug = (message: string, error?: unknown): void => void bugs.push(`${message} ${String(error)}`);
  const catalog = new UnitCatalog({
    directories: ["/u"],
    snapshot: () => ({ units: [...disk.files].map(([id, file]) => unitFiles(id, file)), unreadable: [], masked: [] }),
    leftAlone: () => [],
    watch: () => () => undefined,
  });
  const engine: Engine = new Engine({
    world,
    clock,
    sink: {
      record(turn) {
        for (const id of turn.removed) disk.memories.delete(id);
        for (const id of turn.changed) disk.memories.set(id, rememberUnit(world.get(id)!, catalog.get(id)?.effective));
      },
      publish: () => undefined,
      perform: (effect) => interpreter.perform(effect),
      bug,
    },
  });
  const account = { name: "ann", uid: 1000, gid: 1000, home: "/home/ann", shell: "/bin/sh" };
  const places = { state: "/state", logs: "/logs", runtime: "/run" };
  const readText = (): { ok: false; error: string } => ({ ok: false, error: "ENOENT" });
  const launcher = new Launcher({
    users: { lookup: () => account },
    places,
    locale: {},
    defaults: { directory: (home: string) => home, nice: null },
    readText,
  });
  const holder = new SocketHolder(sockets.sockets, sockets.keeper);
  const invocationOf = (id: string, run: number): string => `${id}#${run}`;
  const interpreter = new Interpreter({
    findShortage: () => null,
    findPortHolder: () => null,
    stdins: { pass: (_, action) => action(null) },
    ...fakeTerminals(),
    pathChecker: ["check-paths"],
    ...{ world, processes, logs: logs.logs, prober, launcher, sockets: holder, notify, clock, bootId: disk.bootId, invocationOf, bug },
    onProbe: () => undefined,
    firstLineOf: async () => null,
    fingerprints: { take: () => {} },
    realPathOf: async (path) => path,
    post: (...events) => engine.post(...events),
  });
  const reloader = new Reloader({
    ...{
      world,
      catalog,
      refresh: () => undefined,
      announce: () => undefined,
      filesRead: () => undefined,
      earlierRuns: () => 0,
      enablements: () => new Map(),
      roll: () => undefined,
    },
    systemUnits: { check: () => undefined } as never,
    recorder: { tell: () => undefined } as never,
    handle: (...events) => engine.handle(...events),
  });
  const notes: string[] = [];
  const runOf = (id: string, invocation: string): number | null => {
    const [unit, run] = invocation.split("#");
    return unit === id ? Number(run) : null;
  };
  const store = {
    get: (key: string) => disk.values.get(key) ?? null,
    set: (key: string, value: string) => void disk.values.set(key, value),
    events: () => disk.events,
    memories: () => [...disk.memories].map(([id, memory]) => ({ kind: "unit", id, memory })),
  };
  const parts = {
    ...{
      world,
      engine,
      interpreter,
      catalog,
      reloader,
      processes,
      notify,
      clock,
      notes,
      bootId: disk.bootId,
      store,
      startedMs: disk.nowMs,
    },
    logs: logs.logs,
    sockets: holder,
    terminals: fakeTerminals().terminals,
    invocations: { cutOff: false, runOf },
    invocationOf,
  };
  const info: string[] = [];
  return {
    processes,
    sockets,
    logs,
    notes,
    bugs,
    info,
    notify,
    unit: (id: string): Unit | undefined => world.get(id)?.unit,
    specOf: (id: string) => world.get(id)?.spec,
    resume: (handover: Record<string, readonly Held[]> | null = null): Resumed =>
      resume(parts as unknown as Parts, { info: (message: string) => void info.push(message) } as never, handover && { sockets: handover }),
    request: (action: "start" | "stop" | "reset", id: string): void =>
      engine.handle({ type: "request", action, ids: [id], cause: "operator" }),
    handle: engine.handle.bind(engine),
    /** Lets the engine handle everything that was posted. */
    async settle(): Promise<void> {
      for (let i = 0; i < 10; i++) await Promise.resolve();
    },
  };
}

/** A disk with these unit files, and a first daemon on it that has loaded them. */
export function firstDaemon(files: Record<string, object>) {
  const disk = new Disk();
  for (const [id, file] of Object.entries(files)) disk.files.set(id, file);
  const daemon = daemonOn(disk);
  daemon.resume();
  return { disk, daemon };
}

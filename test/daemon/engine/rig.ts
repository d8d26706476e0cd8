import type { Result } from "../../../src/base/result.ts";
import { World, type Fact, type WorldEvent } from "../../../src/core/world/world.ts";
import { Interpreter } from "../../../src/daemon/engine/interpreter.ts";
import { Launcher } from "../../../src/daemon/engine/launcher.ts";
import { SocketHolder } from "../../../src/daemon/engine/socket-holder.ts";
import type { PortHolder } from "../../../src/ports/port-holder.ts";
import type { Terminals } from "../../../src/ports/terminals.ts";
import { makeSpec, type SpecParts } from "../../core/fixtures.ts";
import { fakeLogs, FakeProber, FakeProcesses, fakeSockets, FakeSdNotify, fakeTerminals } from "./fakes.ts";

/** An interpreter on fake ports with one unit, `web`. `perform` takes effects, `facts` gives the facts that they led to. */
export function rig(parts: SpecParts = {}, terminals: Partial<Terminals> = {}) {
  const world = new World({ startConcurrency: 0 });
  world.handle({ type: "load", spec: makeSpec("web", parts) }, { nowMs: 0, roll: 0 });
  const [processes, prober, notify, logs, sockets] = [new FakeProcesses(), new FakeProber(), new FakeSdNotify(), fakeLogs(), fakeSockets()];
  const files = new Map<string, string>();
  const holders = new Map<number, PortHolder>();
  /** Symbolic links and where they lead. */
  const links = new Map<string, string>();
  const readText = (path: string): Result<string, string> => {
    const text = files.get(path);
    return text === undefined ? { ok: false, error: "ENOENT" } : { ok: true, value: text };
  };
  const account = { name: "ann", uid: 1000, gid: 1000, home: "/home/ann", shell: "/bin/sh" };
  const launcher = new Launcher({
    users: { lookup: (name) => (name === null || name === "ann" ? account : null) },
    places: { state: "/state", logs: "/logs", runtime: "/run" },
    locale: {},
    defaults: { directory: (home) => home, nice: 0 },
    readText,
  });
  const posted: WorldEvent[] = [];
  let posts = 0;
  const bugs: string[] = [];
  const responses: Array<number | null> = [];
  const taken: Array<readonly [invocation: string, command: string | null, isAnswered: boolean]> = [];
  const clock = { monotonicMs: () => 5000, wallMs: () => 5000, roll: () => 0, wakeAt: () => undefined };
  const interpreter = new Interpreter({
    findShortage: () => null,
    findPortHolder: (port) => holders.get(port) ?? null,
    stdins: { pass: (_, action) => action(null) },
    ...fakeTerminals(terminals),
    pathChecker: ["check-paths"],
    world,
    processes,
    logs: logs.logs,
    prober,
    launcher,
    sockets: new SocketHolder(sockets.sockets, sockets.keeper),
    notify,
    clock,
    bootId: "boot",
    invocationOf: (id, run) => `${id}#${run}`,
    onProbe: (_, responseMs) => void responses.push(responseMs),
    fingerprints: { take: (_, invocation, launch, isAnswered) => void taken.push([invocation, launch?.argv[0] ?? null, isAnswered]) },
    firstLineOf: async (path) => files.get(path) ?? null,
    realPathOf: async (path) => links.get(path) ?? path,
    post: (...events) => {
      posts++;
      posted.push(...events);
    },
    bug: (message, error) => void bugs.push(`${message}: ${error instanceof Error ? error.message : String(error)}`),
  });
  type Wanted = Parameters<Interpreter["perform"]>[0] extends infer E ? (E extends { id: string } ? Omit<E, "id"> : never) : never;
  return {
    world,
    interpreter,
    processes,
    prober,
    notify,
    logs,
    sockets,
    files,
    links,
    holders,
    bugs,
    responses,
    /** How often events were posted. */
    posts: () => posts,
    /** The fingerprints that were taken. */
    taken,
    perform: (effect: Wanted): void => {
      interpreter.perform({ id: "web", ...effect } as Parameters<Interpreter["perform"]>[0]);
      if (!processes.isSlow) processes.settle();
    },
    /** What was posted since the last call. */
    events: (): WorldEvent[] => posted.splice(0),
    /** The same, when all events are facts. */
    facts: (): Fact[] =>
      posted.splice(0).map((event) => {
        if (event.type !== "fact") throw new Error(`an event ${event.type} was posted`);
        return event.fact;
      }),
  };
}

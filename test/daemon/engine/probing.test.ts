/** Health checks on a fake prober. */
import { describe, expect, test } from "bun:test";
import type { WorldEvent } from "../../../src/core/world/world.ts";
import type { PortHolder } from "../../../src/ports/port-holder.ts";
import type { ProbeSpec } from "../../../src/spec/spec.ts";
import { makeSpec, ref } from "../../core/fixtures.ts";
import { rig } from "./rig.ts";

const running = (parts: Parameters<typeof rig>[0] = {}) => {
  const rigged = rig({ check: {}, ...parts });
  rigged.perform({ type: "spawn", run: 1 });
  rigged.facts();
  return rigged;
};
/** Resolves when the results of probes that have ended are posted, which happens once per iteration of the event loop. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

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

test("results that arrive in one iteration of the event loop are posted together, so that they form one turn", async () => {
  const { perform, prober, events, posts } = running();
  const before = posts();
  for (const seq of [1, 2]) {
    perform({ type: "probe", run: 1, seq });
    prober.answer({ kind: "ok", detail: "connected", responseMs: 1 });
  }
  await settled();
  expect(events()).toMatchObject([{ seq: 1 }, { seq: 2 }]);
  expect(posts()).toBe(before + 1);
});

test("a probe that breaks inside is answered as broken, and reported as a bug", async () => {
  const { perform, prober, events, bugs, responses } = running();
  perform({ type: "probe", run: 1, seq: 1 });
  prober.breaks(new Error("no such method"));
  await settled();
  expect(events()).toMatchObject([{ type: "probed", result: { kind: "broken", detail: "internal error in sup" } }]);
  expect(bugs).toEqual(["cannot probe web: no such method"]);
  expect(responses).toEqual([null]);
});

test("a probe before the environment of the run is known is broken, not bad", async () => {
  const { perform, events } = rig({ check: {} });
  perform({ type: "probe", run: 1, seq: 1 });
  await settled();
  expect(events()).toMatchObject([
    { type: "probed", run: 1, result: { kind: "broken", detail: "the environment of this run is unknown" } },
  ]);
});

test("an unknown variable in the probe breaks it", async () => {
  const { perform, events, prober } = running({ check: { probe: { type: "tcp", host: "localhost", port: "${NONE}", timeoutMs: 1000 } } });
  perform({ type: "probe", run: 1, seq: 1 });
  expect(prober.probes).toEqual([]);
  await settled();
  expect(JSON.stringify(events())).toContain("NONE");
});

test("whenProbed resolves with the next result, or at once when the unit cannot be probed", async () => {
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

test("whenProbed resolves when the run ends before a probe begins", async () => {
  const { interpreter, perform, world } = running();
  const { unit, spec } = world.get("web")!;
  const up = { ...unit, run: 1, phase: "running", process: ref(100), want: "up" } as const;
  world.handle({ type: "restore", spec, unit: up, check: { run: 1, seq: 1, probing: false, dueMs: 0 } as never }, { nowMs: 0, roll: 0 });
  const probed = interpreter.whenProbed("web");
  perform({ type: "sweep", run: 1, signal: 0 });
  await probed;
});

test.each(["a reload removes the check", "the unit stops", "the unit is removed"])(
  "whenProbed resolves as soon as %s, although the run goes on",
  async (what) => {
    const { interpreter, perform, world } = running();
    const env = { nowMs: 0, roll: 0 };
    const { unit, spec } = world.get("web")!;
    const up = { ...unit, run: 1, phase: "running", process: ref(100), want: "up" } as const;
    world.handle({ type: "restore", spec, unit: up, check: { run: 1, seq: 1, probing: true, dueMs: null } as never }, env);
    perform({ type: "probe", run: 1, seq: 1 }); // nobody answers it
    const probed = interpreter.whenProbed("web");
    interpreter.followTurn(world.handle({ type: "tick" }, env));
    let released = false;
    void probed.then(() => (released = true));
    await settled();
    expect(released).toBe(false);
    const event = {
      "a reload removes the check": { type: "load", spec: makeSpec("web") },
      "the unit stops": { type: "request", action: "stop", ids: ["web"], cause: "operator" },
      "the unit is removed": { type: "unload", id: "web" },
    }[what] as WorldEvent;
    interpreter.followTurn(world.handle(event, env));
    await probed;
  },
);

describe("a port that another process holds", () => {
  const other = (isAlone: boolean) => ({ pid: 7, name: "nginx (pid 7)", unit: null, isAlone: () => isAlone });
  const probeOf = async (probe: ProbeSpec, holder: PortHolder | null, parts: Parameters<typeof rig>[0] = {}): Promise<unknown> => {
    const rigged = rig({ check: { probe }, port: 8080, ...parts });
    if (holder !== null) rigged.holders.set(8080, holder);
    rigged.perform({ type: "spawn", run: 1 });
    rigged.facts();
    rigged.perform({ type: "probe", run: 1, seq: 1 });
    rigged.prober.answer({ kind: "ok", detail: "connected", responseMs: 1 });
    await settled();
    return (rigged.events()[0] as { result: unknown }).result;
  };
  const tcp = (host: string, port: string): ProbeSpec => ({ type: "tcp", host, port, timeoutMs: 1000 });

  test("a probe of the port fails as long as only that process listens", async () => {
    const failed = { kind: "bad", detail: "port 8080 is in use by nginx (pid 7), which does not belong to this unit" };
    expect(await probeOf(tcp("localhost", "${PORT}"), other(true))).toMatchObject(failed);
    expect(await probeOf(http("http://127.0.0.1:8080/healthz"), other(true))).toMatchObject(failed);
    expect(await probeOf(tcp("localhost", "8080"), other(false))).toMatchObject({ kind: "ok" });
    expect(await probeOf(tcp("localhost", "8080"), { ...other(true), unit: "api" })).toMatchObject({
      detail: "port 8080 is in use by nginx (pid 7) of unit api",
    });
  });

  test("a probe of another port or machine is not affected", async () => {
    for (const probe of [tcp("localhost", "8081"), tcp("10.0.0.1", "8080"), http("http://example.org:8080/")])
      expect(await probeOf(probe, other(true))).toMatchObject({ kind: "ok" });
  });

  test("a unit with inherited sockets, or whose earlier processes may hold the port, is not affected", async () => {
    const sockets = [{ name: "http", listen: "127.0.0.1:8080", reusePort: false, nonBlocking: false }];
    expect(await probeOf(tcp("localhost", "8080"), other(true), { sockets })).toMatchObject({ kind: "ok" });
    expect(await probeOf(tcp("localhost", "8080"), other(true), { stop: { killMode: "process" } })).toMatchObject({ kind: "ok" });
  });
});

const http = (endpoint: string): ProbeSpec => ({
  ...{ type: "http", endpoint, method: "GET", headers: {}, expectedStatus: [[200, 299]], expectedContent: null },
  ...{ insecureTls: false, timeoutMs: 1000 },
});

const STARTING = { service: "web", instance: 1, sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false, nonBlocking: false }] };

/** The result of a probe that passed while the unit was starting. */
async function passedWhileStarting(parts: Parameters<typeof rig>[0], use: ReturnType<typeof rig>["sockets"]["use"]): Promise<unknown> {
  const { world, perform, prober, events, sockets } = running({ ...STARTING, ...parts });
  world.handle({ type: "request", action: "start", ids: ["web"], cause: "operator" }, { nowMs: 0, roll: 0 });
  sockets.use = use;
  perform({ type: "probe", run: 1, seq: 1 });
  prober.answer({ kind: "ok", detail: "200", responseMs: 1 });
  await settled();
  const [event] = events();
  return event!.type === "probed" ? [event!.result.kind, event!.result.detail] : event;
}

const INSTEAD =
  "the unit does not accept connections from the socket 127.0.0.1:80, which it gets from descriptor 3 on; it listens on *:81 instead";

test("a probe that another unit of the service has answered is bad until the unit accepts connections itself", async () => {
  expect(await passedWhileStarting({}, { kind: "unused", instead: ["*:81"] })).toEqual(["bad", INSTEAD]);
  expect(await passedWhileStarting({}, { kind: "used" })).toEqual(["ok", "200"]);
});

test("an exec probe may ask the unit itself, and a plain unit has nobody else to answer", async () => {
  const exec = { type: "exec", command: "check", args: [], timeoutMs: 1000 } as const;
  expect(await passedWhileStarting({ check: { probe: exec } }, { kind: "unused", instead: ["*:81"] })).toEqual(["ok", "200"]);
  expect(await passedWhileStarting({ check: { probe: exec } }, { kind: "closed" })).toEqual(["bad", expect.stringContaining("open")]);
  expect(await passedWhileStarting({ instance: null }, { kind: "unused", instead: ["*:81"] })).toEqual(["ok", "200"]);
});

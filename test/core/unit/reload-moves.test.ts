/** What `sup reload UNIT` waits for, and how it ends: with a command, with a signal, and with a service that announces its reloads. */
import { describe, expect, test } from "bun:test";
import { makeSpec, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const HUP = { kind: "signal", signal: 1 } as const;
const COMMAND = { kind: "command", command: "reread", args: [], timeoutMs: 4000 } as const;

const up = (parts: SpecParts): Machine => {
  const m = new Machine(makeSpec("web", parts)).start().clear().spawned();
  return parts.type === "notify" ? m.notified("READY=1") : m;
};

/** How the reload ended, and what its only event says; null while it is under way. */
const end = (m: Machine): unknown => {
  const events = m.effects.flatMap((effect) => (effect.type === "record" ? [`${effect.event.type}: ${effect.event.message}`] : []));
  return m.phase === "reloading" ? null : [m.unit.reload?.result?.failure ?? null, ...events];
};

describe("a signal", () => {
  test("of a unit that does not announce its reloads was only sent", () => {
    expect(end(up({ reload: HUP }).reload().reloaded())).toEqual([null, "reloaded: SIGHUP sent"]);
  });

  test("that cannot be sent is a failure", () => {
    expect(end(up({ reload: HUP }).reload().reloaded("the main process has ended"))).toEqual([
      "the main process has ended",
      "reload-failed: the main process has ended",
    ]);
  });

  test("of a notify unit that announces nothing within a second was only sent", () => {
    const m = up({ type: "notify", reload: HUP }).reload().reloaded();
    expect(end(m)).toBe(null);
    expect(m.dueInMs).toBe(1000);
    expect(end(m.due())).toEqual([null, "reloaded: SIGHUP sent"]);
  });
});

describe.each([HUP, COMMAND])("a notify unit that announces its reload is waited for: $kind", (reload) => {
  test.each([
    ["after the delivery", (m: Machine) => m.reloaded().notified("RELOADING=1").notified("STATUS=reading")],
    ["before the delivery", (m: Machine) => m.notified("RELOADING=1").reloaded()],
  ])("%s", (_, announce) => {
    const m = announce(up({ type: "notify", reload, startTimeoutMs: 7000 }).reload());
    expect(end(m)).toBe(null);
    expect(m.dueInMs).toBe(reload.kind === "command" && m.unit.due!.atMs === 9000 ? 9000 : 7000);
    expect(end(m.notified("READY=1"))).toEqual([null, "reloaded: configuration reloaded"]);
    expect(m.unit.due).toBeNull();
  });

  test("its READY=1 may come before the end of the command", () => {
    const m = up({ type: "notify", reload }).reload().notified("RELOADING=1").notified("READY=1");
    expect(end(m)).toBeNull();
    expect(end(m.reloaded())).toEqual([null, "reloaded: configuration reloaded"]);
  });

  test("both in one message", () => {
    const m = up({ type: "notify", reload }).reload().reloaded().notified("RELOADING=1\nREADY=1");
    expect(end(m)).toEqual([null, "reloaded: configuration reloaded"]);
  });

  test("without READY=1 the reload has failed", () => {
    const m = up({ type: "notify", reload, startTimeoutMs: 30_000 }).reload().reloaded().notified("RELOADING=1").due();
    const why = "the service announced a reload (RELOADING=1) but did not send READY=1 within 30s";
    expect(end(m)).toEqual([why, `reload-failed: ${why}`]);
  });

  test("a READY=1 from before the reload does not count", () => {
    expect(end(up({ type: "notify", reload }).reload().notified("READY=1"))).toBeNull();
  });
});

test("a command that fails is the failure, whatever the service announces", () => {
  const m = up({ type: "notify", reload: COMMAND }).reload().notified("RELOADING=1\nREADY=1").reloaded("exit code 1");
  expect(end(m)).toEqual(["exit code 1", "reload-failed: exit code 1"]);
});

test("the next run knows nothing of the last one's reload", () => {
  const m = up({ reload: HUP }).reload().reloaded("no").exits(1).swept().due().clear();
  expect(m.unit.reload).toBeNull();
});

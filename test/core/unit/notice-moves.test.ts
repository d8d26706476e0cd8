import { describe, expect, test } from "bun:test";
import { stateOf } from "../../../src/core/unit/phase.ts";
import { code, killedBy, makeSpec, ref, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", { type: "notify", ...parts }));
const executed = (parts: SpecParts = {}): Machine => machine(parts).start().clear().spawned();

describe("while it starts", () => {
  test("READY=1 makes it running; with a status, both are heard", () => {
    const m = executed().notified("READY=1\nSTATUS=open");
    expect([m.phase, m.unit.statusText, m.told]).toEqual(["running", "open", ["running"]]);
  });

  test("a simple unit with a check is not ready by its own word", () => {
    expect(machine({ type: "simple", check: {} }).start().clear().spawned().notified("READY=1").phase).toBe("starting");
  });

  test("EXTEND_TIMEOUT_USEC gives more time from now, and never less", () => {
    const m = executed({ startTimeoutMs: 10_000 }).pass(9000).notified("EXTEND_TIMEOUT_USEC=5000000");
    expect(m.dueInMs).toBe(5000);
    expect(m.notified("EXTEND_TIMEOUT_USEC=1000").dueInMs).toBe(5000);
  });

  test("RELOADING and STOPPING mean nothing yet", () => {
    expect(executed().notified("RELOADING=1").notified("STOPPING=1").phase).toBe("starting");
  });
});

describe("a reload of its own", () => {
  test("begins with RELOADING=1 and ends with READY=1", () => {
    const m = executed().notified("READY=1").notified("RELOADING=1");
    expect([m.phase, m.dueInMs, stateOf(m.unit)]).toEqual(["reloading", 60_000, "running"]);
    expect([m.notified("READY=1").phase, m.told]).toEqual(["running", ["reloaded"]]);
  });

  test("that does not end is given up; the unit stays up", () => {
    const m = executed().notified("READY=1").notified("RELOADING=1").due();
    expect([m.phase, m.told]).toEqual(["running", ["reload-failed"]]);
  });
});

describe("STOPPING=1", () => {
  test("no signal is sent; a clean exit is a success", () => {
    const m = executed().notified("READY=1").notified("STOPPING=1");
    expect([m.phase, m.acts, m.dueInMs]).toEqual(["stopping", [], 10_000]);
    expect([m.ends(0).phase, m.unit.reason]).toEqual(["idle", "success"]);
  });

  test("a bad exit is a failure", () => {
    expect(executed().notified("READY=1").notified("STOPPING=1").ends(3).phase).toBe("backoff");
  });

  test("one that does not end is killed at stop timeout, and that is a failure", () => {
    const m = executed().notified("READY=1").notified("STOPPING=1").due();
    expect([m.phase, m.acts]).toEqual(["killing", ["kill"]]);
    expect([m.ends(killedBy(9)).phase, m.unit.reason]).toEqual(["backoff", "timeout"]);
  });

  test("what it leaves behind gets the stop signal, for it had none", () => {
    expect(executed().notified("READY=1").notified("STOPPING=1").exits(0).acts).toEqual(["sweep 15"]);
  });

  test("the operator's stop meanwhile keeps it down", () => {
    const m = executed({ restart: { restartOnExit: true } })
      .notified("READY=1")
      .notified("STOPPING=1")
      .stop();
    expect([m.ends(1).phase, m.unit.reason]).toEqual(["idle", "operator"]);
  });

  test("the operator's start meanwhile brings it back at once", () => {
    expect(executed().notified("READY=1").notified("STOPPING=1").start().ends(1).phase).toBe("waiting");
  });
});

describe("words", () => {
  test("STATUS= with nothing takes the last one back, and a new run begins without", () => {
    const m = executed().notified("READY=1\nSTATUS=a");
    expect(m.notified("STATUS=").unit.statusText).toBe(null);
    m.notified("STATUS=b").ends(1).due().clear();
    expect(m.unit.statusText).toBe(null);
  });

  test("the same words again change nothing", () => {
    const m = executed().notified("READY=1\nSTATUS=a");
    const before = m.unit;
    expect(m.notified("STATUS=a").unit).toBe(before);
  });

  test("a stop can be given more time", () => {
    const m = executed().notified("READY=1").stop().release().pass(9000).notified("EXTEND_TIMEOUT_USEC=30000000\nSTATUS=flushing");
    expect([m.phase, m.dueInMs, m.unit.statusText]).toEqual(["stopping", 30_000, "flushing"]);
  });
});

test("MAINPID: the unit names the new process, and its end is the end of the run", () => {
  const m = executed().mainChanged(77);
  expect([m.unit.process, m.told]).toEqual([ref(77), ["main-process"]]);
  expect(m.notified("READY=1").exits(code(0)).phase).toBe("cleaning");
});

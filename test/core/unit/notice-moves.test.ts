import { describe, expect, test } from "bun:test";
import { stateOf } from "../../../src/core/unit/phase.ts";
import { code, killedBy, makeSpec, ref, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", { type: "notify", ...parts }));
const executed = (parts: SpecParts = {}): Machine => machine(parts).start().clear().spawned();

describe("while it starts", () => {
  test("READY=1 makes the unit running; STATUS= in the same message is kept", () => {
    const m = executed().notified("READY=1\nSTATUS=open");
    expect([m.phase, m.unit.statusText, m.recorded]).toEqual(["running", "open", ["running"]]);
  });

  test("READY=1 does not make a simple unit with a check ready", () => {
    expect(machine({ type: "simple", check: {} }).start().clear().spawned().notified("READY=1").phase).toBe("starting");
  });

  test("EXTEND_TIMEOUT_USEC gives more time from now, and never less", () => {
    const m = executed({ startTimeoutMs: 10_000 }).pass(9000).notified("EXTEND_TIMEOUT_USEC=5000000");
    expect(m.dueInMs).toBe(5000);
    expect(m.notified("EXTEND_TIMEOUT_USEC=1000").dueInMs).toBe(5000);
  });

  test("EXTEND_TIMEOUT_USEC with the same deadline, or without a deadline, changes nothing", () => {
    for (const m of [executed({ startTimeoutMs: 5000 }), executed({ startTimeoutMs: null })]) {
      const before = m.unit;
      expect(m.notified("EXTEND_TIMEOUT_USEC=5000000").unit).toBe(before);
    }
  });

  test("RELOADING=1 and STOPPING=1 are ignored during the start", () => {
    expect(executed().notified("RELOADING=1").notified("STOPPING=1").phase).toBe("starting");
  });
});

describe("a reload that the service announces", () => {
  test("begins with RELOADING=1 and ends with READY=1", () => {
    const m = executed().notified("READY=1").notified("RELOADING=1");
    expect([m.phase, m.dueInMs, stateOf(m.unit)]).toEqual(["reloading", 60_000, "running"]);
    expect([m.notified("READY=1").phase, m.recorded]).toEqual(["running", ["reloaded"]]);
  });

  test.each([
    [7000, "RELOADING=1", 7000],
    [null, "RELOADING=1", 60_000],
    [7000, "RELOADING=1\nEXTEND_TIMEOUT_USEC=9000000", 9000],
    [7000, "RELOADING=1\nEXTEND_TIMEOUT_USEC=2000000", 7000],
  ])("with start_timeout %p, %p must end within %d ms", (startTimeoutMs, text, dueInMs) => {
    expect(executed({ startTimeoutMs }).notified("READY=1").notified(text).dueInMs).toBe(dueInMs);
  });

  test("is abandoned if it does not end; the unit stays up", () => {
    const m = executed().notified("READY=1").notified("RELOADING=1").due();
    expect([m.phase, m.recorded]).toEqual(["running", ["reload-failed"]]);
  });
});

describe("STOPPING=1", () => {
  test("no signal is sent; a clean exit is a success", () => {
    const m = executed().notified("READY=1").notified("STOPPING=1");
    expect([m.phase, m.actions, m.dueInMs]).toEqual(["stopping", [], 10_000]);
    expect([m.ends(0).phase, m.unit.reason]).toEqual(["idle", "success"]);
  });

  test("a failed exit is a failure", () => {
    expect(executed().notified("READY=1").notified("STOPPING=1").ends(3).phase).toBe("backoff");
  });

  test("a service that does not exit is killed after stop.timeout, and that is a failure", () => {
    const m = executed().notified("READY=1").notified("STOPPING=1").due();
    expect([m.phase, m.actions]).toEqual(["killing", ["kill"]]);
    expect([m.ends(killedBy(9)).phase, m.unit.reason]).toEqual(["backoff", "timeout"]);
  });

  test("is recorded", () => {
    expect(executed().notified("READY=1").notified("STOPPING=1").effects).toMatchObject([
      { event: { type: "stopping", message: "the service announced that it is stopping (STOPPING=1)" } },
    ]);
  });

  test("the time that the service takes to stop does not count as uptime", () => {
    const m = executed({ restart: { resetAfterMs: 60_000 } })
      .notified("READY=1")
      .ends(1)
      .due()
      .clear()
      .spawned();
    m.pass(3000).notified("READY=1").pass(55_000).notified("STOPPING=1").due(); // SIGKILL 65 s after READY=1
    expect(m.ends(killedBy(9)).unit.ledger.retries).toBe(2);
  });

  test("remaining processes get the stop signal, because they have not received it yet", () => {
    expect(executed().notified("READY=1").notified("STOPPING=1").exits(0).actions).toEqual(["sweep 15"]);
  });

  test("the operator's stop meanwhile keeps it down", () => {
    const m = executed({ restart: { restartOnExit: true } })
      .notified("READY=1")
      .notified("STOPPING=1")
      .stop();
    expect([m.ends(1).phase, m.unit.reason]).toEqual(["idle", "operator"]);
  });

  test("the operator's start meanwhile starts it again immediately", () => {
    expect(executed().notified("READY=1").notified("STOPPING=1").start().ends(1).phase).toBe("waiting");
  });
});

describe("STATUS= and EXTEND_TIMEOUT_USEC=", () => {
  test("an empty STATUS= clears the status, and so does a new run", () => {
    const m = executed().notified("READY=1\nSTATUS=a");
    expect(m.notified("STATUS=").unit.statusText).toBe(null);
    m.notified("STATUS=b").ends(1).due().clear();
    expect(m.unit.statusText).toBe(null);
  });

  test("the same status again changes nothing", () => {
    const m = executed().notified("READY=1\nSTATUS=a");
    const before = m.unit;
    expect(m.notified("STATUS=a").unit).toBe(before);
  });

  test("a service can extend the time of its stop", () => {
    const m = executed().notified("READY=1").stop().release().pass(9000).notified("EXTEND_TIMEOUT_USEC=30000000\nSTATUS=flushing");
    expect([m.phase, m.dueInMs, m.unit.statusText]).toEqual(["stopping", 30_000, "flushing"]);
  });
});

test("MAINPID= changes the main process, and its exit ends the run", () => {
  const m = executed().mainChanged(77);
  expect([m.unit.process, m.recorded]).toEqual([ref(77), ["main-process"]]);
  expect(m.notified("READY=1").exits(code(0)).phase).toBe("cleaning");
});

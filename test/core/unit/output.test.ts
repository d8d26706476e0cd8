/** Units whose output makes them ready or fails them. */
import { describe, expect, test } from "bun:test";
import { whyNotReady } from "../../../src/core/unit/check.ts";
import { mayProbe } from "../../../src/core/unit/phase.ts";
import { makeSpec, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const LINE = { kind: "text", text: "up" } as const;
const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));
const records = (m: Machine): string[] =>
  m.effects.flatMap((effect) => (effect.type === "record" ? [`${effect.event.type}: ${effect.event.message}`] : []));

describe("ready_log", () => {
  test("makes the unit ready instead of exec, within start_timeout", () => {
    const m = machine({ readyLog: LINE }).start().clear().spawned();
    expect([m.phase, m.dueInMs, m.recorded]).toEqual(["starting", 60_000, ["started"]]);
    expect(m.ready().phase).toBe("running");
    expect(machine({ readyLog: LINE }).start().clear().spawned().due().unit.ending).toMatchObject({ by: "timeout" });
  });

  test("an exit with code 0 before the line is a failure", () => {
    expect(machine({ readyLog: LINE }).start().clear().spawned().ends(0).unit.reason).toBe("protocol");
  });

  test("delays the probes of a check until the unit is ready", () => {
    const m = machine({ readyLog: LINE, check: {} }).start().clear().spawned();
    expect(mayProbe(m.unit, m.spec)).toBe(false);
    expect(mayProbe(m.ready().unit, m.spec)).toBe(true);
  });

  test("a start that times out says which line is missing", () => {
    expect(whyNotReady(null, { type: "simple", readyLog: { kind: "regex", text: "^up" } })).toBe(
      "no line of its output matches ready_log: /^up/",
    );
    expect(whyNotReady(null, { type: "simple", readyLog: null })).toBeUndefined();
  });
});

describe("fail_log", () => {
  test("fails a start", () => {
    const m = machine({ readyLog: LINE }).start().clear().spawned().condemned("log");
    expect([m.phase, m.actions]).toEqual(["stopping", ["signal 15 group"]]);
    expect(records(m)[0]).toBe("start-failed: it does not answer");
    m.ends(0);
    expect([m.phase, m.unit.reason, m.unit.ledger.retries]).toEqual(["backoff", "log", 1]);
  });

  test("fails a run, and a oneshot", () => {
    const m = machine().up().condemned("log");
    expect([m.phase, records(m)[0]]).toEqual(["stopping", "unhealthy: it does not answer"]);
    expect(m.ends(0).unit.reason).toBe("log");
    expect(machine({ type: "oneshot" }).up().condemned("log").ends(0).phase).toBe("backoff");
  });
});

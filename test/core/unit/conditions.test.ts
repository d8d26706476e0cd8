import { describe, expect, test } from "bun:test";
import { stateOf, subStateOf } from "../../../src/core/unit/phase.ts";
import { hook, makeSpec, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const PATH = { kind: "path_exists", path: "/etc/app.conf", not: false } as const;
const COMMAND = { kind: "command", not: false, ...hook(3000) } as const;
const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", { conditions: [PATH], ...parts }));
const messages = (m: Machine): string[] => m.effects.flatMap((effect) => (effect.type === "record" ? [effect.event.message] : []));

describe("conditions", () => {
  test("are checked before the command runs, without an event", () => {
    const m = machine().start().clear();
    expect([m.phase, stateOf(m.unit), subStateOf(m.unit), m.actions, m.recorded]).toEqual(["preparing", "starting", "preparing", ["prepare"], []]); // prettier-ignore
    expect([m.prepared().phase, m.actions]).toEqual(["starting", ["spawn"]]);
  });

  test("that are commands, or that precede pre_start, begin the run in the history, so that their output belongs to it", () => {
    for (const parts of [{ conditions: [COMMAND] }, { preStart: [hook()] }]) {
      const m = machine(parts).start().clear();
      expect([m.recorded, messages(m)]).toEqual([["starting"], ["checking the conditions"]]);
    }
  });

  test.each<[string, SpecParts, number]>([
    ["a path", {}, 15_000],
    ["two paths", { conditions: [PATH, PATH] }, 15_000],
    ["a command", { conditions: [COMMAND] }, 8000],
    ["all of them and pre_start", { conditions: [PATH, COMMAND], preStart: [hook(1000)] }, 19_000],
  ])("have a time limit: %s", (_, parts, limitMs) => {
    expect(machine(parts).start().clear().dueInMs).toBe(limitMs);
  });

  test("that are not checked in time fail the start", () => {
    const m = machine().start().clear().due();
    expect(m.unit.ending).toMatchObject({ by: "hook", detail: "the conditions were not checked in time" });
  });

  test("one that is not met skips the start: no failure, no retry, no post_stop", () => {
    const m = machine({ postStop: [hook()] })
      .start()
      .clear()
      .unmet("/etc/app.conf does not exist");
    expect([m.phase, m.actions, m.recorded]).toEqual(["cleaning", ["sweep 9"], []]);
    m.swept();
    expect([m.phase, m.unit.reason, m.unit.want, m.unit.ledger.retries, m.recorded]).toEqual(["idle", "condition", "down", 0, ["skipped"]]);
    expect(messages(m)).toEqual(["start skipped: condition not met: /etc/app.conf does not exist"]);
    expect(m.unit.last).toMatchObject({ by: "condition", exit: null, detail: "condition not met: /etc/app.conf does not exist" });
    expect(m.unit.succeeded).toBe(false);
  });

  test("are checked again by the next start, and by a retry and a restart, which then skip the start", () => {
    const up = (): Machine => machine().up();
    expect(up().ends(1).due().clear().phase).toBe("preparing");
    const retried = up().ends(1).due().clear().unmet("x").swept();
    expect([retried.phase, retried.unit.ledger.retries]).toEqual(["idle", 0]);
    const restarted = up().restart().ends(0).clear().unmet("x").swept();
    expect([restarted.phase, restarted.unit.reason]).toEqual(["idle", "condition"]);
    expect(restarted.start().clear().prepared().phase).toBe("starting");
  });

  test("a stop that is requested during the check wins", () => {
    const m = machine().start().clear().stop().unmet("x").swept();
    expect([m.phase, m.unit.reason, m.recorded]).toEqual(["idle", "operator", ["stopped"]]);
  });
});

import { describe, expect, test } from "bun:test";
import type { UnitEvent } from "../../../src/core/unit/events.ts";
import { stateOf } from "../../../src/core/unit/phase.ts";
import { code, makeSpec, ref, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));

describe("reload", () => {
  const parts: SpecParts = { reload: { kind: "command", command: "reread", args: [], timeoutMs: 4000 } };

  test("a running unit reloads and stays running", () => {
    const m = machine(parts).up().reload();
    expect(m.phase).toBe("reloading");
    expect(stateOf(m.unit)).toBe("running");
    expect(m.actions).toEqual(["reload"]);
    expect(m.dueInMs).toBe(9000);
    expect(m.reloaded().phase).toBe("running");
    expect(m.recorded).toEqual(["reloaded"]);
  });

  test("by a signal has 5 s", () => {
    const m = machine({ reload: { kind: "signal", signal: 1 } })
      .up()
      .reload();
    expect(m.dueInMs).toBe(5000);
  });

  test("a reload that fails or never ends leaves the unit running", () => {
    expect([machine(parts).up().reload().reloaded("exit code 1").phase]).toEqual(["running"]);
    const m = machine(parts).up().reload().due();
    expect(m.phase).toBe("running");
    expect(m.recorded).toEqual(["reload-failed"]);
    expect(m.reloaded().result?.kind).toBe("ignored");
  });

  test("a unit that is not running, or is already reloading, refuses a reload", () => {
    const others = [machine(parts), machine(parts).start(), machine(parts).start().clear(), machine(parts).up().ends(1)];
    for (const m of [...others, machine(parts).up().reload()]) expect(m.reload().result?.kind).toBe("refused");
  });

  test("an exit during a reload is handled like any other", () => {
    expect(machine(parts).up().reload().ends(1).phase).toBe("backoff");
  });
});

describe("facts carry their run", () => {
  const facts = (run: number): UnitEvent[] => [
    { type: "prepared", run, failure: null },
    { type: "spawned", run, process: ref(1) },
    { type: "spawnFailed", run, failure: { stage: "exec", message: "", resources: false } },
    { type: "ready", run },
    { type: "exited", run, exit: code(1) },
    { type: "condemned", run, by: "health", detail: "" },
    { type: "reloaded", run, failure: null },
    { type: "swept", run, killed: [] },
    { type: "finished", run, failure: null },
    { type: "due", run, why: "stop-timeout" },
  ];

  test("no late timer or exit acts on a later run", () => {
    const second = (): Machine =>
      machine({ check: {}, restart: { retryDelayMs: 0 } })
        .up()
        .ends(1)
        .clear()
        .spawned();
    const situations = [second(), second().ready(), second().ready().stop().release(), second().exits(1), second().ends(1)];
    for (const m of situations)
      for (const fact of facts(1)) {
        const before = m.unit;
        expect(m.send(fact).result?.kind).toBe("ignored");
        expect(m.unit === before).toBe(true);
      }
  });

  test("a deadline that the unit no longer has is dropped", () => {
    const m = machine().up().stop().release(); // stop-timeout in 10 s
    const late: UnitEvent = { type: "due", run: 1, why: "stop-timeout" };
    expect(m.send(late).result?.kind).toBe("ignored"); // too early
    m.pass(20_000).ends(0).start().clear().spawned();
    expect(m.send({ ...late, run: 2 }).result?.kind).toBe("ignored");
  });
});

/** Small facts of the machine that the larger tests do not check. */
import { describe, expect, test } from "bun:test";
import { beginCheck, changedCheck, describeFailure, spreadSlots } from "../../../src/core/unit/check.ts";
import { subStateOf } from "../../../src/core/unit/phase.ts";
import { CHECK, makeSpec, type SpecParts } from "../fixtures.ts";
import { Machine } from "./machine.ts";

const machine = (parts: SpecParts = {}): Machine => new Machine(makeSpec("web", parts));

/** The details of the event of this type that the last step wrote. */
const detailsOf = (m: Machine, type: string): Readonly<Record<string, unknown>> | undefined =>
  m.effects.flatMap((effect) => (effect.type === "record" && effect.event.type === type ? [effect.event.details] : []))[0];

describe("why a run is stopped", () => {
  test("by a stop or a restart: its cause", () => {
    expect(detailsOf(machine().up().stop("dependency").release(), "stopping")).toMatchObject({ reason: "dependency" });
    expect(detailsOf(machine().up().restart("watch"), "stopping")).toMatchObject({ reason: "watch" });
  });

  test("by a health check", () => {
    expect(detailsOf(machine({ check: {} }).up().condemned("health"), "stopping")).toMatchObject({ reason: "health" });
  });
});

describe("the retries that were used up", () => {
  const retried = (): Machine => machine().up().ends(1).due().clear().spawned().ready();

  test("are reset only by a restart of the operator", () => {
    expect(retried().unit.ledger.retries).toBe(1);
    expect(retried().restart("operator").unit.ledger.retries).toBe(0);
    expect(retried().restart("dependency").unit.ledger.retries).toBe(1);
  });
});

test("a stop cancels a restart that is under way", () => {
  expect(machine().up().restart("operator").stop().ends(0).unit.restarting).toBe(false);
});

test("sub_state: `waiting for dependents` needs a stop request and a live process", () => {
  expect(subStateOf({ phase: "running", want: "up" })).toBe("running");
  expect(subStateOf({ phase: "running", want: "down" })).toBe("waiting for dependents");
  expect(subStateOf({ phase: "idle", want: "down" })).toBe("dead");
  expect(subStateOf({ phase: "backoff", want: "down" })).toBe("backoff");
});

describe("checks", () => {
  const spec = makeSpec("web", { check: {} }).check!;

  test("the first probe after readiness is delayed at least by 10 ms", () => {
    const state = { ...beginCheck(1, 0), dueMs: 1000, slotMs: 1000 };
    expect(spreadSlots(state, spec, 0).dueMs).toBe(1020);
    expect(spreadSlots(state, spec, 0.5).dueMs).toBe(1000 + CHECK.intervalMs / 2);
    expect(spreadSlots({ ...state, dueMs: null }, spec, 0.5).dueMs).toBeNull();
  });

  test("probes are spread over times that are multiples of 20 ms, so that many checks need few wake-ups", () => {
    const due = (readyMs: number, part: number) => spreadSlots({ ...beginCheck(1, 0), dueMs: readyMs, slotMs: readyMs }, spec, part).dueMs;
    expect([due(1003, 0.25), due(1007.5, 0.25)]).toEqual([due(1000.5, 0.25), due(1000.5, 0.25)]);
    expect(due(1000, 0.75)! % 20).toBe(0);
  });

  test("a changed check continues the sequence numbers of its probes, a new one starts at 0", () => {
    const unit = { run: 1, ready: true, nowMs: 0 };
    expect(changedCheck({ ...beginCheck(1, 0), seq: 7 }, spec, { ...spec, intervalMs: 1 }, unit)!.seq).toBe(7);
    expect(changedCheck(null, null, spec, unit)!.seq).toBe(0);
    expect(changedCheck(beginCheck(1, 0), spec, null, unit)).toBeNull();
  });

  test("singular and plural of failures differ", () => {
    const failed = (failures: number): string => describeFailure({ failures }, { detail: "" });
    expect(failed(2).replace("2", "3")).toBe(failed(3));
    expect(failed(1).replace("1", "3")).not.toBe(failed(3));
  });
});

test("the event of a retry names the maximum, if there is one", () => {
  const messageOf = (maxRetries: number): string => {
    const m = machine({ restart: { maxRetries } }).up().ends(7);
    return m.effects.flatMap((effect) => (effect.type === "record" && effect.event.type === "backoff" ? [effect.event.message] : []))[0]!;
  };
  expect(messageOf(9)).toMatch(/\b1\b.*\b9\b/);
  expect(messageOf(-1)).not.toContain("-1");
});

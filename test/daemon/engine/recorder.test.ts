import { expect, test } from "bun:test";
import { emptyTurn } from "../../../src/core/world/types.ts";
import { type Turn, World } from "../../../src/core/world/world.ts";
import { Bus } from "../../../src/daemon/engine/bus.ts";
import { Recorder, type RecorderOptions } from "../../../src/daemon/engine/recorder.ts";
import type { TurnRecord } from "../../../src/ports/store/turns.ts";
import { makeSpec } from "../../core/fixtures.ts";

/** A job that starts `count` units. `turn` handles events as one turn and returns the texts of jobs that were stored with it. */
function startJob(count: number) {
  const world = new World();
  const clock = { nowMs: 1000 };
  const times = { monotonicMs: () => clock.nowMs, wallMs: () => clock.nowMs, roll: () => 0, wakeAt: () => undefined };
  const stored: TurnRecord[] = [];
  const options = {
    world,
    clock: times,
    store: { record: (record: TurnRecord) => (stored.push(record), []) },
    logs: { tail: () => [], mark: () => "", runMark: () => null },
    bus: new Bus({ clock: times, onError: () => {} }),
    messages: { rowsOf: () => [], accept: () => {} },
    invocationOf: (id: string, run: number) => `${id}#${run}`,
    effective: () => undefined,
  };
  const recorder = new Recorder(options as unknown as RecorderOptions); // `around` is for subscribers, and there are none
  const ids = Array.from({ length: count }, (_, i) => `u${i}`);
  const turn = (...events: ReadonlyArray<Parameters<World["handle"]>[0]>): string[] => {
    const env = { nowMs: clock.nowMs, roll: 0 };
    const turn: Turn = emptyTurn();
    for (const event of events) {
      const one = world.handle(event, env);
      for (const id of one.changed) turn.changed.add(id);
      for (const id of one.jobs) turn.jobs.add(id);
    }
    world.conclude(turn, env);
    recorder.record(turn);
    return (stored.splice(0)[0]?.memories ?? []).flatMap(({ kind, memory }) => (kind === "job" && memory !== null ? [memory] : []));
  };
  const process = { pid: 1, startTicks: 1, bootId: "boot" };
  const started = (id: string) => ({ type: "fact", id, fact: { type: "spawned", run: 1, process } }) as const;
  turn(...ids.map((id) => ({ type: "load", spec: makeSpec(id), earlierRuns: 0 }) as const));
  const request = { type: "request", action: "start", ids, cause: "operator", job: { id: "j", warnings: [] } } as const;
  const pending = (texts: readonly string[]): number[] =>
    texts.map(
      (text) =>
        (JSON.parse(text) as { job: { units: Array<{ outcome: unknown }> } }).job.units.filter(({ outcome }) => outcome === null).length,
    );
  return { clock, ids, turn, request, started, pending };
}

test("a large job is stored when it begins and ends, and from time to time in between", () => {
  const { clock, ids, turn, request, started, pending } = startJob(60);
  expect(pending(turn(request))).toEqual([60]);
  expect(turn(started("u0"))).toEqual([]);
  clock.nowMs += 200;
  expect(pending(turn(started("u1")))).toEqual([58]);
  expect(turn(started("u2"))).toEqual([]);
  expect(pending(turn(...ids.slice(3).map(started)))).toEqual([0]);
});

test("what was left out is stored with a later turn that does not concern the job", () => {
  const { clock, turn, request, started, pending } = startJob(60);
  turn(request);
  expect(turn(started("u0"))).toEqual([]);
  clock.nowMs += 200;
  expect(pending(turn({ type: "load", spec: makeSpec("other"), earlierRuns: 0 }))).toEqual([59]);
});

test("a small job is stored with every turn that changes it", () => {
  const { turn, request, started, pending } = startJob(3);
  expect(pending(turn(request))).toEqual([3]);
  expect(pending(turn(started("u0")))).toEqual([2]);
  expect(pending(turn(started("u1")))).toEqual([1]);
});

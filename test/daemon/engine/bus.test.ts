import { expect, test } from "bun:test";
import type { StreamChange } from "../../../src/api/contract/shapes.ts";
import { Bus } from "../../../src/daemon/engine/bus.ts";

const metrics = (units: number): StreamChange => ({
  kind: "metrics",
  data: Array.from({ length: units }, (_, n) => ({ id: `u${n}`, cpu_percent: 1, memory_mb: 2, tasks: 1, open_files: 4 })),
});
const removed = (id: string): StreamChange => ({ kind: "removed", data: { id } });
const SNAPSHOT = removed("the snapshot");

/** `nowMs` is the time; a subscriber has left at 0. */
function makeBus(): { bus: Bus; clock: { nowMs: number }; received(lastId: number | null): StreamChange[] } {
  const clock = { nowMs: 0 };
  const bus = new Bus({
    clock: { wallMs: () => 1, monotonicMs: () => clock.nowMs },
    onError(error) {
      throw error;
    },
  });
  const received = (lastId: number | null): StreamChange[] => {
    const changes: StreamChange[] = [];
    bus.subscribe(lastId, () => SNAPSHOT, (_id, change) => void changes.push(change))(); // prettier-ignore
    return changes;
  };
  received(null);
  return { bus, clock, received };
}

test("a subscriber that reconnects gets the changes it missed, or a snapshot when they are no longer kept", () => {
  const { bus, received } = makeBus();
  for (let n = 0; n < 5000; n++) bus.publish(() => removed(`u${n}`));
  expect(received(5996)).toEqual([removed("u4997"), removed("u4998"), removed("u4999")]);
  expect(received(5999 - 2048)).toHaveLength(2048);
  expect(received(1000)).toEqual([SNAPSHOT]);
  expect(received(null)).toEqual([SNAPSHOT]);
});

test("large sets of metrics are dropped earlier", () => {
  const { bus, received } = makeBus();
  for (let n = 0; n < 100; n++) bus.publish(() => metrics(1000));
  expect(received(1098)).toHaveLength(1);
  expect(received(1090)).toEqual([SNAPSHOT]);
  for (let n = 0; n < 3; n++) bus.publish(() => metrics(50_000));
  expect(received(1101)).toHaveLength(1); // the newest, whatever its size
});

test("without subscribers no change is described, and whoever returns later gets a snapshot", () => {
  const { bus, clock, received } = makeBus();
  bus.publish(() => removed("a"));
  clock.nowMs = 60_000;
  bus.publish(() => removed("b"));
  expect(received(1000)).toEqual([removed("b")]); // it left a minute ago, and now it leaves again
  clock.nowMs = 120_001;
  bus.publish(() => {
    throw new Error("nobody receives this");
  });
  expect(received(1001)).toEqual([SNAPSHOT]);
  bus.publish(() => removed("d"));
  expect(received(1002)).toEqual([removed("d")]);
});

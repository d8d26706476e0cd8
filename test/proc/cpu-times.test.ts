/** CPU time of trees from what the kernel says of each process: nothing is lost when a child is waited for, and nothing counts twice. */
import { expect, test } from "bun:test";
import { CpuTimes } from "../../src/adapters/usage/cpu-times.ts";

/** pid, parent, start, own time, time of waited-for children; in ticks. */
type Row = readonly [pid: number, parent: number, startTicks: number, cpuTicks: number, waitedTicks: number];
type Round = readonly [atTicks: number, ...rows: Row[]];

/** Samples `web` at each time; the new time of each sample. */
function samples(rounds: readonly Round[]): Array<number | null | undefined> {
  const times = new CpuTimes();
  return rounds.map(([atTicks, ...rows]) => {
    const stats = rows.map(([pid, parent, startTicks, cpuTicks, waitedTicks]) => ({ pid, parent, startTicks, cpuTicks, waitedTicks }));
    return times.sample(new Map([["web", stats]]), atTicks).get("web");
  });
}

const CASES: ReadonlyArray<readonly [string, readonly Round[], ReadonlyArray<number | null>]> = [
  ["a first sample says nothing", [[100, [7, 1, 50, 30, 0]]], [null]],
  [
    "later samples say what was used in between",
    [
      [100, [7, 1, 50, 30, 0]],
      [200, [7, 1, 50, 45, 0]],
    ],
    [null, 15],
  ],
  ["a process that began after the last sample counts from its start", [[100], [200, [7, 1, 150, 30, 4]]], [null, 34]],
  ["an older process that was not seen before says nothing", [[100], [200, [7, 1, 99, 30, 0]]], [null, null]],
  [
    "a child that began and ended in between counts when it is waited for",
    [
      [100, [7, 1, 50, 5, 0]],
      [200, [7, 1, 50, 6, 40]],
    ],
    [null, 41],
  ],
  [
    "what a child used before the last sample does not count twice",
    [
      [100, [7, 1, 50, 5, 0], [8, 7, 60, 20, 0]],
      [200, [7, 1, 50, 5, 30]],
    ],
    [null, 10],
  ],
  [
    "nor does it when the child is waited for later than it ends",
    [
      [100, [7, 1, 50, 5, 0], [8, 7, 60, 20, 0]],
      [200, [7, 1, 50, 5, 0]],
      [300, [7, 1, 50, 5, 30]],
    ],
    [null, 0, 10],
  ],
  [
    "nor does that of a grandchild",
    [
      [100, [7, 1, 50, 5, 0], [8, 7, 60, 2, 0], [9, 8, 61, 20, 0]],
      [200, [7, 1, 50, 5, 25]],
    ],
    [null, 3],
  ],
  [
    "a pid that is used again is another process",
    [
      [100, [7, 1, 50, 500, 0]],
      [200, [7, 1, 150, 3, 0]],
    ],
    [null, 3],
  ],
  [
    "a child whose parent has ended goes on counting",
    [
      [100, [7, 1, 50, 5, 0], [8, 7, 60, 20, 0]],
      [200, [8, 1, 60, 26, 0]],
    ],
    [null, 6],
  ],
];

test.each(CASES)("%s", (_, rounds, wanted) => {
  expect(samples(rounds)).toEqual([...wanted]);
});

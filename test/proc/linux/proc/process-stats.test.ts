import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { openFiles } from "../../../../src/linux/proc/process-details.ts";
import { compileProcessStats } from "../../../../src/linux/proc/process-stats.ts";
import { listPids, readStat, type Stat } from "../../../../src/linux/proc/proc.ts";
import { machine, until } from "../support.ts";

const stats = compileProcessStats();
const GONE = 4_194_303;

/** Without the fields that change while nothing happens. */
const constant = ({ pid, name, parent, group, session, startTicks, environmentEnd }: Stat): unknown => {
  return { pid, name, parent, group, session, startTicks, environmentEnd };
};

test("C reads the same fields as TypeScript, for more processes than one call reads", async () => {
  using m = machine();
  const { ref } = await m.start("printf 'a) b (c' > /proc/$$/comm; while :; do sleep 1000; done");
  await until(() => readStat(ref.pid)?.name === "a) b (c", "the new name");
  const pids = [ref.pid, GONE, ...Array.from({ length: 600 }, () => process.pid), 1];
  const found = stats.read(pids);
  expect(found).toHaveLength(602);
  expect(found[0]).toEqual(readStat(ref.pid)!);
  expect(found.slice(1).map(constant)).toEqual([
    ...Array.from({ length: 600 }, () => constant(readStat(process.pid)!)),
    constant(readStat(1)!),
  ]);
  expect(found[1]).toMatchObject({ threads: expect.any(Number), state: expect.stringMatching(/^[RS]$/) });
  expect(found[1]!.cpuTicks).toBeGreaterThan(0);
  expect(found[1]!.residentPages).toBeGreaterThan(1000);
});

test("all processes of the machine can be read at once", () => {
  const pids = listPids();
  expect(stats.read(pids).length).toBeGreaterThan(pids.length / 2);
  expect(stats.read([])).toEqual([]);
});

test("a zombie has its wait status", async () => {
  using m = machine();
  const parent = await m.start("sh -c 'exit 7' & exec sleep 1000");
  const zombie = (): Stat | undefined => stats.read(listPids()).find((stat) => stat.parent === parent.ref.pid && stat.state === "Z");
  await until(() => zombie() !== undefined, "the zombie");
  expect(zombie()).toEqual(readStat(zombie()!.pid)!);
  expect(zombie()!.waitStatus).toBe(7 << 8);
});

test("descriptors are counted; a process that has ended has none", () => {
  const before = stats.countDescriptors([process.pid, GONE]);
  expect(before).toEqual([openFiles(process.pid), null]);
  const fds = Array.from({ length: 5 }, () => openSync("/dev/null", "r"));
  expect(stats.countDescriptors([GONE, process.pid])).toEqual([null, before[0]! + 5]);
  for (const fd of fds) closeSync(fd);
});

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

test("descendants are found through all threads, in trees of any size; a dead process and a skipped one have none", async () => {
  using m = machine();
  const script = "for i in $(seq 300); do sleep 1000 & done; (sleep 1000 & exec sleep 1000) & echo; wait";
  const one = await m.start(script);
  const other = await m.start("exec sleep 1000");
  const childrenOf = (parent: number): number[] => listPids().filter((pid) => readStat(pid)?.parent === parent);
  await until(
    () => childrenOf(one.ref.pid).length === 301 && childrenOf(one.ref.pid).some((pid) => childrenOf(pid).length === 1),
    "the tree",
  );
  const found = stats.readDescendants([one.ref.pid, GONE, other.ref.pid]);
  expect(found.size).toBe(1 + 302 + 2);
  expect(found.get(GONE)).toBeNull();
  const grandparent = childrenOf(one.ref.pid).find((pid) => childrenOf(pid).length === 1)!;
  expect(found.get(childrenOf(grandparent)[0]!)).toMatchObject({ parent: grandparent, name: "sleep" });
  const without = stats.readDescendants([one.ref.pid, other.ref.pid], new Set([grandparent]));
  expect(without.size).toBe(1 + 300 + 1);
  expect(stats.readDescendants([])).toEqual(new Map());

  // Bun has several threads, and any of them may have forked.
  expect(readStat(process.pid)!.threads).toBeGreaterThan(1);
  expect(stats.readDescendants([process.pid]).get(other.ref.pid)).toMatchObject({ name: "sleep" });
});

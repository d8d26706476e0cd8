import { expect, test } from "bun:test";
import { treeUsage } from "../../src/adapters/usage/tree-usage.ts";
import { readStat } from "../../src/linux/proc/proc.ts";
import { until as poll } from "../harness/until.ts";
import { until as eventually } from "../harness/until.ts";
import { machine, until } from "./linux/support.ts";

const BUSY = "(while :; do :; done) & echo started; wait";

test("CPU, memory and tasks are summed over the tree of each unit", async () => {
  using m = machine();
  const usage = treeUsage(m.processes);
  const busy = await m.start(BUSY, 1);
  const idle = await m.start("exec sleep 1000");
  const trees = new Map([
    ["busy", busy.tree],
    ["idle", idle.tree],
  ]);
  // In the middle of an exec a process has no memory yet.
  const isThere = ({ ref }: typeof busy): boolean => (readStat(ref.pid)?.residentPages ?? 0) > 50;
  await until(() => isThere(busy) && readStat(idle.ref.pid)?.name === "sleep" && isThere(idle), "both to be there");
  const first = await usage.sample(trees);
  expect(first.get("busy")!.cpuPercent).toBeNull();
  expect(first.get("busy")!.tasks).toBe(2);
  expect(first.get("busy")!.memoryMb).toBeGreaterThan(first.get("idle")!.memoryMb);
  expect(first.get("idle")!.memoryMb).toBeGreaterThan(0.1);

  // A loaded machine may give the loop little: ask until a sample shows it.
  let seen = 0;
  for (let i = 0; i < 50 && seen < 5; i++) {
    await Bun.sleep(100); // the time over which the CPU is measured
    seen = (await usage.sample(trees)).get("busy")!.cpuPercent ?? 0;
  }
  expect(seen).toBeGreaterThan(5);
  expect((await usage.sample(trees)).get("idle")!.cpuPercent).toBeLessThan(5);
}, 20_000);

test("the CPU time of processes that live shorter than the interval is counted, with their children's", async () => {
  using m = machine();
  const usage = treeUsage(m.processes);
  const short = await m.start("echo started; while :; do (timeout 0.05 bash -c 'while :; do :; done'); done", 1);
  const trees = new Map([["short", short.tree]]);
  await usage.sample(trees);
  let seen = 0;
  for (let i = 0; i < 50 && seen < 20; i++) {
    await Bun.sleep(200); // the time over which the CPU is measured
    seen = (await usage.sample(trees)).get("short")!.cpuPercent ?? 0;
  }
  expect(seen).toBeGreaterThan(20);
  expect(seen).toBeLessThan(150);
}, 20_000);

test("a run's cgroup has the last word", async () => {
  using m = machine();
  let us = 0;
  const usage = treeUsage({
    treeStats: (tree) => m.processes.treeStats(tree),
    scanTrees: (trees) => m.processes.scanTrees(trees),
    cgroupCpuUs: (invocation) => (invocation === "none" ? null : us),
  });
  await usage.sample(new Map()); // what begins after it is new
  const one = await m.start("exec sleep 1000");
  const trees = new Map([["one", one.tree]]);
  us = 3_600_000_000;
  expect((await usage.sample(trees)).get("one")!.cpuPercent).toBeGreaterThan(10_000);
  await Bun.sleep(50); // the time over which the CPU is measured
  expect((await usage.sample(trees)).get("one")!.cpuPercent).toBe(0);
});

test("a unit whose processes are gone is absent, and the others are not disturbed", async () => {
  using m = machine();
  const usage = treeUsage(m.processes);
  const gone = await m.start("exec sleep 1000");
  const stays = await m.start("exec sleep 1000");
  const trees = new Map([
    ["gone", gone.tree],
    ["stays", stays.tree],
  ]);
  expect([...(await usage.sample(trees)).keys()]).toEqual(["gone", "stays"]);
  const during = usage.sample(trees); // it vanishes while this runs
  m.processes.signal(gone.ref, 9);
  expect((await during).has("stays")).toBe(true);
  await gone.exited;
  await until(() => m.processes.condition(gone.ref) === "gone", "the end");
  expect([...(await usage.sample(trees)).keys()]).toEqual(["stays"]);
  expect(await usage.sample(new Map([["gone", gone.tree]]))).toEqual(new Map());
  expect(await usage.sample(new Map())).toEqual(new Map());
});

test("open files of the tree, and its proportional memory, which is less than the resident one where pages are shared", async () => {
  using m = machine();
  const usage = treeUsage(m.processes);
  const child = await m.start("exec 7</dev/null 8</dev/null 9</dev/null; sleep 1000 & echo started; wait", 1);
  const trees = new Map([["web", child.tree]]);
  // The shell and its child have six each, as soon as both were executed.
  const { memoryMb } = await poll(async () => [(await usage.sample(trees)).get("web")].find((sample) => (sample?.openFiles ?? 0) >= 12), {
    what: "twelve open files",
  });
  const share = usage.proportional(child.tree)!;
  expect(share).toBeGreaterThan(0.05);
  expect(share).toBeLessThan(memoryMb);
});

/** The sweep over all takes what is in no tree for a stranger: asked for one unit alone, it lost the samples of all others. */
test("one unit's memory and share are read without the sweep over all", async () => {
  using m = machine();
  const one = await m.start("exec sleep 1000");
  const sweep = (): never => {
    throw new Error("swept");
  };
  const usage = treeUsage({ treeStats: (tree) => m.processes.treeStats(tree), scanTrees: sweep, cgroupCpuUs: () => null });
  // The new program has no pages yet in the moment of the exec.
  await eventually(async () => (await usage.memory(new Map([["one", one.tree]]))).get("one"), { what: "its memory" });
  expect(usage.proportional(one.tree)).not.toBeNull();
  m.processes.signal(one.ref, 9);
  await one.exited;
  expect(await usage.memory(new Map([["one", one.tree]]))).toEqual(new Map());
  expect(usage.proportional(one.tree)).toBeNull();
});

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { treeUsage } from "../../src/adapters/usage/tree-usage.ts";
import { CpuAcct } from "../../src/linux/cgroup/cpuacct.ts";
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
    cgroupCpuTimes: (invocations) => invocations.map((invocation) => (invocation === "none" ? null : us)),
    countDescriptors: (pids) => pids.map(() => null),
  });
  await usage.sample(new Map()); // what begins after it is new
  const one = await m.start("exec sleep 1000");
  const trees = new Map([["one", one.tree]]);
  us = 3_600_000_000;
  expect((await usage.sample(trees)).get("one")!.cpuPercent).toBeGreaterThan(10_000);
  await Bun.sleep(50); // the time over which the CPU is measured
  expect((await usage.sample(trees)).get("one")!.cpuPercent).toBe(0);
});

/** The directory of a new group of cgroup v1's cpuacct, or null if this machine lets us make none. */
function cpuacctGroup(): string | null {
  const path = `/sys/fs/cgroup/cpuacct/sup-test-${process.pid}`;
  try {
    mkdirSync(path);
    return existsSync(`${path}/cpuacct.usage`) ? path : null;
  } catch {
    return null;
  }
}

const group = cpuacctGroup();
afterAll(() => void (group !== null && rmdirSync(group)));

test.skipIf(group === null)(
  "a cgroup of version 1 that a unit has for itself counts, also for processes that nobody waits for",
  async () => {
    using m = machine();
    const usage = treeUsage(m.processes);
    // The shell does not wait for its grandchildren, so their time is in no process of the tree once they have ended.
    const orphans = "while :; do (setsid timeout 0.1 sh -c 'while :; do :; done' &); sleep 0.1; done";
    const own = await m.start(`echo $$ > ${group}/cgroup.procs; echo started; ${orphans}`, 1);
    const trees = new Map([["own", own.tree]]);
    const before = Number(readFileSync(`${group}/cpuacct.usage`, "utf8"));
    await usage.sample(trees);
    const began = performance.now();
    await until(() => Number(readFileSync(`${group}/cpuacct.usage`, "utf8")) - before > 1e9, "a second of CPU time");
    const { cpuPercent } = (await usage.sample(trees)).get("own")!;
    const kernelsPercent = ((Number(readFileSync(`${group}/cpuacct.usage`, "utf8")) - before) / 1e6 / (performance.now() - began)) * 100;
    expect(cpuPercent! / kernelsPercent).toBeGreaterThan(0.8);
    expect(cpuPercent! / kernelsPercent).toBeLessThan(1.2);

    // It is not the group of the unit alone any more.
    const other = await m.start("exec sleep 1000");
    writeFileSync(`${group}/cgroup.procs`, String(other.ref.pid));
    expect(new CpuAcct().read(own.tree, new Set([own.ref.pid]))).toBeNull();
    writeFileSync("/sys/fs/cgroup/cpuacct/cgroup.procs", String(other.ref.pid));
    expect(new CpuAcct().read(own.tree, new Set([own.ref.pid]))?.group).toBe(group!);
    expect(new CpuAcct().read(other.tree, new Set([other.ref.pid]))).toBeNull();
    m.processes.killTree(own.tree);
    await until(() => readFileSync(`${group}/cgroup.procs`, "utf8") === "", "an empty group");
  },
  30_000,
);

test("a run whose cgroup has not used any CPU time is not read again for a minute", async () => {
  using m = machine();
  const us = new Map([["busy", 10], ["idle", 10]]); // prettier-ignore
  const scans: Array<{ readonly units: readonly string[]; readonly unchanged: readonly number[] }> = [];
  const usage = treeUsage({
    treeStats: (tree) => m.processes.treeStats(tree),
    scanTrees: (trees, unchanged) => {
      const all = [...trees];
      scans.push({ units: all.map(([unit]) => String(unit)), unchanged: [...(unchanged ?? [])] });
      return m.processes.scanTrees(all, unchanged);
    },
    cgroupCpuTimes: (invocations) => invocations.map((invocation) => us.get(invocation) ?? null),
    countDescriptors: (pids) => m.processes.countDescriptors(pids),
  });
  const [busy, idle, other] = [await m.start("exec sleep 1000"), await m.start("exec sleep 1000"), await m.start("exec sleep 1000")];
  const counted = (invocation: string, { tree }: typeof busy) => ({ ...tree, invocation });
  const trees = new Map([["busy", counted("busy", busy)], ["idle", counted("idle", idle)], ["other", counted("none", other)]]); // prettier-ignore
  await usage.sample(trees);
  await usage.sample(trees); // from here on the counters can be compared
  const first = (await usage.sample(trees)).get("idle")!;
  us.set("busy", 20);
  const samples = await usage.sample(trees);
  expect(scans.at(-1)).toEqual({ units: ["busy", "other"], unchanged: [idle.ref.pid] });
  expect(samples.get("idle")).toEqual({ ...first, cpuPercent: 0 });
  expect(samples.get("busy")!.cpuPercent).toBeGreaterThan(0);
  expect([...samples.keys()].sort()).toEqual(["busy", "idle", "other"]);
  expect(usage.lastSample(idle.ref.pid, idle.ref.startTicks)).toMatchObject({ cpuPercent: 0 });

  us.set("idle", 11);
  await usage.sample(trees);
  expect(scans.at(-1)!.units).toContain("idle");
  for (let i = 0; i < 12; i++) await usage.sample(trees);
  expect(scans.slice(-12).filter(({ units }) => units.includes("idle"))).toHaveLength(1);

  const replaced = new Map([...trees, ["idle", counted("idle", other)] as const]);
  await usage.sample(replaced);
  expect(scans.at(-1)!.units).toContain("idle");
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
  const usage = treeUsage({
    treeStats: (tree) => m.processes.treeStats(tree),
    scanTrees: sweep,
    cgroupCpuTimes: () => [],
    countDescriptors: () => [],
  });
  // The new program has no pages yet in the moment of the exec.
  await eventually(async () => (await usage.memory(new Map([["one", one.tree]]))).get("one"), { what: "its memory" });
  expect(usage.proportional(one.tree)).not.toBeNull();
  m.processes.signal(one.ref, 9);
  await one.exited;
  expect(await usage.memory(new Map([["one", one.tree]]))).toEqual(new Map());
  expect(usage.proportional(one.tree)).toBeNull();
});

import { afterEach, expect, spyOn, test } from "bun:test";
import childProcess from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { readAll, type Reading } from "../../src/adapters/usage/pidusage.ts";
import { processUsage, type ProcessUsageOptions } from "../../src/adapters/usage/process-usage.ts";
import { treeUsage, type LastSample } from "../../src/adapters/usage/tree-usage.ts";
import { bootTimeMs } from "../../src/linux/proc/clocks.ts";
import { readStat, type Stat } from "../../src/linux/proc/proc.ts";
import { until } from "../harness/until.ts";
import { machine } from "./linux/support.ts";

const cleanups: Array<() => void> = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const me = readStat(process.pid)!;
const TREE = { invocation: "x", main: { pid: process.pid, startTicks: me.startTicks, bootId: "" } };

/** Descriptors of /proc/PID/stat that this process has open. */
const statDescriptors = (): string[] =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return /^\/proc\/\d+\/stat$/.test(target) ? [target] : [];
    } catch {
      return []; // the descriptor of the directory itself
    }
  });

function usageOf(stats: readonly Stat[], more: Partial<ProcessUsageOptions> = {}) {
  return processUsage({ table: { treeStats: () => stats }, trees: { lastSample: () => undefined }, ...more });
}

test("the first request starts no process, such as getconf, and leaves child_process as it was", async () => {
  const exec = spyOn(childProcess, "exec");
  cleanups.push(() => exec.mockRestore());
  const before = childProcess.exec;
  expect((await readAll([process.pid])).get(process.pid)!.memoryBytes).toBeGreaterThan(1024 * 1024);
  expect(exec).not.toHaveBeenCalled();
  expect(childProcess.exec).toBe(before);
});

test("each process of a unit has its own CPU, memory, parent and start time", async () => {
  using m = machine();
  const child = await m.start("(while :; do :; done) & sleep 1000 & echo started; wait", 1);
  const trees = treeUsage(m.processes);
  const usage = processUsage({ table: m.processes, trees });
  await until(() => m.processes.treeStats(child.tree).some(({ name }) => name === "sleep"), { what: "three processes" });
  await trees.sample(new Map([["web", child.tree]]));
  const busy = await until(
    async () => {
      const list = await usage.of(child.tree);
      return list.find(({ name, parent, cpuPercent }) => name !== "sleep" && parent === child.ref.pid && (cpuPercent ?? 0) > 5);
    },
    { what: "the busy process to be measured", timeoutMs: 20_000 },
  );
  expect(busy.memoryMb).toBeGreaterThan(0.01);
  expect(Math.abs(busy.startedAtMs - Date.now())).toBeLessThan(30_000);
  const list = await usage.of(child.tree);
  expect(new Set(list.map(({ pid }) => pid))).toEqual(new Set(m.processes.treeStats(child.tree).map(({ pid }) => pid)));
  expect(list.find(({ name }) => name === "sleep")!.cpuPercent).toBeLessThan(5);
}, 30_000);

test("no descriptor stays open, neither of living processes nor of one that is gone", async () => {
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  for (let i = 0; i < 3; i++) await readAll([process.pid, gone.pid, process.ppid]);
  expect(statDescriptors()).toEqual([]);
  expect((await readAll([gone.pid])).size).toBe(0);
  expect((await readAll([])).size).toBe(0);
});

test("more processes than one batch holds are all read", async () => {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number); // prettier-ignore
  const many = [...Array.from({ length: 200 }, (_, i) => 0x3fff_0000 + i), ...pids, process.pid];
  const found = await readAll(many);
  expect(found.has(process.pid)).toBe(true);
  expect(statDescriptors()).toEqual([]);
});

test("a later process with the pid of a listed one is never shown: its figures are unknown", async () => {
  const [real] = await usageOf([me]).of(TREE);
  expect(real!.memoryMb).toBeGreaterThan(1);
  const [reused] = await usageOf([{ ...me, name: "earlier", startTicks: me.startTicks - 100 }]).of(TREE);
  expect(reused).toMatchObject({ pid: process.pid, name: "earlier", cpuPercent: null, memoryMb: null });
});

test("a pid that is reused between the reading and the check has unknown figures, too", async () => {
  const readings = new Map<number, Reading>([[process.pid, { cpuMs: 10, memoryBytes: 2 ** 20 }]]);
  let startTicks = me.startTicks;
  const reading = async (): Promise<typeof readings> => {
    startTicks++;
    return readings;
  };
  const [one] = await usageOf([me], { readAll: reading, startTicksOf: () => startTicks }).of(TREE);
  expect(one!.memoryMb).toBeNull();
});

for (const [rule, last, cpu] of [
  ["the CPU usage is that since the last sample", { ago: 2000, cpuMs: 500, cpuPercent: 7 }, 50],
  ["shortly after a sample it is that of the sample", { ago: 10, cpuMs: 1499, cpuPercent: 7 }, 7],
  ["shortly after its first sample it is unknown", { ago: 10, cpuMs: 1499, cpuPercent: null }, null],
] as const) {
  test(rule, async () => {
    const lastSample = (): LastSample => ({ atMs: bootTimeMs() - last.ago, cpuMs: last.cpuMs, cpuPercent: last.cpuPercent });
    const readings = new Map([[process.pid, { cpuMs: 1500, memoryBytes: 2 ** 20 }]]);
    const [one] = await usageOf([me], { trees: { lastSample }, readAll: async () => readings }).of(TREE);
    if (cpu === null) expect(one!.cpuPercent).toBeNull();
    else expect(Math.abs(one!.cpuPercent! - cpu)).toBeLessThan(5);
    expect(one!.memoryMb).toBe(1);
  });
}

test("the CPU usage of a process that no sample has seen is that since its start", async () => {
  const lifetimeMs = bootTimeMs() - (me.startTicks * 1000) / 100;
  const readings = new Map([[process.pid, { cpuMs: (lifetimeMs + 5000) / 4, memoryBytes: 2 ** 20 }]]);
  const young = { ...me, startTicks: me.startTicks - 500 };
  const [one] = await usageOf([young], { readAll: async () => readings, startTicksOf: () => young.startTicks }).of(TREE);
  expect(Math.abs(one!.cpuPercent! - 25)).toBeLessThan(2);
});

test("a reading that hangs, or fails, leaves the figures unknown but lists the processes", async () => {
  const [hangs] = await usageOf([me], { limitMs: 1, readAll: () => new Promise(() => {}) }).of(TREE);
  expect(hangs).toMatchObject({ pid: process.pid, name: me.name, cpuPercent: null, memoryMb: null });
  const [fails] = await usageOf([me], { readAll: () => Promise.reject(new Error("no")) }).of(TREE);
  expect(fails).toMatchObject({ pid: process.pid, memoryMb: null });
});

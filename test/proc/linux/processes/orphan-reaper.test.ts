import { expect, test } from "bun:test";
import { exec } from "node:child_process";
import { readStat } from "../../../../src/linux/proc/proc.ts";
import { machine, until } from "../support.ts";

test("orphans are reaped and reported, and no zombie stays", async () => {
  using m = machine();
  const { exited, lines } = await m.start("for i in 1 2 3; do (setsid bash -c 'echo $$; sleep 0.05; exit 3' &) ; done", 3);
  await exited;
  const pids = lines.map(Number);
  await until(() => pids.every((pid) => m.reapedOrphans.includes(pid)), "the reaping of three orphans");
  expect(pids.map(readStat)).toEqual([null, null, null]);
});

test("the children of Bun and of node:child_process keep their exit codes", async () => {
  using m = machine();
  const bun = Array.from({ length: 20 }, (_, i) => Bun.spawn(["/bin/sh", "-c", `sleep 0.0${i % 10}; exit ${i}`]));
  const node = new Promise<number | null>((resolve) => {
    exec("sleep 0.05; exit 33", () => {}).on("exit", resolve);
  });
  const { exited, lines } = await m.start("(setsid bash -c 'echo $$; exec sleep 0.05' &)", 1);
  await exited;
  expect(await Promise.all(bun.map((child) => child.exited))).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(await node).toBe(33);
  await until(() => m.reapedOrphans.includes(Number(lines[0])), "the reaping of the orphan");
  expect(bun.filter(({ pid }) => m.reapedOrphans.includes(pid))).toEqual([]);
});

test("a zombie that Bun had no time to reap is left to Bun", async () => {
  using m = machine();
  const child = Bun.spawn(["/bin/sh", "-c", "exit 21"]);
  const end = performance.now() + 1500; // longer than the grace period
  while (performance.now() < end);
  expect(await child.exited).toBe(21);
  expect(m.reapedOrphans).not.toContain(child.pid);
});

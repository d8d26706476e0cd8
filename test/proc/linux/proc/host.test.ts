import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, hostname } from "node:os";
import { join } from "node:path";
import { hostUsage } from "../../../../src/linux/proc/host.ts";
import { tempDir } from "../../../harness/temp.ts";

test("the figures of this machine are plausible", () => {
  const { name, cores, memoryMb, availableMb, diskMb, diskFreeMb, load } = hostUsage("/tmp").sample();
  expect({ name, cores }).toEqual({ name: hostname(), cores: cpus().length });
  expect(availableMb).toBeWithin(1, memoryMb!);
  expect(diskFreeMb).toBeWithin(0, diskMb!);
  expect(load).toHaveLength(3);
});

test("CPU usage is the share of busy time since the previous sample; waiting for a disk counts as idle", () => {
  using dir = tempDir();
  const write = (user: number, idle: number, iowait: number): void =>
    writeFileSync(join(dir.path, "proc/stat"), `cpu  ${user} 0 0 ${idle} ${iowait} 0 0 0 7 0\ncpu0 1 2\ncpu1 1 2\nintr 5\n`);
  mkdirSync(join(dir.path, "proc"));
  writeFileSync(join(dir.path, "proc/meminfo"), "MemTotal:  2048 kB\nMemAvailable:  1024 kB\n");
  writeFileSync(join(dir.path, "proc/loadavg"), "0.50 1.25 2.00 1/234 5678\n");
  write(100, 100, 100);
  const usage = hostUsage("/tmp", dir.path);
  expect(usage.sample()).toMatchObject({ cpuPercent: null, cores: 2, memoryMb: 2, availableMb: 1, load: [0.5, 1.25, 2] });
  write(125, 150, 125);
  expect(usage.sample().cpuPercent).toBe(25);
  expect(usage.sample().cpuPercent).toBeNull();
});

test("figures that cannot be read are null", () => {
  using dir = tempDir();
  expect(hostUsage(join(dir.path, "missing"), dir.path).sample()).toEqual({
    ...{ name: hostname(), cores: 0, cpuPercent: null, memoryMb: null, availableMb: null, diskMb: null, diskFreeMb: null, load: null },
  });
});

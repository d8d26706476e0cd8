import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OomKills } from "../../../../src/linux/cgroup/oom-kills.ts";
import { tempDir } from "../../../harness/temp.ts";

const counts = (path: string, kills: number): void => writeFileSync(path, `oom 9\noom_kill ${kills}\noom_group_kill 9\n`);

test("one kill more than at the last look explains one SIGKILL, not two, and none after the next look", () => {
  using dir = tempDir();
  const vmstat = join(dir.path, "vmstat");
  counts(vmstat, 4);
  const kills = new OomKills(vmstat);
  expect(kills.killed([])).toBe(false);
  counts(vmstat, 5);
  expect([kills.killed([]), kills.killed([])]).toEqual([true, false]);
  counts(vmstat, 6);
  kills.look();
  expect(kills.killed([])).toBe(false);
});

test("the cgroup of the run knows better than the machine", () => {
  using dir = tempDir();
  const vmstat = join(dir.path, "vmstat");
  counts(vmstat, 0);
  const kills = new OomKills(vmstat);
  counts(vmstat, 1);
  const [spared, hit, silent] = ["spared", "hit", "silent"].map((name) => join(dir.path, name)) as [string, string, string];
  for (const directory of [spared, hit, silent]) mkdirSync(directory);
  counts(join(spared, "memory.events"), 0);
  counts(join(hit, "memory.events"), 2);
  expect([kills.killed([spared]), kills.killed([spared, hit]), kills.killed([silent])]).toEqual([false, true, true]);
  counts(vmstat, 2);
  expect([kills.killed([silent], true), kills.killed([hit], true)]).toEqual([false, true]);
});

test("a kernel that does not count is not asked in vain", () => {
  expect(new OomKills("/no/such/file").killed([])).toBe(false);
});

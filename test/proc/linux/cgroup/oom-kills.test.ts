import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OomKills } from "../../../../src/linux/cgroup/oom-kills.ts";
import { tempDir } from "../../../harness/temp.ts";

const counts = (path: string, kills: number): void => writeFileSync(path, `oom 9\noom_kill ${kills}\noom_group_kill 9\n`);

test("an OOM kill since the last sample explains one SIGKILL, not two, and none after the next sample", () => {
  using dir = tempDir();
  const vmstat = join(dir.path, "vmstat");
  counts(vmstat, 4);
  const kills = new OomKills(vmstat);
  expect(kills.wasKilled([])).toBe(false);
  counts(vmstat, 5);
  expect(kills.wasKilled([])).toBe(true);
  expect(kills.wasKilled([])).toBe(false);
  counts(vmstat, 6);
  kills.resetBaseline();
  expect(kills.wasKilled([])).toBe(false);
});

test("the counter of the run's cgroup takes precedence over the machine's", () => {
  using dir = tempDir();
  const vmstat = join(dir.path, "vmstat");
  counts(vmstat, 0);
  const kills = new OomKills(vmstat);
  counts(vmstat, 1);
  const [spared, hit, uncounted] = ["spared", "hit", "uncounted"].map((name) => join(dir.path, name)) as [string, string, string];
  for (const directory of [spared, hit, uncounted]) mkdirSync(directory);
  counts(join(spared, "memory.events"), 0);
  counts(join(hit, "memory.events"), 2);
  expect(kills.wasKilled([spared])).toBe(false);
  expect(kills.wasKilled([spared, hit])).toBe(true);
  expect(kills.wasKilled([uncounted])).toBe(true);
  counts(vmstat, 2);
  expect(kills.wasKilled([uncounted], true)).toBe(false);
  expect(kills.wasKilled([hit], true)).toBe(true);
});

test("without a counter no SIGKILL is attributed to the kernel", () => {
  expect(new OomKills("/no/such/file").wasKilled([])).toBe(false);
});

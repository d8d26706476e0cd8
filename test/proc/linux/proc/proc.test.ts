import { expect, test } from "bun:test";
import { bootTimeMs } from "../../../../src/linux/proc/clocks.ts";
import { clockTicks } from "../../../../src/linux/proc/boot.ts";
import { environmentVariable, ownChildren, parseStat, readStat } from "../../../../src/linux/proc/proc.ts";
import { machine, until } from "../support.ts";

test("a name with spaces and parentheses does not shift the fields", () => {
  const fields = Array.from({ length: 50 }, (_, i) => i + 3);
  fields[0] = "S" as never;
  const stat = parseStat(`42 (a) b) (c) ${fields.join(" ")}\n`);
  expect(stat).toEqual({
    pid: 42,
    name: "a) b) (c",
    state: "S",
    parent: 4,
    group: 5,
    session: 6,
    threads: 20,
    cpuTicks: 14 + 15,
    waitedTicks: 16 + 17,
    residentPages: 24,
    startTicks: 22,
    environmentEnd: 51,
    waitStatus: 52,
  });
  expect(parseStat("")).toBeNull();
});

test("an ended process is null, not an error", () => {
  expect(readStat(4_194_303)).toBeNull();
  expect(environmentVariable(4_194_303, "PATH")).toBeUndefined();
});

test("an environment variable is found only by its full name", async () => {
  using m = machine();
  const { ref } = await m.start("", 0, { argv: ["/bin/sleep", "1000"], env: { XSUP_ID: "wrong", SUP_ID: "right=1", SUP_IDX: "wrong" } });
  // A spawn returns while the kernel is still setting up the new program.
  await until(() => environmentVariable(ref.pid, "SUP_ID") !== undefined, "the environment");
  expect(environmentVariable(ref.pid, "SUP_ID")).toBe("right=1");
  expect(environmentVariable(ref.pid, "UP_ID")).toBeNull();
});

test("start ticks and clock ticks give the age of a process", async () => {
  using m = machine();
  const { ref } = await m.start("exec sleep 1000");
  const ageMs = bootTimeMs() - (ref.startTicks / clockTicks()) * 1000;
  expect(ageMs).toBeGreaterThan(-20);
  expect(ageMs).toBeLessThan(20_000);
});

test("our children are listed", async () => {
  using m = machine();
  const { ref } = await m.start("exec sleep 1000");
  expect(ownChildren()?.has(ref.pid)).toBe(true);
});

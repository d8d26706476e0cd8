import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { run } from "../../../harness/run.ts";

const MODULE = resolve(import.meta.dir, "../../../../src/linux/self/priority.ts");
/** Prints whether the priority was raised, and then the nice values of the process and of a process that it starts. */
const PROGRAM = `
import { getPriority } from "node:os";
const { raisePriority } = await import(${JSON.stringify(MODULE)});
const isRaised = raisePriority();
const child = Bun.spawnSync(["nice"]).stdout.toString().trim();
console.log(isRaised, getPriority(0), child);
`;

const mayRaise = process.getuid?.() === 0 && Bun.spawnSync(["nice", "-n", "-1", "true"]).success;
const output = async (...words: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await run([...words, process.execPath, "-e", PROGRAM], { env: { PATH: process.env.PATH ?? "" } });
  return stdout.trim() || stderr;
};

describe("the priority of the daemon", () => {
  test.if(mayRaise)("is raised, but the processes that it starts do not inherit it", async () => {
    expect(await output()).toBe("true -5 0");
  });

  test("stays as it is if somebody chose one", async () => {
    expect(await output("nice", "-n", "7")).toBe("false 7 7");
  });

  test.if(mayRaise)("stays as it is if the user may not raise it", async () => {
    expect(await output("setpriv", "--bounding-set=-sys_nice")).toBe("false 0 0");
  });
});

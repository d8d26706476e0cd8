/** Bounds of runs against a directory that behaves as the kernel's does: controllers, handing them on, and whom that refuses. */
import { afterEach, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { CgroupLimiter, homeOf } from "../../../../src/linux/cgroup/limits.ts";

const made: string[] = [];
afterEach(() => made.splice(0).forEach((directory) => rmSync(directory, { recursive: true, force: true })));

const read = (...path: string[]): string => (existsSync(join(...path)) ? readFileSync(join(...path), "utf8") : "");
const fail = (code: string): never => {
  throw Object.assign(new Error(code), { code });
};

/** The kernel's rules that matter: a group with processes hands nothing on, and one that does takes no processes. */
function kernelWrite(path: string, text: string): void {
  const [directory, name] = [dirname(path), basename(path)];
  if (!existsSync(directory)) fail("ENOENT");
  const [procs, subtree] = [join(directory, "cgroup.procs"), join(directory, "cgroup.subtree_control")];
  if (name === "cgroup.procs") {
    if (read(subtree).trim() !== "") fail("EBUSY");
    for (const other of [
      dirname(directory),
      ...new Bun.Glob("*/").scanSync({ cwd: dirname(directory), onlyFiles: false, absolute: true }),
      directory,
    ]) {
      const file = join(other, "cgroup.procs");
      if (existsSync(file)) writeFileSync(file, read(file).split("\n").filter((pid) => pid !== "" && pid !== text).map((pid) => `${pid}\n`).join("")); // prettier-ignore
    }
    return appendFileSync(procs, `${text}\n`);
  }
  if (name !== "cgroup.subtree_control") return writeFileSync(path, text);
  const [sign, controller] = [text[0], text.slice(1)];
  const now = new Set(read(subtree).split(" ").filter(Boolean));
  if (sign === "+" && read(procs) !== "") {
    if (controller === "memory") fail("EBUSY");
    writeFileSync(join(directory, "sup-key", "cgroup.type"), "domain invalid\n"); // cpu and pids can be threaded
  }
  if (sign === "+") now.add(controller);
  else now.delete(controller);
  writeFileSync(subtree, [...now].join(" "));
}

function machine({ controllers = "cpuset cpu memory pids", procs = [process.pid] as readonly number[] } = {}) {
  const own = mkdtempSync(join(tmpdir(), "bounds-"));
  made.push(own);
  const root = join(own, "sup-key");
  const run = join(root, "web.aaaa");
  mkdirSync(run, { recursive: true });
  writeFileSync(join(own, "cgroup.type"), "domain\n");
  writeFileSync(join(own, "cgroup.controllers"), `${controllers}\n`);
  writeFileSync(join(own, "cgroup.procs"), procs.map((pid) => `${pid}\n`).join(""));
  const writes: string[] = [];
  const write = (path: string, text: string): void => {
    kernelWrite(path, text);
    writes.push(path);
  };
  return { own, root, run, writes, bounder: new CgroupLimiter({ root, write }) };
}

const BOUNDS = { memory: 64, cpu: 50, tasks: 10 };

test("the limits are written, after this process has moved out of the way; a close puts all back", () => {
  const { own, root, run, bounder } = machine();
  expect(bounder.unheld(null, "memory")).toBeNull();
  bounder.enter("aaaa", run, BOUNDS);
  expect([read(run, "memory.max"), read(run, "memory.oom.group"), read(run, "cpu.max"), read(run, "pids.max")]).toEqual([
    "67108864",
    "1",
    "50000 100000",
    "10",
  ]);
  expect([read(own, "cgroup.procs"), read(own, "sup-key.daemon", "cgroup.procs")]).toEqual(["", `${process.pid}\n`]);
  expect([read(own, "cgroup.subtree_control"), read(root, "cgroup.subtree_control")]).toEqual(["memory cpu pids", "memory cpu pids"]);
  expect((["memory", "cpu", "tasks"] as const).map((bound) => bounder.unheld("aaaa", bound))).toEqual([null, null, null]);
  bounder.close();
  expect([read(own, "cgroup.subtree_control"), read(own, "cgroup.procs")]).toEqual(["", `${process.pid}\n`]);
});

test("cpu alone: the groups below stay such that take processes", () => {
  const { root, run, bounder } = machine();
  bounder.enter("aaaa", run, { memory: null, cpu: 50, tasks: null });
  expect([read(root, "cgroup.type"), read(run, "cpu.max")]).toEqual(["", "50000 100000"]);
});

test("a run without bounds changes nothing", () => {
  const { run, writes, bounder } = machine();
  bounder.enter("aaaa", run, null);
  bounder.enter("aaaa", run, undefined);
  bounder.bind("aaaa", [run], null);
  expect(writes).toEqual([]);
});

test("a missing controller is told, and the others are in force", () => {
  const { own, run, bounder } = machine({ controllers: "cpu pids" });
  bounder.enter("aaaa", run, BOUNDS);
  expect(bounder.unheld("aaaa", "memory")).toBe(`there is no memory controller of cgroup v2 in ${own}`);
  expect([bounder.unheld("aaaa", "cpu"), read(run, "pids.max"), existsSync(join(run, "memory.max"))]).toEqual([null, "10", false]);
});

test("with somebody else in our group nothing can be handed on: the reason names them, and nobody is moved", () => {
  const { own, run, bounder } = machine({ procs: [process.pid, 1] });
  bounder.enter("aaaa", run, BOUNDS);
  expect(bounder.unheld("aaaa", "memory")).toEndWith("other processes are in that group (1)");
  expect(bounder.unheld(null, "cpu")).toContain("cannot hand on the cpu controller");
  expect([read(own, "cgroup.procs"), existsSync(join(own, "sup-key.daemon"))]).toEqual([`${process.pid}\n1\n`, false]);
});

test("a reload changes and lifts limits of a run; the same ones are not written again", () => {
  const { run, writes, bounder } = machine();
  bounder.enter("aaaa", run, BOUNDS);
  const before = writes.length;
  bounder.bind("aaaa", [run], { ...BOUNDS });
  expect(writes.length).toBe(before);
  bounder.bind("aaaa", [run], { memory: 32, cpu: 0.5, tasks: null });
  expect([read(run, "memory.max"), read(run, "cpu.max"), read(run, "pids.max")]).toEqual(["33554432", "1000 100000", "max"]);
  bounder.bind("aaaa", [run], null);
  expect([read(run, "memory.max"), read(run, "memory.oom.group"), read(run, "cpu.max")]).toEqual(["max", "0", "max 100000"]);
});

test("a further group of the run gets what the run has", () => {
  const { root, run, bounder } = machine();
  bounder.enter("aaaa", run, BOUNDS);
  const again = join(root, "web.aaaa~2");
  mkdirSync(again);
  bounder.enter("aaaa", again, undefined);
  expect(read(again, "memory.max")).toBe("67108864");
});

test("controllers that were handed on before stay so", () => {
  const { own, run, bounder } = machine({ procs: [] });
  writeFileSync(join(own, "cgroup.subtree_control"), "memory");
  bounder.enter("aaaa", run, BOUNDS);
  bounder.close();
  expect(read(own, "cgroup.subtree_control")).toBe("memory");
});

test("a daemon in its leaf is at home one above", () => {
  expect([homeOf("/a/sup-key.daemon"), homeOf("/sup-key.daemon"), homeOf("/a/sup.service")]).toEqual(["/a", "/", "/a/sup.service"]);
});

/** Limits of runs in a directory that imitates the kernel's rules for controllers and for groups with processes. */
import { afterEach, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { CgroupLimiter, withoutLeaf } from "../../../../src/linux/cgroup/limits.ts";

const made: string[] = [];
afterEach(() => made.splice(0).forEach((directory) => rmSync(directory, { recursive: true, force: true })));

const read = (...path: string[]): string => (existsSync(join(...path)) ? readFileSync(join(...path), "utf8") : "");
const fail = (code: string): never => {
  throw Object.assign(new Error(code), { code });
};

/**
 * The relevant rules of the kernel: a group with processes cannot enable controllers, and one with enabled controllers admits no
 * processes.
 */
function kernelWrite(path: string, value: string): void {
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
      if (existsSync(file)) writeFileSync(file, read(file).split("\n").filter((pid) => pid !== "" && pid !== value).map((pid) => `${pid}\n`).join("")); // prettier-ignore
    }
    return appendFileSync(procs, `${value}\n`);
  }
  if (name !== "cgroup.subtree_control") return writeFileSync(path, value);
  const [sign, controller] = [value[0], value.slice(1)];
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
  const own = mkdtempSync(join(tmpdir(), "limits-"));
  made.push(own);
  const root = join(own, "sup-key");
  const run = join(root, "web.aaaa");
  mkdirSync(run, { recursive: true });
  writeFileSync(join(own, "cgroup.type"), "domain\n");
  writeFileSync(join(own, "cgroup.controllers"), `${controllers}\n`);
  writeFileSync(join(own, "cgroup.procs"), procs.map((pid) => `${pid}\n`).join(""));
  const writes: string[] = [];
  const write = (path: string, value: string): void => {
    kernelWrite(path, value);
    writes.push(path);
  };
  return { own, root, run, writes, limiter: new CgroupLimiter({ root, write }) };
}

const LIMITS = { memory: 64, cpu: 50, tasks: 10 };

test("limits are written after this process has moved into the leaf group; close restores everything", () => {
  const { own, root, run, limiter } = machine();
  expect(limiter.whyNotEnforced(null, "memory")).toBeNull();
  limiter.addGroup("aaaa", run, LIMITS);
  expect(read(run, "memory.max")).toBe("67108864");
  expect(read(run, "memory.oom.group")).toBe("1");
  expect(read(run, "cpu.max")).toBe("50000 100000");
  expect(read(run, "pids.max")).toBe("10");
  expect(read(own, "cgroup.procs")).toBe("");
  expect(read(own, "sup-key.daemon", "cgroup.procs")).toBe(`${process.pid}\n`);
  expect(read(own, "cgroup.subtree_control")).toBe("memory cpu pids");
  expect(read(root, "cgroup.subtree_control")).toBe("memory cpu pids");
  expect((["memory", "cpu", "tasks"] as const).map((name) => limiter.whyNotEnforced("aaaa", name))).toEqual([null, null, null]);
  limiter.close();
  expect(read(own, "cgroup.subtree_control")).toBe("");
  expect(read(own, "cgroup.procs")).toBe(`${process.pid}\n`);
});

test("with cpu alone, sub-groups still admit processes", () => {
  const { root, run, limiter } = machine();
  limiter.addGroup("aaaa", run, { memory: null, cpu: 50, tasks: null });
  expect(read(root, "cgroup.type")).toBe("");
  expect(read(run, "cpu.max")).toBe("50000 100000");
});

test("a run without limits changes nothing", () => {
  const { run, writes, limiter } = machine();
  limiter.addGroup("aaaa", run, null);
  limiter.addGroup("aaaa", run, undefined);
  limiter.setLimits("aaaa", [run], null);
  expect(writes).toEqual([]);
});

test("a missing controller is reported, and the other limits apply", () => {
  const { own, run, limiter } = machine({ controllers: "cpu pids" });
  limiter.addGroup("aaaa", run, LIMITS);
  expect(limiter.whyNotEnforced("aaaa", "memory")).toBe(`there is no memory controller of cgroup v2 in ${own}`);
  expect(limiter.whyNotEnforced("aaaa", "cpu")).toBeNull();
  expect(read(run, "pids.max")).toBe("10");
  expect(existsSync(join(run, "memory.max"))).toBe(false);
});

test("no controller can be enabled while other programs are in our group: the reason names their pids, and no process is moved", () => {
  const { own, run, limiter } = machine({ procs: [process.pid, 1] });
  limiter.addGroup("aaaa", run, LIMITS);
  expect(limiter.whyNotEnforced("aaaa", "memory")).toEndWith("other processes are in that group (1)");
  expect(limiter.whyNotEnforced(null, "cpu")).toContain("cannot enable the cpu controller");
  expect(read(own, "cgroup.procs")).toBe(`${process.pid}\n1\n`);
  expect(existsSync(join(own, "sup-key.daemon"))).toBe(false);
});

test("a reload changes and removes limits of a run; unchanged ones are not written again", () => {
  const { run, writes, limiter } = machine();
  limiter.addGroup("aaaa", run, LIMITS);
  const before = writes.length;
  limiter.setLimits("aaaa", [run], { ...LIMITS });
  expect(writes.length).toBe(before);
  limiter.setLimits("aaaa", [run], { memory: 32, cpu: 0.5, tasks: null });
  expect(read(run, "memory.max")).toBe("33554432");
  expect(read(run, "cpu.max")).toBe("1000 100000");
  expect(read(run, "pids.max")).toBe("max");
  limiter.setLimits("aaaa", [run], null);
  expect(read(run, "memory.max")).toBe("max");
  expect(read(run, "memory.oom.group")).toBe("0");
  expect(read(run, "cpu.max")).toBe("max 100000");
});

test("a further group of the run gets the limits of the run", () => {
  const { root, run, limiter } = machine();
  limiter.addGroup("aaaa", run, LIMITS);
  const again = join(root, "web.aaaa~2");
  mkdirSync(again);
  limiter.addGroup("aaaa", again, undefined);
  expect(read(again, "memory.max")).toBe("67108864");
});

test("controllers that were enabled before stay enabled", () => {
  const { own, run, limiter } = machine({ procs: [] });
  writeFileSync(join(own, "cgroup.subtree_control"), "memory");
  limiter.addGroup("aaaa", run, LIMITS);
  limiter.close();
  expect(read(own, "cgroup.subtree_control")).toBe("memory");
});

test("the group of a daemon in its leaf is the parent", () => {
  expect(withoutLeaf("/a/sup-key.daemon")).toBe("/a");
  expect(withoutLeaf("/sup-key.daemon")).toBe("/");
  expect(withoutLeaf("/a/sup.service")).toBe("/a/sup.service");
});

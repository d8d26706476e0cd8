/** Cgroups of runs in the kernel's real file system. Where it is not writable (most containers), only the error is tested. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openCgroups, type Cgroups } from "../../../../src/linux/cgroup/cgroup.ts";
import { openEpoll } from "../../../../src/linux/io/epoll.ts";
import { compileProcessStats } from "../../../../src/linux/proc/process-stats.ts";
import { openProcesses } from "../../../../src/linux/processes/processes.ts";
import type { ProcessRef } from "../../../../src/ports/processes.ts";
import { until } from "../../../harness/until.ts";
import { identity, PATH, startProcess } from "../support.ts";

const KEY = `test${process.pid}`;
const opened = openCgroups({ key: KEY, known: null });
const testWithCgroups = opened.ok ? test : test.skip;
if (!opened.ok) console.log(`no cgroups here: ${opened.error}`);

const groups = (): Cgroups => {
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
};

afterAll(() => opened.ok && opened.value.close());

const isGone = (name: string): boolean => !existsSync(join(groups().root, name));

testWithCgroups("a run's group is created once, found by the next daemon, and removed when it is empty", () => {
  const directory = groups().enter("web@1.example", "aaaa")!;
  expect(basename(directory)).toBe("web@1.example.aaaa");
  expect(groups().enter("web@1.example", "aaaa")).toBe(directory);
  expect(groups().has("aaaa")).toBe(true);
  const next = openCgroups({ key: KEY, known: groups().root });
  expect(next.ok && next.value.has("aaaa")).toBe(true);
  groups().release("aaaa");
  expect(isGone("web@1.example.aaaa")).toBe(true);
  expect(groups().has("aaaa")).toBe(false);
});

testWithCgroups("a group that was killed is not used again", () => {
  groups().enter("web", "bbbb");
  groups().kill("bbbb");
  expect(basename(groups().enter("web", "bbbb")!)).toBe("web.bbbb~2");
  groups().release("bbbb");
  expect(isGone("web.bbbb")).toBe(true);
  expect(isGone("web.bbbb~2")).toBe(true);
});

testWithCgroups("sub-groups that the service created are removed too, and so are groups of the unit's earlier runs", () => {
  mkdirSync(join(groups().enter("web", "cccc")!, "inner/deeper"), { recursive: true });
  groups().enter("web", "dddd");
  groups().releaseOtherRuns("web", "dddd");
  expect(isGone("web.cccc")).toBe(true);
  expect(isGone("web.dddd")).toBe(false);
  groups().release("dddd");
});

testWithCgroups("a root that does not exist or belongs to another state directory is not used", () => {
  const other = openCgroups({ key: KEY, known: `/no/such/sup-${KEY}` });
  expect(other.ok && other.value.root).toBe(groups().root);
  const foreign = openCgroups({ key: KEY, known: "/sys/fs/cgroup/unified/sup-other" });
  expect(foreign.ok && foreign.value.root).toBe(groups().root);
});

testWithCgroups(
  "a process is created in the group of its run, stays there without its environment, and is killed with the group",
  async () => {
    const epoll = openEpoll({ onError: (error) => expect(error).toBeUndefined() });
    const processes = openProcesses({ epoll, cgroups: opened });
    const run = async (script: string): Promise<ProcessRef> => {
      const env = { PATH, SUP_UNIT: "born", SUP_INVOCATION_ID: "eeee" };
      const request = { argv: ["/bin/sh", "-c", script], env, cwd: null, identity, fds: [null, null, null] };
      const { result } = await startProcess(processes, request);
      if (!result.ok) throw new Error(JSON.stringify(result));
      return result.ref;
    };
    const main = await run("(setsid env -i sleep 1000 &); exec sleep 1000");
    const inGroup = (): number[] => readFileSync(join(groups().root, "born.eeee/cgroup.procs"), "utf8").trim().split("\n").map(Number);
    const tree = { invocation: "eeee", main };
    // Wait until the intermediate shell has ended and both processes have called exec.
    const names = (): string => processes.members(tree).map(({ name }) => name).join(); // prettier-ignore
    const areAsleep = (): boolean => names() === "sleep,sleep" && inGroup().length === 2;
    await until(areAsleep, { what: "both processes" });
    expect(new Set(inGroup())).toEqual(new Set(processes.members(tree).map(({ pid }) => pid)));
    expect(processes.containment("eeee")).toBe("cgroup");
    expect(processes.containment("ffff")).toBe("processes");
    expect(processes.containmentNote).toBeNull();
    processes.killTree(tree);
    const { promise, resolve } = Promise.withResolvers<void>();
    processes.whenEmpty(tree, resolve);
    await promise;
    expect(isGone("born.eeee")).toBe(true);
    // A hook of the same run is not affected by the earlier kill.
    const hook = await run("exec sleep 1000");
    expect(processes.condition(hook)).toBe("running");
    processes.killTree({ invocation: "eeee", main: hook });
    await until(() => processes.condition(hook) === "gone", { what: "the hook to end" });
    processes.close();
    epoll.close();
  },
);

testWithCgroups("a process is alone in the group of its run until it forks, also if the child leaves the session", async () => {
  const epoll = openEpoll({ onError: (error) => expect(error).toBeUndefined() });
  const processes = openProcesses({ epoll, cgroups: opened });
  const env = { PATH, SUP_UNIT: "single", SUP_INVOCATION_ID: "7777" };
  const script = "kill -STOP $$; setsid env -i sleep 1000 & wait";
  const { result } = await startProcess(processes, { argv: ["/bin/sh", "-c", script], env, cwd: null, identity, fds: [null, null, null] });
  if (!result.ok) throw new Error(JSON.stringify(result));
  const { pid } = result.ref;
  const tree = { invocation: "7777", main: result.ref };
  await until(() => processes.condition(result.ref) === "stopped", { what: "the process to suspend itself" });
  expect(groups().isAlone("7777", pid)).toBe(true);
  expect(groups().isAlone("7777", pid + 1)).toBe(false);
  expect(groups().isAlone("aaaa", pid)).toBe(false);
  process.kill(pid, "SIGCONT");
  await until(() => !groups().isAlone("7777", pid), { what: "the child" });
  processes.killTree(tree);
  const { promise, resolve } = Promise.withResolvers<void>();
  processes.whenEmpty(tree, resolve);
  await promise;
  processes.close();
  epoll.close();
});

testWithCgroups("a run whose program has overwritten its environment is found by its group", async () => {
  const epoll = openEpoll({ onError: (error) => expect(error).toBeUndefined() });
  const processes = openProcesses({ epoll, cgroups: opened });
  const env = { PATH, SUP_UNIT: "web@1", SUP_INVOCATION_ID: "9999" };
  const argv = ["/bin/sh", "-c", "exec env -i /bin/sleep 1000"];
  const { result } = await startProcess(processes, { argv, env, cwd: null, identity, fds: [null, null, null] });
  if (!result.ok) throw new Error(JSON.stringify(result));
  const main = result.ref;
  await until(() => readFileSync(`/proc/${main.pid}/comm`, "utf8") === "sleep\n", { what: "the program without an environment" });
  const found = processes.findRuns().filter(({ invocation }) => invocation === "9999");
  expect(found.map(({ unit, ref }) => [unit, ref.pid])).toEqual([["web@1", main.pid]]);
  const { promise, resolve } = Promise.withResolvers<void>();
  processes.killTree({ invocation: "9999", main });
  processes.whenEmpty({ invocation: "9999", main }, resolve);
  await promise;
  processes.close();
  epoll.close();
});

testWithCgroups("CPU times are read again only after a process of any run has used CPU time", async () => {
  const epoll = openEpoll({ onError: (error) => expect(error).toBeUndefined() });
  const processes = openProcesses({ epoll, cgroups: opened });
  const stats = compileProcessStats();
  for (const mayKeep of [false, true]) {
    groups().keepFiles(mayKeep);
    groups().enter("idle", "iiii");
    const { result } = await startProcess(processes, {
      argv: ["/bin/sh", "-c", "while :; do :; done"],
      env: { PATH, SUP_UNIT: "busy", SUP_INVOCATION_ID: "jjjj" },
      cwd: null,
      identity,
      fds: [null, null, null],
    });
    if (!result.ok) throw new Error(JSON.stringify(result));
    const main = result.ref;
    let reads: number[] = [];
    const readCpuTimes = (files: readonly number[]): Float64Array => {
      reads.push(files.length);
      return stats.readCpuTimes(files);
    };
    const sample = () => {
      reads = [];
      return groups().cpuTimes(["iiii", "none", "jjjj"], { readCpuTimes });
    };
    const last = sample();
    await until(() => sample()[2]! > last[2]!, { what: "the CPU time to grow" });
    expect(reads).toEqual([1, 2]);
    expect(last.slice(0, 2)).toEqual([0, null]);
    processes.killTree({ invocation: "jjjj", main });
    await until(() => (sample(), reads.length === 1), { what: "a sample in which no group is read" });
    expect(sample()).toEqual(sample());
    groups().enter("other", "kkkk");
    expect(groups().cpuTimes(["kkkk"], stats)).toEqual([0]);
    const { promise, resolve } = Promise.withResolvers<void>();
    processes.whenEmpty({ invocation: "jjjj", main }, resolve);
    await promise;
    for (const invocation of ["iiii", "kkkk"]) groups().release(invocation);
  }
  processes.close();
  epoll.close();
});

test("without cgroup v2, runs have no cgroups and the reason is reported", () => {
  const epoll = openEpoll({ onError: () => {} });
  const processes = openProcesses({ epoll, cgroups: { ok: false, error: "no cgroup v2 is mounted" } });
  expect(processes.containment("aaaa")).toBe("processes");
  expect(processes.containmentNote).toBe("no cgroup v2 is mounted");
  processes.close();
  epoll.close();
});

testWithCgroups("these tests leave no groups behind", () => {
  expect(existsSync(groups().root) ? readdirSync(groups().root).filter((name) => /^(web|born)/.test(name)) : []).toEqual([]);
});

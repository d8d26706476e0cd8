/** Cgroups of runs, on the kernel's own file system. Where it cannot be written (most containers), only the refusal is tested. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openCgroups, type Cgroups } from "../../../../src/linux/cgroup/cgroup.ts";
import { openEpoll } from "../../../../src/linux/io/epoll.ts";
import { openProcesses } from "../../../../src/linux/processes/processes.ts";
import type { ProcessRef } from "../../../../src/ports/processes.ts";
import { until } from "../../../harness/until.ts";
import { identity, PATH } from "../support.ts";

const KEY = `test${process.pid}`;
const opened = openCgroups({ key: KEY, known: null });
const here = opened.ok ? test : test.skip;
if (!opened.ok) console.log(`no cgroups here: ${opened.error}`);

const groups = (): Cgroups => {
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
};

afterAll(() => opened.ok && opened.value.close());

const gone = (name: string): boolean => !existsSync(join(groups().root, name));

here("a run's group is made once, found by the next daemon, and released when it is empty", () => {
  const directory = groups().enter("web@1.example", "aaaa")!;
  expect([basename(directory), groups().enter("web@1.example", "aaaa"), groups().has("aaaa")]).toEqual([
    "web@1.example.aaaa",
    directory,
    true,
  ]);
  const next = openCgroups({ key: KEY, known: groups().root });
  expect(next.ok && next.value.has("aaaa")).toBe(true);
  groups().release("aaaa");
  expect([gone("web@1.example.aaaa"), groups().has("aaaa")]).toEqual([true, false]);
});

here("a group that was killed is not used again", () => {
  groups().enter("web", "bbbb");
  groups().kill("bbbb");
  expect(basename(groups().enter("web", "bbbb")!)).toBe("web.bbbb~2");
  groups().release("bbbb");
  expect([gone("web.bbbb"), gone("web.bbbb~2")]).toEqual([true, true]);
});

here("groups that the service made inside go too, and those of the unit's earlier runs", () => {
  mkdirSync(join(groups().enter("web", "cccc")!, "inner/deeper"), { recursive: true });
  groups().enter("web", "dddd");
  expect(gone("web.cccc")).toBe(true);
  groups().release("dddd");
});

here("a root that is no more, or of another state directory, is not taken up", () => {
  const other = openCgroups({ key: KEY, known: `/no/such/sup-${KEY}` });
  expect(other.ok && other.value.root).toBe(groups().root);
  const foreign = openCgroups({ key: KEY, known: "/sys/fs/cgroup/unified/sup-other" });
  expect(foreign.ok && foreign.value.root).toBe(groups().root);
});

here("a process is born in the group of its run, stays there with a clean environment, and is killed with it", async () => {
  const epoll = openEpoll({ onError: (error) => expect(error).toBeUndefined() });
  const processes = openProcesses({ epoll, cgroups: opened });
  const run = (script: string): ProcessRef => {
    const env = { PATH, SUP_UNIT: "born", SUP_INVOCATION_ID: "eeee" };
    const spawned = processes.spawn({ argv: ["/bin/sh", "-c", script], env, cwd: null, identity, fds: [null, null, null] }, () => {});
    if (!spawned.ok) throw new Error(JSON.stringify(spawned));
    return spawned.ref;
  };
  const main = run("(setsid env -i sleep 1000 &); exec sleep 1000");
  const inGroup = (): number[] => readFileSync(join(groups().root, "born.eeee/cgroup.procs"), "utf8").trim().split("\n").map(Number);
  const tree = { invocation: "eeee", main };
  // The shell between them, which only forks, is gone when both are what they were to become.
  const names = (): string => processes.members(tree).map(({ name }) => name).join(); // prettier-ignore
  const areAsleep = (): boolean => names() === "sleep,sleep" && inGroup().length === 2;
  await until(areAsleep, { what: "both processes" });
  expect(new Set(inGroup())).toEqual(new Set(processes.members(tree).map(({ pid }) => pid)));
  expect([processes.containment("eeee"), processes.containment("ffff"), processes.containmentNote]).toEqual(["cgroup", "processes", null]);
  processes.killTree(tree);
  const { promise, resolve } = Promise.withResolvers<void>();
  processes.whenEmpty(tree, resolve);
  await promise;
  expect(gone("born.eeee")).toBe(true);
  // and a hook of the same run lives after the kill
  const hook = run("exec sleep 1000");
  expect(processes.condition(hook)).toBe("running");
  processes.killTree({ invocation: "eeee", main: hook });
  await until(() => processes.condition(hook) === "gone", { what: "the hook to end" });
  processes.close();
  epoll.close();
});

test("without a place for them there are none, and it says why", () => {
  const epoll = openEpoll({ onError: () => {} });
  const processes = openProcesses({ epoll, cgroups: { ok: false, error: "no cgroup v2 is mounted" } });
  expect([processes.containment("aaaa"), processes.containmentNote]).toEqual(["processes", "no cgroup v2 is mounted"]);
  processes.close();
  epoll.close();
});

here("nothing is left of these tests", () => {
  expect(existsSync(groups().root) ? readdirSync(groups().root).filter((name) => /^(web|born)/.test(name)) : []).toEqual([]);
});

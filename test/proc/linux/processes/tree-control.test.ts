import { expect, test } from "bun:test";
import { bootTimeMs } from "../../../../src/linux/proc/clocks.ts";
import { readStat } from "../../../../src/linux/proc/proc.ts";
import { whenEmpty, isRunning, machine, PATH, settledPids, until } from "../support.ts";

const isLive = (pid: number): boolean => ![undefined, "Z", "X"].includes(readStat(pid)?.state);

/** Three processes that print their pid and sleep: a child, one in its own session, and a double-forked one in its own session. */
const FAMILY = `
  sleep 1000 & echo $!
  setsid sleep 1001 & echo $!
  (setsid bash -c 'echo $$; exec sleep 1002' &)
`;

test("the tree contains the main process, its children, and processes that daemonised into their own session", async () => {
  using m = machine();
  const { tree, ref, lines } = await m.start(`${FAMILY} wait`, 3);
  expect(await settledPids(m, tree, 4)).toEqual([ref.pid, ...lines.map(Number)].sort((a, b) => a - b));
});

test("a scan for many trees finds the same members as a scan for one", async () => {
  using m = machine();
  const runs = await Promise.all([m.start(`${FAMILY} wait`, 3), m.start(`${FAMILY} wait`, 3), m.start("exec sleep 1000")]);
  const each = await Promise.all(runs.map(({ tree }, index) => settledPids(m, tree, index < 2 ? 4 : 1)));
  const all = m.processes.scanTrees(runs.map((run) => [run.tree.invocation, run.tree] as const));
  for (const [index, { tree }] of runs.entries()) {
    expect(
      all
        .get(tree.invocation)!
        .map(({ pid }) => pid)
        .sort((a, b) => a - b),
    ).toEqual(each[index]!);
  }
  expect(all.get(runs[2]!.tree.invocation)).toHaveLength(1);
});

test("killTree kills and returns all processes, even if the main process has ended long before", async () => {
  using m = machine();
  const { tree, exited, lines } = await m.start(`${FAMILY}`, 3);
  await exited;
  await settledPids(m, tree, 3);
  const killed = m.processes.killTree(tree);
  expect(killed.map(({ pid }) => pid).sort((a, b) => a - b)).toEqual(lines.map(Number).sort((a, b) => a - b));
  await whenEmpty(m.processes, tree);
  for (const pid of lines.map(Number)) expect(isLive(pid)).toBe(false);
  expect(m.processes.killTree(tree)).toEqual([]);
});

test("a tree that keeps forking into new sessions is killed eventually, and does not count as empty before", async () => {
  for (let round = 0; round < 10; round++) {
    using m = machine();
    const hop = `hop_${process.pid}_${round}`;
    // Each generation daemonises into a new session, forks the next and ends. After a minute they end by themselves.
    const script = `
      export END=$((EPOCHSECONDS + 60))
      ${hop}() { ((EPOCHSECONDS < END)) && (setsid bash -c ${hop} & ) ; sleep 0.002; exit; }
      export -f ${hop}
      echo ready; ${hop}`;
    const { tree, exited } = await m.start(script, 1);
    await exited;
    let isEmpty = false;
    m.processes.whenEmpty(tree, () => (isEmpty = true));
    while (!isEmpty) {
      m.processes.killTree(tree);
      await Bun.sleep(2); // lets exits be reported
    }
    expect(isRunning(hop)).toBe(false);
  }
}, 60_000);

test("a stop signal reaches the whole tree, including stopped processes, and no other process", async () => {
  using m = machine();
  const bystander = await m.start("exec sleep 1000");
  const { tree, exited, lines } = await m.start(`${FAMILY} wait`, 3);
  await settledPids(m, tree, 4);
  process.kill(Number(lines[0]), "SIGSTOP");
  await until(() => readStat(Number(lines[0]))?.state === "T", "the stop");
  m.processes.signalTree(tree, 15, "group");
  await whenEmpty(m.processes, tree);
  expect(await exited).toEqual({ kind: "signal", signal: 15, core: false });
  expect(m.processes.condition(bystander.ref)).toBe("running");
});

test("a stop signal reaches processes that left the group, even if the main process ends at once", async () => {
  using m = machine();
  const runs = await Promise.all(
    Array.from({ length: 20 }, () =>
      m.start("setsid sleep 1000 & for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo; exec sleep 1000", 1),
    ),
  );
  for (const { tree } of runs) await settledPids(m, tree, 10);
  for (const { tree } of runs) {
    m.processes.members(tree); // a scan in the same turn
    m.processes.signalTree(tree, 15, "group");
  }
  for (const { tree } of runs) await whenEmpty(m.processes, tree);
});

test("kill modes mixed and process signal only the main process", async () => {
  using m = machine();
  for (const mode of ["mixed", "process"] as const) {
    const { tree, exited, lines } = await m.start("sleep 1000 & echo $!; wait", 1);
    m.processes.signalTree(tree, 15, mode);
    expect(await exited).toEqual({ kind: "signal", signal: 15, core: false });
    expect(m.processes.members(tree).map(({ pid }) => pid)).toEqual([Number(lines[0])]);
    m.processes.killTree(tree);
  }
});

test("whenEmpty waits for the last process, calls back at once for an empty tree, and can be cancelled", async () => {
  using m = machine();
  const { tree, exited, lines } = await m.start("(setsid bash -c 'echo $$; exec sleep 1000' &)", 1);
  await exited;
  let calls = 0;
  const cancel = m.processes.whenEmpty(tree, () => calls++);
  const last = whenEmpty(m.processes, tree);
  cancel();
  process.kill(Number(lines[0]), "SIGKILL");
  await last;
  expect(calls).toBe(0);

  let during = true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  m.processes.whenEmpty(tree, () => resolve(during));
  during = false;
  expect(await promise).toBe(false);
});

test("whenEmpty also waits for processes that the last members fork before they end", async () => {
  using m = machine();
  const { tree, exited } = await m.start("(setsid bash -c 'sleep 0.1; (setsid sleep 0.2 &) ; exit' &)");
  await exited;
  await whenEmpty(m.processes, tree);
  expect(m.processes.members(tree)).toEqual([]);
});

test("a reused pid is neither listed nor signalled", async () => {
  using m = machine();
  const { ref } = await m.start("exec sleep 1000");
  const old = { ...ref, startTicks: ref.startTicks - 1 };
  const oldTree = { invocation: "long-gone", main: old };
  expect(m.processes.condition(old)).toBe("gone");
  expect(m.processes.signal(old, 9)).toBe(false);
  expect(m.processes.adopt(old, () => expect.unreachable())).toBe("gone");
  expect(m.processes.members(oldTree)).toEqual([]);
  expect(m.processes.killTree(oldTree)).toEqual([]);
  m.processes.signalTree(oldTree, 9, "group");
  expect(m.processes.signal({ ...ref, bootId: "another-boot" }, 9)).toBe(false);
  expect(m.processes.condition({ ...ref, bootId: "another-boot" })).toBe("gone");
  expect(m.processes.condition(ref)).toBe("running");
});

test("condition is running, stopped or gone", async () => {
  using m = machine();
  const { ref, exited } = await m.start("exec sleep 1000");
  expect(m.processes.condition(ref)).toBe("running");
  m.processes.signal(ref, 19);
  await until(() => m.processes.condition(ref) === "stopped", "the stop");
  m.processes.signal(ref, 9);
  await exited;
  expect(m.processes.condition(ref)).toBe("gone");
  expect(m.processes.signal(ref, 15)).toBe(false);
});

test("a session whose leader has ended belongs to the run only if a member has the run's environment", async () => {
  using m = machine();
  // The view of a daemon that did not start it: scanTrees reads all of /proc and trusts no session id.
  const { ref, exited, tree } = await m.start("(sleep 1000 &)", 0, { env: {} });
  await exited;
  const scan = (invocation: string) => m.processes.scanTrees([[0, { invocation, main: ref }]]).get(0);
  expect(scan("whatever")).toEqual([]);
  expect(m.processes.members(tree)).toHaveLength(1); // this daemon started it, so an orphan of that session is surely part of the run
  const marked = await m.start("(env -i sleep 1000 &) ; (sleep 1000 &)");
  await marked.exited;
  // An environment cannot be read in the middle of an exec.
  await until(() => m.processes.scanTrees([[0, marked.tree]]).get(0)?.length === 2, "both to be found");
});

test("no process of a run before a reboot is found, even if its pids are in use", async () => {
  using m = machine();
  const { tree } = await m.start("exec sleep 1000");
  const before = { ...tree, main: { ...tree.main, bootId: "before" } };
  expect(m.processes.scanTrees([[0, before]]).get(0)).toEqual([]);
  expect(m.processes.killTree(before)).toEqual([]);
});

test("the run begins with its first process: what a hook left behind before the main process belongs to it", async () => {
  using m = machine();
  const invocation = `hooked-${process.pid}`;
  const more = { env: { PATH, SUP_INVOCATION_ID: invocation } };
  const hook = await m.start("setsid sleep 1003 & echo $!; sleep 1004 & echo $!", 2, more);
  await hook.exited;
  const left = hook.lines.map(Number);
  await until(() => left.every((pid) => readStat(pid)?.name === "sleep"), "the hook's children to be executed");
  const started = readStat(left[1]!)!.startTicks;
  await until(() => bootTimeMs() / 10 > started + 2, "a later clock tick");
  const { ref } = await m.start("exec sleep 1005", 0, more);
  const tree = { invocation, main: ref };
  expect(await settledPids(m, tree, 3)).toEqual([...left, ref.pid].sort((a, b) => a - b));
  expect(m.processes.scanTrees([["one", tree]]).get("one")).toHaveLength(3);
  m.processes.signalTree(tree, 15, "group");
  await whenEmpty(m.processes, tree);
  expect(left.some(isLive)).toBe(false);
});

test("an earlier main process of the run, and its reload command, belong to the run", async () => {
  using m = machine();
  const invocation = `replaced-${process.pid}`;
  const more = { env: { PATH, SUP_INVOCATION_ID: invocation } };
  const first = await m.start("sleep 1006 & echo $!; wait", 1, more);
  const child = Number(first.lines[0]);
  await until(() => readStat(child)?.name === "sleep", "the child to be executed");
  const tree = { invocation, main: { ...first.ref, pid: child, startTicks: readStat(child)!.startTicks } };
  expect(m.processes.adopt(tree.main, () => {})).toBe("adopted");
  const command = await m.start("exec sleep 1007", 0, more);
  const all = [first.ref.pid, child, command.ref.pid].sort((a, b) => a - b);
  for (const main of [first.ref, tree.main]) {
    await until(() => m.processes.members({ invocation, main }).length === 3, "three members");
    expect(
      m.processes
        .members({ invocation, main })
        .map(({ pid }) => pid)
        .sort((a, b) => a - b),
    ).toEqual(all);
  }
  expect(m.processes.findMember(tree, first.ref.pid)).toMatchObject({ pid: first.ref.pid });
  m.processes.killTree(tree);
  await whenEmpty(m.processes, tree);
  expect(all.some(isLive)).toBe(false);
});

test("the session of one command does not include processes without an invocation that others left behind", async () => {
  using m = machine();
  const other = await m.start("env -i /bin/sleep 1008 & echo $!", 1);
  const stranger = Number(other.lines[0]);
  await other.exited;
  await until(() => readStat(stranger)?.name === "sleep", "the stranger to be executed");
  const { ref } = await m.start("sleep 1009 & echo $!; wait", 1);
  const killed = m.processes.killTree({ invocation: "", main: ref });
  expect(killed.map(({ pid }) => pid)).not.toContain(stranger);
  expect(isLive(stranger)).toBe(true);
  process.kill(stranger, "SIGKILL");
});

import { expect, test } from "bun:test";
import { readStat } from "../../../../src/linux/proc/proc.ts";
import { empty, isRunning, machine, settled, until } from "../support.ts";

const isLive = (pid: number): boolean => ![undefined, "Z", "X"].includes(readStat(pid)?.state);

/** Prints its pid, then sleeps: as a child, in its own session, and double-forked into its own session. */
const FAMILY = `
  sleep 1000 & echo $!
  setsid sleep 1001 & echo $!
  (setsid bash -c 'echo $$; exec sleep 1002' &)
`;

test("the tree is the main process, its children, and what daemonised into a session of its own", async () => {
  using m = machine();
  const { tree, ref, lines } = await m.start(`${FAMILY} wait`, 3);
  expect(await settled(m, tree, 4)).toEqual([ref.pid, ...lines.map(Number)].sort((a, b) => a - b));
});

test("a sweep for many trees finds the same members as the look at one", async () => {
  using m = machine();
  const runs = await Promise.all([m.start(`${FAMILY} wait`, 3), m.start(`${FAMILY} wait`, 3), m.start("exec sleep 1000")]);
  const each = await Promise.all(runs.map(({ tree }, index) => settled(m, tree, index < 2 ? 4 : 1)));
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

test("killTree ends and names all of it, also when the main process has long ended", async () => {
  using m = machine();
  const { tree, exited, lines } = await m.start(`${FAMILY}`, 3);
  await exited;
  await settled(m, tree, 3);
  const hit = m.processes.killTree(tree);
  expect(hit.map(({ pid }) => pid).sort((a, b) => a - b)).toEqual(lines.map(Number).sort((a, b) => a - b));
  await empty(m.processes, tree);
  for (const pid of lines.map(Number)) expect(isLive(pid)).toBe(false);
  expect(m.processes.killTree(tree)).toEqual([]);
});

test("a tree that keeps forking away from itself is killed in the end, and is not called empty before", async () => {
  for (let round = 0; round < 10; round++) {
    using m = machine();
    const hop = `hop_${process.pid}_${round}`;
    // Each generation daemonises into a new session and forks the next; the old one ends. Left alone they end, too.
    const script = `
      export END=$((EPOCHSECONDS + 60))
      ${hop}() { ((EPOCHSECONDS < END)) && (setsid bash -c ${hop} & ) ; sleep 0.002; exit; }
      export -f ${hop}
      echo ready; ${hop}`;
    const { tree, exited } = await m.start(script, 1);
    await exited;
    let isOver = false;
    m.processes.whenEmpty(tree, () => (isOver = true));
    while (!isOver) {
      m.processes.killTree(tree);
      await Bun.sleep(2); // for what is dead to be told
    }
    expect(isRunning(hop)).toBe(false);
  }
}, 60_000);

test("a stop signal reaches the whole tree, stopped processes too, and nobody else", async () => {
  using m = machine();
  const bystander = await m.start("exec sleep 1000");
  const { tree, exited, lines } = await m.start(`${FAMILY} wait`, 3);
  await settled(m, tree, 4);
  process.kill(Number(lines[0]), "SIGSTOP");
  await until(() => readStat(Number(lines[0]))?.state === "T", "the stop");
  m.processes.signalTree(tree, 15, "group");
  await empty(m.processes, tree);
  expect(await exited).toEqual({ kind: "signal", signal: 15, core: false });
  expect(m.processes.condition(bystander.ref)).toBe("running");
});

test("a stop signal reaches what left the group, also when the main process dies of it at once", async () => {
  using m = machine();
  const runs = await Promise.all(
    Array.from({ length: 20 }, () =>
      m.start("setsid sleep 1000 & for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo; exec sleep 1000", 1),
    ),
  );
  for (const { tree } of runs) await settled(m, tree, 10);
  for (const { tree } of runs) {
    m.processes.members(tree); // a look of the same turn
    m.processes.signalTree(tree, 15, "group");
  }
  for (const { tree } of runs) await empty(m.processes, tree);
});

test("kill modes mixed and process signal the main process alone", async () => {
  using m = machine();
  for (const mode of ["mixed", "process"] as const) {
    const { tree, exited, lines } = await m.start("sleep 1000 & echo $!; wait", 1);
    m.processes.signalTree(tree, 15, mode);
    expect(await exited).toEqual({ kind: "signal", signal: 15, core: false });
    expect(m.processes.members(tree).map(({ pid }) => pid)).toEqual([Number(lines[0])]);
    m.processes.killTree(tree);
  }
});

test("whenEmpty waits for the last of the tree, answers at once for none, and can be cancelled", async () => {
  using m = machine();
  const { tree, exited, lines } = await m.start("(setsid bash -c 'echo $$; exec sleep 1000' &)", 1);
  await exited;
  let calls = 0;
  const cancel = m.processes.whenEmpty(tree, () => calls++);
  const last = empty(m.processes, tree);
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

test("whenEmpty follows what the last members fork before they end", async () => {
  using m = machine();
  const { tree, exited } = await m.start("(setsid bash -c 'sleep 0.1; (setsid sleep 0.2 &) ; exit' &)");
  await exited;
  await empty(m.processes, tree);
  expect(m.processes.members(tree)).toEqual([]);
});

test("a pid that belongs to somebody else by now is neither seen nor signalled", async () => {
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

test("condition tells running, stopped and gone", async () => {
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

test("a session whose leader is gone belongs to the run only when a member carries its mark", async () => {
  using m = machine();
  // As seen by a daemon that did not start it: scanTrees reads the whole of /proc and trusts nobody.
  const { ref, exited, tree } = await m.start("(sleep 1000 &)", 0, { env: {} });
  await exited;
  const sweep = (invocation: string) => m.processes.scanTrees([[0, { invocation, main: ref }]]).get(0);
  expect(sweep("whatever")).toEqual([]);
  expect(m.processes.members(tree)).toHaveLength(1); // born here: an orphan of that session is ours for certain
  const marked = await m.start("(env -i sleep 1000 &) ; (sleep 1000 &)");
  await marked.exited;
  // An environment cannot be read in the middle of an exec.
  await until(() => m.processes.scanTrees([[0, marked.tree]]).get(0)?.length === 2, "both to be found");
});

test("nothing of a run before a reboot is found, whatever has its numbers now", async () => {
  using m = machine();
  const { tree } = await m.start("exec sleep 1000");
  const before = { ...tree, main: { ...tree.main, bootId: "before" } };
  expect(m.processes.scanTrees([[0, before]]).get(0)).toEqual([]);
  expect(m.processes.killTree(before)).toEqual([]);
});

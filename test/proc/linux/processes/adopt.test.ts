import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Exit } from "../../../../src/base/exit.ts";
import { bootId } from "../../../../src/linux/proc/boot.ts";
import { makeFifo } from "../../../../src/linux/io/fifo.ts";
import { libc } from "../../../../src/linux/ffi/libc.ts";
import { readStat } from "../../../../src/linux/proc/proc.ts";
import { openProcesses } from "../../../../src/linux/processes/processes.ts";
import type { ProcessRef } from "../../../../src/ports/processes.ts";
import { tempDir } from "../../../harness/temp.ts";
import { whenEmpty, identity, type Machine, machine, PATH, settledPids, startProcess, until } from "../support.ts";

let m: Machine;
beforeEach(() => void (m = machine()));
afterEach(() => m[Symbol.dispose]());

const refOf = (pid: number): ProcessRef => ({ pid, startTicks: readStat(pid)!.startTicks, bootId: bootId() });

function adopt(ref: ProcessRef): Promise<Exit> {
  const { promise, resolve } = Promise.withResolvers<Exit>();
  expect(m.processes.adopt(ref, resolve)).toBe("adopted");
  return promise;
}

/** Waits until its parent shell has become `sleep`, which never waits for children. */
const PARENT_SLEEPS = 'until read -r name < /proc/$$/comm && [ "$name" = sleep ]; do :; done';

const ENDS: Array<[string, Exit]> = [
  ["exit 7", { kind: "code", code: 7 }],
  ["exit 0", { kind: "code", code: 0 }],
  ["kill -KILL $BASHPID", { kind: "signal", signal: 9, core: false }],
];

test.each(ENDS)("the exit of another process's child is read from its zombie: %s", async (script, expected) => {
  // The parent never waits, so the zombie stays.
  const { lines } = await m.start(`(${PARENT_SLEEPS}; ${script}) & echo $!; exec sleep 1000`, 1);
  expect(await adopt(refOf(Number(lines[0])))).toEqual(expected);
});

test.each(ENDS)(
  "if its parent reaps it at once, the exit comes from the kernel's record (Linux 6.15) or is lost: %s",
  async (script, expected) => {
    using dir = tempDir();
    const gate = join(dir.path, "gate");
    expect(makeFifo(gate, 0o600).ok).toBe(true);
    const ourEnd = openSync(gate, "r+"); // read-write, so that open does not wait for a reader
    const { lines } = await m.start(`bash -c 'read <${gate}; ${script}' & echo $!; wait; sleep 1000`, 1);
    const ended = adopt(refOf(Number(lines[0])));
    writeSync(ourEnd, "\n");
    expect([expected, { kind: "lost" }]).toContainEqual(await ended);
    closeSync(ourEnd);
  },
);

test("a child from before a re-exec has its exact status from waitpid and leaves no zombie", async () => {
  const before = openProcesses({ epoll: m.epoll });
  const request = { env: { PATH }, cwd: null, identity, fds: [null, null, null] };
  const { result } = await startProcess(before, { ...request, argv: ["/bin/sh", "-c", "sleep 0.1; exit 42"] });
  before.close();
  if (!result.ok) throw new Error(JSON.stringify(result));
  expect(await adopt(refOf(result.ref.pid))).toEqual({ kind: "code", code: 42 });
  expect(readStat(result.ref.pid)).toBeNull();
});

test("a process that is already a zombie is adopted and its exit is reported", async () => {
  const { lines } = await m.start(`(${PARENT_SLEEPS}; exit 9) & echo $!; exec sleep 1000`, 1);
  const pid = Number(lines[0]);
  await until(() => readStat(pid)?.state === "Z", "the zombie");
  let during = true;
  const ended = adopt(refOf(pid)).then((exit) => [exit, during] as const);
  during = false;
  expect(await ended).toEqual([{ kind: "code", code: 9 }, false]);
});

test("a process that does not exist or is of another boot is gone", () => {
  expect(m.processes.adopt({ pid: 4_194_303, startTicks: 1, bootId: bootId() }, () => {})).toBe("gone");
  expect(m.processes.adopt({ ...refOf(process.pid), bootId: "before" }, () => {})).toBe("gone");
});

test("a full scan finds the tree of an adopted process, including orphans", async () => {
  const PR_SET_CHILD_SUBREAPER = 36;
  libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); // as after an earlier daemon was killed: init adopted its orphans
  try {
    const env = { PATH, SUP_INVOCATION_ID: `adopted-${process.pid}` };
    const script = "(setsid bash -c 'echo $$; (setsid bash -c \"echo \\$\\$; exec sleep 1000\" &) ; exec sleep 1000' &)";
    const { exited, lines } = await m.start(script, 2, { env });
    await exited;
    const ref = refOf(Number(lines[0]));
    const ended = adopt(ref);
    const tree = { invocation: env.SUP_INVOCATION_ID, main: ref };
    expect(await settledPids(m, tree, 2)).toEqual(lines.map(Number).sort((a, b) => a - b));
    expect(m.processes.killTree(tree)).toHaveLength(2);
    await whenEmpty(m.processes, tree);
    expect([{ kind: "signal", signal: 9, core: false }, { kind: "lost" }]).toContainEqual((await ended) as never);
  } finally {
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }
});

import { setDefaultTimeout } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeSync, openSync } from "node:fs";
import type { Exit } from "../../../src/base/exit.ts";
import { type Epoll, openEpoll } from "../../../src/linux/io/epoll.ts";
import { listPids } from "../../../src/linux/proc/proc.ts";
import { openProcesses, type ProcessTable } from "../../../src/linux/processes/processes.ts";
import type { Processes, ProcessRef, SpawnRequest, SpawnResult, TreeOf } from "../../../src/ports/processes.ts";
import type { IdentitySpec } from "../../../src/spec/spec.ts";

// Under the load of other test runs a bash with three forks may take a second.
setDefaultTimeout(20_000);

export const identity: IdentitySpec = { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} };
export const PATH = "/usr/local/bin:/usr/bin:/bin";
export const isRoot = process.geteuid?.() === 0;

export interface Machine extends Disposable {
  readonly epoll: Epoll;
  readonly processes: ProcessTable;
  readonly reapedOrphans: number[];
  /** Runs a shell script until it ends; `output` holds stdout and stderr. */
  sh(script: string, more?: Partial<SpawnRequest>): Promise<{ exit: Exit; output: string; ref: ProcessRef }>;
  /** Starts a script as a separate run and waits until it has printed `lines` lines. */
  start(script: string, lines?: number, more?: Partial<SpawnRequest>): Promise<Run>;
}

export interface Run {
  readonly ref: ProcessRef;
  readonly tree: TreeOf;
  readonly exited: Promise<Exit>;
  readonly lines: readonly string[];
}

let runs = 0;

export interface Started {
  readonly result: SpawnResult;
  readonly exited: Promise<Exit>;
}

/** Resolves when the start has succeeded or failed. */
export function startProcess(processes: Pick<Processes, "spawn">, request: SpawnRequest): Promise<Started> {
  const started = Promise.withResolvers<Started>();
  const exited = Promise.withResolvers<Exit>();
  processes.spawn(request, (result) => started.resolve({ result, exited: exited.promise }), exited.resolve);
  return started.promise;
}

/** Epoll and a process table. Everything that was started is killed on dispose. */
export function machine(options: { readonly startDeadlineMs?: number } = {}): Machine {
  const epoll = openEpoll({
    onError: (error) => {
      throw error;
    },
  });
  const reapedOrphans: number[] = [];
  const processes = openProcesses({ epoll, onOrphanReaped: (pid) => reapedOrphans.push(pid), ...options });
  const directory = mkdtempSync(join(tmpdir(), "sup-test-"));
  const trees: TreeOf[] = [];

  async function launch(script: string, more: Partial<SpawnRequest>) {
    const invocation = `test-${process.pid}-${++runs}`;
    const path = join(directory, `${runs}`);
    const fd = openSync(path, "w+");
    const env = { PATH, SUP_INVOCATION_ID: invocation };
    const starting = startProcess(processes, { argv: ["/bin/bash", "-c", script], env, cwd: null, identity, fds: [null, fd, fd], ...more });
    closeSync(fd);
    const { result, exited } = await starting;
    if (!result.ok) throw new Error(JSON.stringify(result));
    const tree = { invocation, main: result.ref };
    trees.push(tree);
    return { ref: result.ref, tree, exited, output: () => readFileSync(path, "utf8") };
  }

  return {
    epoll,
    processes,
    reapedOrphans,
    async sh(script, more = {}) {
      const { ref, exited, output } = await launch(script, more);
      const exit = await exited;
      return { exit, output: output(), ref };
    },
    async start(script, lines = 0, more = {}) {
      const { ref, tree, exited, output } = await launch(script, more);
      await until(() => output().split("\n").length > lines, `${lines} lines from: ${script}`);
      return { ref, tree, exited, lines: output().trimEnd().split("\n") };
    },
    [Symbol.dispose]() {
      for (const tree of trees) processes.killTree(tree);
      processes.close();
      epoll.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Polls a condition for which there is no event; fails after a generous timeout. */
export async function until(condition: () => boolean, what: string, deadlineMs = 15_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await Bun.sleep(3);
  }
}

/**
 * Waits until the tree has `count` processes and all but the main process have become `sleep`, and returns their pids. Then
 * intermediate shells have ended, and no bash is between fork and exec, where a signal can get lost.
 */
export async function settledPids(m: Machine, tree: TreeOf, count: number): Promise<number[]> {
  const isSettled = (): boolean => {
    const members = m.processes.members(tree);
    return members.length === count && members.every(({ pid, name }) => pid === tree.main.pid || name === "sleep");
  };
  await until(isSettled, `a tree of ${count} processes`);
  return m.processes
    .members(tree)
    .map(({ pid }) => pid)
    .sort((a, b) => a - b);
}

/** Resolves when no process of the tree is left. */
export function whenEmpty(processes: ProcessTable, tree: TreeOf): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  processes.whenEmpty(tree, resolve);
  return promise;
}

/**
 * Open descriptors of this process; with words, only those whose link contains one of them: `pipe:`, `[eventpoll]`, a path.
 * Compare the numbers, not the count: the event loop and the garbage collector may close those of earlier tests at any time.
 */
export function descriptors(words: readonly string[] = [""]): string[] {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      const link = readlinkSync(`/proc/self/fd/${fd}`);
      return words.some((word) => link.includes(word));
    } catch {
      return false; // the descriptor of the directory itself
    }
  });
}

/** Descriptors that are open now and are not in `before`. */
export const newDescriptors = (before: readonly string[], words?: readonly string[]): string[] =>
  descriptors(words).filter((fd) => !before.includes(fd));

/** True while there is a process whose command line contains the string. */
export function isRunning(part: string): boolean {
  return listPids().some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").includes(part);
    } catch {
      return false; // it has ended
    }
  });
}

let sleeps = 0;

/** A command line that is unique on this machine, even if these tests run twice at the same time. */
export const uniqueSleep = (): string => `sleep ${1000 + ++sleeps}.${process.pid}`;

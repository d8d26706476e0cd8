/** The process that creates the others: what hangs, what is killed, and what it keeps. */
import { ptr } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { syscall } from "../../../../src/linux/ffi/libc.ts";
import { listPids, readStat } from "../../../../src/linux/proc/proc.ts";
import type { PendingStart, SpawnRequest, SpawnResult } from "../../../../src/ports/processes.ts";
import { canHang, hangingMount } from "../../../harness/hung-mount.ts";
import { tempDir } from "../../../harness/temp.ts";
import { identity, isRoot, type Machine, machine, PATH, startProcess, until } from "../support.ts";

const base: SpawnRequest = { argv: ["/bin/true"], env: { PATH }, cwd: null, identity, fds: [null, null, null] };
const ETIMEDOUT = 110;
const ECANCELED = 125;

/** A uid of its own, so that what stops all processes of this user stops no other test. */
const STRANGER = { ...identity, user: String(60_000 + (process.pid % 5000)), group: "65534" };

const start = async (m: Machine, change: Partial<SpawnRequest>): Promise<SpawnResult> =>
  (await startProcess(m.processes, { ...base, ...change })).result;

const append = (path: string): Partial<SpawnRequest> => ({ argv: ["/bin/sh", "-c", `echo $$ >>'${path}'`] });
const linesOf = (path: string): number => (existsSync(path) ? readFileSync(path, "latin1").split("\n").length - 1 : 0);

const childrenOf = (parent: number): number[] => listPids().filter((pid) => readStat(pid)?.parent === parent);
/** Processes that have not called exec yet. */
const unexecuted = (): number[] => childrenOf(process.pid).filter((pid) => readStat(pid)?.name === "sup-spawn");

/** Stops the process, and waits until it does nothing any more. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await until(() => readStat(pid)?.state === "T", "the process to stop");
}

describe.skipIf(!canHang)("on a file system that does not answer", () => {
  const cases: Array<[string, (path: string) => Partial<SpawnRequest>, { stage: string; subject: (path: string) => string }]> = [
    ["the working directory", (path) => ({ cwd: `${path}/x` }), { stage: "chdir", subject: (path) => `${path}/x` }],
    ["the command", (path) => ({ argv: [`${path}/x`] }), { stage: "resolve", subject: (path) => `${path}/x` }],
    ["a directory of PATH", (path) => ({ argv: ["true"], env: { PATH: `${path}/x:/bin` } }), { stage: "resolve", subject: () => "true" }],
  ];
  test.each(cases)(
    "%s: the start fails at its step after the deadline, and others start meanwhile",
    async (_, change, { stage, subject }) => {
      using dir = tempDir();
      using hung = hangingMount(join(dir.path, "hung"));
      using m = machine({ startDeadlineMs: 600 });
      const began = performance.now();
      const failing = start(m, change(hung.path));
      for (let i = 0; i < 20; i++) expect((await m.sh("true")).exit).toEqual({ kind: "code", code: 0 });
      expect(await failing).toEqual({ ok: false, stage: stage as never, errno: ETIMEDOUT, subject: subject(hung.path) });
      expect(performance.now() - began).toBeGreaterThan(590);
      await until(() => unexecuted().length === 1, "only the server to be left"); // the process was killed and reaped
    },
  );

  test("more processes hang than the server has slots for: others start meanwhile, and with their own attributes", async () => {
    using dir = tempDir();
    using hung = hangingMount(join(dir.path, "hung"));
    using m = machine({ startDeadlineMs: 1500 });
    const failing = Array.from({ length: 40 }, (_, i) => start(m, { cwd: `${hung.path}/${i}` }));
    const others = Array.from({ length: 20 }, (_, i) => m.sh("umask; echo $LISTEN_PID; pwd", { env: { PATH, LISTEN_PID: "" }, cwd: "/usr", identity: { ...identity, umask: i } })); // prettier-ignore
    for (const [i, { output, ref }] of (await Promise.all(others)).entries())
      expect(output.trim().split("\n")).toEqual([i.toString(8).padStart(4, "0"), String(ref.pid), "/usr"]);
    for (const [i, result] of (await Promise.all(failing)).entries())
      expect(result).toMatchObject({ ok: false, stage: "chdir", errno: ETIMEDOUT, subject: `${hung.path}/${i}` });
    await until(() => unexecuted().length === 1, "only the server to be left");
  });

  test("a process that not even SIGKILL ends fails in time too, and is reaped when the file system is gone", async () => {
    using dir = tempDir();
    using m = machine({ startDeadlineMs: 600 });
    const hung = hangingMount(join(dir.path, "hung"));
    const failing = start(m, { cwd: `${hung.path}/x` });
    await hung.swallow();
    expect(await failing).toMatchObject({ ok: false, stage: "chdir", errno: ETIMEDOUT });
    expect(unexecuted()).toHaveLength(2);
    expect((await m.sh("true")).exit).toEqual({ kind: "code", code: 0 });
    hung[Symbol.dispose]();
    await until(() => unexecuted().length === 1, "the process to end");
  });
});

describe.skipIf(!isRoot)("a user who stops all of his processes all the time", () => {
  test("stops his own starts, but neither the daemon nor other starts", async () => {
    using m = machine({ startDeadlineMs: 600 });
    const looper = await m.start("echo up; while :; do kill -STOP -1; done", 1, { identity: STRANGER });
    const all = Array.from({ length: 30 }, () => start(m, { identity: STRANGER }));
    for (let i = 0; i < 20; i++) expect((await m.sh("true")).exit).toEqual({ kind: "code", code: 0 });
    const results = await Promise.all(all);
    for (const result of results) if (!result.ok) expect(result).toMatchObject({ errno: ETIMEDOUT });
    for (const result of results) if (result.ok) m.processes.signal(result.ref, 9);
    m.processes.signal(looper.ref, 9);
    await looper.exited;
    expect((await m.sh("id -u", { identity: STRANGER })).output.trim()).toBe(STRANGER.user);
  });
});

describe("the server", () => {
  test("is killed: another goes on with what it has not received, and nothing is executed twice", async () => {
    using dir = tempDir();
    using m = machine();
    const first = m.processes.spawnServer!;
    await stop(first);
    const files = Array.from({ length: 20 }, (_, i) => join(dir.path, String(i)));
    const starting = files.map((file) => startProcess(m.processes, { ...base, ...append(file) }));
    process.kill(first, "SIGKILL");
    for (const { result, exited } of await Promise.all(starting)) {
      expect(result.ok).toBe(true);
      expect(await exited).toEqual({ kind: "code", code: 0 });
    }
    expect(files.map(linesOf)).toEqual(files.map(() => 1));
    expect(m.processes.spawnServer).not.toBe(first);
    expect(readStat(first)).toBeNull();
  });

  test("does not answer: the daemon sends it hundreds of requests all the same, and waits for none", async () => {
    using m = machine();
    const server = m.processes.spawnServer!;
    await stop(server);
    const count = process.getuid!() === 0 ? 1000 : 400; // without root the channel is smaller
    const starting = Array.from({ length: count }, () => startProcess(m.processes, base));
    expect(m.processes.spawnServer).toBe(server); // a full channel would have cost it its life
    process.kill(server, "SIGCONT");
    const started = await Promise.all(starting);
    expect(started.filter(({ result }) => !result.ok)).toEqual([]);
    await Promise.all(started.map(({ exited }) => exited));
  });

  test("is killed while nothing is to be started: the next start brings another", async () => {
    using m = machine();
    process.kill(m.processes.spawnServer!, "SIGKILL");
    await until(() => m.processes.spawnServer === null, "the end of the server");
    expect((await m.sh("echo $PPID")).output.trim()).toBe(String(process.pid));
  });

  test("hangs: a start fails after the deadline, is never executed later, and the next one works", async () => {
    using dir = tempDir();
    using m = machine({ startDeadlineMs: 300 });
    const first = m.processes.spawnServer!;
    await stop(first);
    const late = join(dir.path, "late");
    expect(await start(m, append(late))).toMatchObject({ ok: false, stage: "fork", errno: ETIMEDOUT });
    process.kill(first, "SIGCONT");
    await until(() => readStat(first) === null, "the end of the server");
    expect((await m.sh("true")).exit).toEqual({ kind: "code", code: 0 });
    expect(linesOf(late)).toBe(0);
  });

  test("ends with its daemon, and what the daemon asked for last is not executed", async () => {
    using dir = tempDir();
    const script = join(dir.path, "daemon.ts");
    const late = join(dir.path, "late");
    writeFileSync(
      script,
      `import { readFileSync } from "node:fs";
       import { machine, identity, until } from ${JSON.stringify(join(import.meta.dir, "../support.ts"))};
       const m = machine();
       const server = m.processes.spawnServer;
       process.kill(server, "SIGSTOP");
       await until(() => readFileSync(\`/proc/\${server}/stat\`, "latin1").includes(") T "), "the server to stop");
       m.processes.spawn({ argv: ["/usr/bin/touch", ${JSON.stringify(late)}], env: {}, cwd: null, identity, fds: [null, null, null] }, () => {}, () => {});
       console.log(server);`,
    );
    const daemon = Bun.spawn([process.execPath, script], { cwd: dir.path, stdout: "pipe", stderr: "inherit" });
    const server = Number(new TextDecoder().decode((await daemon.stdout.getReader().read()).value));
    expect(readStat(server)?.name).toBe("sup-spawn");
    daemon.kill("SIGKILL");
    await daemon.exited;
    process.kill(server, "SIGCONT");
    const isLeft = (pid: number): boolean => readStat(pid)?.name === "sup-spawn" && cwdOf(pid) === dir.path;
    await until(() => !listPids().some(isLeft), "the server and its children to end");
    expect(existsSync(late)).toBe(false);
  });

  test("does not end by a signal that other processes get, holds no descriptor of the daemon and little memory", async () => {
    using m = machine();
    const pid = m.processes.spawnServer!;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGPIPE"] as const) process.kill(pid, signal);
    await m.sh("true");
    expect(m.processes.spawnServer).toBe(pid);
    expect(readdirSync(`/proc/${pid}/fd`)).toEqual(["0"]);
    expect(privateKbOf(pid)).toBeLessThan(512);
  });
});

test("an oom score applies to one process, neither to the server nor to those that are set up at the same time", async () => {
  using m = machine();
  const scoreOf = (pid: number | "self"): string => readFileSync(`/proc/${pid}/oom_score_adj`, "latin1").trim();
  const scores = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? i + 100 : null));
  const all = scores.map((oomScoreAdj) => m.sh("cat /proc/self/oom_score_adj", { identity: { ...identity, oomScoreAdj } }));
  const seen = (await Promise.all(all)).map(({ output }) => output.trim());
  expect(seen).toEqual(scores.map((score) => (score === null ? scoreOf("self") : String(score))));
  expect(scoreOf(m.processes.spawnServer!)).toBe(scoreOf("self"));
});

test("requests, which may hold secrets, stay no longer than a second in the server's memory, and a burst leaves it small", async () => {
  using m = machine();
  const server = m.processes.spawnServer!;
  const secret = ["not", "for", "the", "server"].join("-");
  const hold = (size: number): Promise<unknown> => m.sh("true", { env: { PATH, SECRET: secret, MORE: "x".repeat(size) } });
  await Promise.all(Array.from({ length: 50 }, (_, i) => hold(i % 2 === 0 ? 10 : 100_000)));
  await until(() => !memoryOf(server).some((part) => part.includes(secret)), "the requests to be dropped");
  expect(privateKbOf(server)).toBeLessThan(512);
});

/** The writable memory of a process, by mapping. */
function memoryOf(pid: number): Buffer[] {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, "latin1");
    return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)].map(([, from, to]) => {
      const at = Number.parseInt(from!, 16);
      const bytes = Buffer.alloc(Number.parseInt(to!, 16) - at);
      return bytes.subarray(0, readSync(memory, bytes, 0, bytes.length, at));
    });
  } finally {
    closeSync(memory);
  }
}

/** Kilobytes that only this process has. */
function privateKbOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0);
}

const SCHED_GETATTR = process.arch === "arm64" ? 275 : 315;
const RUNTIME_AT = 24;

/** The time slice in nanoseconds: `sched_runtime` of struct sched_attr, which is 0 before Linux 6.12. */
function sliceOf(pid: number): bigint {
  const attributes = Buffer.alloc(56);
  expect(syscall(SCHED_GETATTR, pid, ptr(attributes), attributes.length)).toBe(0);
  return attributes.readBigUInt64LE(RUNTIME_AT);
}

test("the server gets the processor at once, and its processes have the time slice and the nice value of the daemon", async () => {
  using m = machine();
  const { ref } = await m.start("exec sleep 1000");
  expect(sliceOf(ref.pid)).toBe(sliceOf(process.pid));
  expect(niceOf(ref.pid)).toBe(niceOf(process.pid));
  if (sliceOf(process.pid) > 0n) expect(sliceOf(m.processes.spawnServer!)).toBe(100_000n);
});

/** proc(5): field 19 of /proc/PID/stat. */
const niceOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ")[16]);

const cwdOf = (pid: number): string | null => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null; // it has ended
  }
};

test("a result is collected as soon as exec has happened, before the event loop reports it", async () => {
  using dir = tempDir();
  using m = machine();
  const file = join(dir.path, "up");
  const results: SpawnResult[] = [];
  const pending = m.processes.spawn({ ...base, ...append(file) }, (result) => void results.push(result), () => {}); // prettier-ignore
  while (!existsSync(file)) Bun.sleepSync(1); // the event loop does not turn
  expect(results).toHaveLength(0);
  pending.collect();
  expect(results).toMatchObject([{ ok: true }]);
  pending.collect();
  pending.abort();
  await m.sh("true");
  expect(results).toHaveLength(1);
});

test("a start that is given up is reported at once, and nothing is executed", async () => {
  using dir = tempDir();
  using m = machine();
  const server = m.processes.spawnServer!;
  await stop(server);
  const files = Array.from({ length: 3 }, (_, i) => join(dir.path, String(i)));
  const results: SpawnResult[] = [];
  const pending: PendingStart[] = [];
  for (const file of files) pending.push(m.processes.spawn({ ...base, ...append(file) }, (result) => void results.push(result), () => expect.unreachable())); // prettier-ignore
  pending[0]!.abort();
  m.processes.abortStarts();
  expect(results).toMatchObject(files.map(() => ({ ok: false, stage: "fork", errno: ECANCELED })));
  process.kill(server, "SIGCONT");
  await m.sh("true"); // the server has handled what came before
  await until(() => unexecuted().length === 1, "the processes to end");
  expect(files.some(existsSync)).toBe(false);
});

test("an environment of a megabyte reaches the process unchanged", async () => {
  using m = machine();
  const env = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`V${i}`, `ü${"x".repeat(100_000)}`]));
  const { output } = await m.sh("exec cat /proc/self/environ", { env: { ...env, PATH } });
  expect(output.split("\0")).toEqual(expect.arrayContaining(Object.entries(env).map(([name, value]) => `${name}=${value}`)));
});

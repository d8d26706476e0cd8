/**
 * Starts processes through the spawn server (spawn-server.c). A start is under way from `start` until exec has succeeded or failed;
 * meanwhile the daemon does other things. Each has a pipe, whose end tells that exec has happened: see spawn-server.c.
 */
import { ptr } from "bun:ffi";
import { fchownSync, fstatSync } from "node:fs";
import { SIGNALS } from "../../base/signals.ts";
import type { SpawnStage } from "../../base/spawn-stages.ts";
import { errnoWords } from "../../base/errno.ts";
import type { PendingStart, SpawnRequest } from "../../ports/processes.ts";
import type { Epoll, EpollHandle } from "../io/epoll.ts";
import { errno, libc, O, O_DIRECTORY, open } from "../ffi/libc.ts";
import { type ExitWatcher, waitForChild } from "../processes/exit-watcher.ts";
import { commandCandidates } from "./find-command.ts";
import { defaultNofile, RLIMITS, type Rlimit } from "./rlimits.ts";
import { subjectOf } from "./spawn-failure.ts";
import { encodeRequest, type ResolvedRequest } from "./spawn-request.ts";
import { lastReport, MAX_DESCRIPTORS, type Report, SpawnServer } from "./spawn-server.ts";
import { credentialsOf } from "./users.ts";

export type SpawnOutcome =
  /** `cgroupError`: the errno why the process is not in its cgroup; 0: it is, or it has none. */
  | { readonly ok: true; readonly pid: number; readonly cgroupError: number }
  | { readonly ok: false; readonly stage: SpawnStage; readonly errno: number; readonly subject: string };

export interface SpawnerOptions {
  readonly epoll: Epoll;
  readonly exits: ExitWatcher;
  /** A private directory for compiling C. */
  readonly scratch?: string | undefined;
  /** How long a start may take. */
  readonly deadlineMs?: number | undefined;
}

const ENOENT = 2;
const EINTR = 4;
const E2BIG = 7;
const EINVAL = 22;
const ETIMEDOUT = 110;
const ECANCELED = 125;
const DEADLINE_MS = 10_000;
const SELF_TEST_MS = 10_000;

interface Start {
  readonly resolved: ResolvedRequest;
  readonly reader: number;
  readonly done: (outcome: SpawnOutcome) => void;
  reports: Buffer;
  /** 0: not reported yet. */
  pid: number;
  watch: EpollHandle | null;
  timer: Timer | null;
}

/** The memfd, the pipe and the cgroup. */
const OWN_DESCRIPTORS = 3;

export class Spawner {
  readonly #epoll: Epoll;
  readonly #exits: ExitWatcher;
  readonly #deadlineMs: number;
  readonly #server: SpawnServer;
  readonly #starts = new Set<Start>();

  /** Throws when this machine cannot start processes this way. Compiling needs a writable directory. */
  constructor({ epoll, exits, scratch, deadlineMs = DEADLINE_MS }: SpawnerOptions) {
    this.#epoll = epoll;
    this.#exits = exits;
    this.#deadlineMs = deadlineMs;
    this.#server = new SpawnServer(exits, scratch, () => this.#starts.size > 0);
    const problem = this.#selfTest(null);
    if (problem !== null) throw new Error(`cannot start processes: ${problem}`);
  }

  /** Null, or why processes cannot be created in cgroups below this directory. */
  testCgroup(directory: string): string | null {
    return this.#selfTest(directory);
  }

  /** The process that creates the others; null while there is none. */
  get serverPid(): number | null {
    return this.#server.pid;
  }

  /**
   * `done` is called once, never during `start`. `cgroup`: the directory of the process's cgroup; null: the daemon's own. The
   * descriptors need not stay open.
   */
  start(request: SpawnRequest, cgroup: string | null, done: (outcome: SpawnOutcome) => void): PendingStart {
    const resolved = resolve(request);
    const begun = "candidates" in resolved ? this.#begin(resolved, cgroup, done) : resolved;
    return "reader" in begun ? this.#pending(begun) : failedStart(begun, done);
  }

  /** Whether this may be a process that is being set up, so that nobody else may reap it. */
  isStarting(pid: number): boolean {
    for (const start of this.#starts) {
      if (start.pid === 0) this.#learnPid(start);
      if (start.pid === 0 || start.pid === pid) return true;
    }
    return false;
  }

  /** Gives up all starts that are under way; they are reported as failed. */
  abortAll(): void {
    for (const start of [...this.#starts]) this.#abort(start, ECANCELED);
  }

  /** Ends the server. Starts that are under way are given up and not reported. */
  close(): void {
    for (const start of this.#starts) {
      const pid = this.#forget(start);
      if (pid > 0) libc.kill(pid, SIGNALS.SIGKILL);
    }
    const pid = this.#server.pid;
    this.#server.discard();
    if (pid !== null) waitForChild(pid, 0);
  }

  #pending(start: Start): PendingStart {
    return {
      collect: () => {
        if (this.#starts.has(start) && read(start) === "ended") this.#finish(start);
      },
      abort: () => {
        if (this.#starts.has(start)) this.#abort(start, ECANCELED);
      },
    };
  }

  #begin(resolved: ResolvedRequest, cgroup: string | null, done: Start["done"]): Start | Failure {
    const start = this.#send(resolved, cgroup, done);
    if (!("reader" in start)) return start;
    try {
      start.watch = this.#epoll.add(start.reader, "hup", false, () => {
        if (read(start) === "ended") this.#finish(start);
      });
    } catch (error) {
      libc.close(start.reader); // the process ends when it reports
      return failed("fork", (error as { errno?: number }).errno ?? EINTR, resolved.request.argv[0]!);
    }
    start.timer = setTimeout(() => this.#overdue(start), this.#deadlineMs);
    this.#starts.add(start);
    return start;
  }

  /** Sends the request. Nothing is watched yet. */
  #send(resolved: ResolvedRequest, cgroup: string | null, done: Start["done"]): Start | Failure {
    const { request } = resolved;
    const [command = ""] = request.argv;
    const pipe = new Int32Array(2);
    if (libc.pipe2(ptr(pipe), O.CLOEXEC | O.NONBLOCK) !== 0) return failed("fork", errno(), command);
    const [reader, writer] = [pipe[0]!, pipe[1]!];
    const group = cgroup === null ? -1 : open(cgroup, O_DIRECTORY);
    const own = group < 0 ? OWN_DESCRIPTORS - 1 : OWN_DESCRIPTORS;
    const bytes = encodeRequest(this.#server.program.request, resolved, own);
    const fds = request.fds.filter((fd) => fd !== null);
    const ownMemory = request.identity.oomScoreAdj !== null;
    const error = this.#server.send(bytes, { reports: writer, cgroup: group < 0 ? null : group, fds, ownMemory });
    libc.close(writer);
    if (group >= 0) libc.close(group);
    if (error === 0) return { resolved, reader, done, reports: NOTHING, pid: 0, watch: null, timer: null };
    libc.close(reader);
    return error === EBADF ? failed("descriptors", error, brokenDescriptor(request)) : failed("fork", error, command);
  }

  #finish(start: Start): void {
    this.#forget(start);
    const report = lastReport(this.#server.program, start.reports);
    if (report === null) start.done(failed("fork", EINTR, start.resolved.request.argv[0]!));
    else if (report.error === 0) start.done({ ok: true, pid: report.pid, cgroupError: report.cgroupError });
    else this.#reap(report.pid, () => start.done(failure(start, report, report.error)));
  }

  /** The process has not called exec in time: it hangs, or it is stopped. */
  #overdue(start: Start): void {
    if (read(start) === "ended") return this.#finish(start);
    // Without a report the server hangs. What it has not received must not start later, after it was reported as failed.
    if (lastReport(this.#server.program, start.reports) === null) this.#server.discard();
    this.#abort(start, ETIMEDOUT);
  }

  #abort(start: Start, error: number): void {
    const pid = this.#forget(start);
    if (pid > 0) {
      libc.kill(pid, SIGNALS.SIGKILL); // our child, not waited for yet: no other process can have its pid
      this.#reap(pid, () => {});
    }
    const report = lastReport(this.#server.program, start.reports);
    if (report === null) start.done(failed("fork", error, start.resolved.request.argv[0]!));
    else start.done(failure(start, report, error));
  }

  /** From now on the process cannot report any more, which ends it. Returns its pid; 0: it is not known. */
  #forget(start: Start): number {
    this.#learnPid(start);
    this.#starts.delete(start);
    start.watch?.remove();
    if (start.timer !== null) clearTimeout(start.timer);
    libc.close(start.reader);
    return start.pid;
  }

  #learnPid(start: Start): void {
    read(start);
    start.pid = lastReport(this.#server.program, start.reports)?.pid ?? 0;
  }

  /** Calls back when the process, which is about to end, has ended. */
  #reap(pid: number, callback: () => void): void {
    if (pid === 0) return callback(); // the clone failed
    if (this.#exits.watchChild({ pid, startTicks: 0 }, false, callback) !== 0) callback(); // it is reaped as an orphan
  }

  /** Starts a program that does not exist, which must fail at the first step of the new process. Null, or what is wrong. */
  #selfTest(cgroup: string | null): string | null {
    const start = this.#send(SELF_TEST, cgroup, () => {});
    if (!("reader" in start)) return selfTestProblem(start, 0);
    const ended = awaitEnd(start.reader, SELF_TEST_MS);
    const pid = this.#forget(start);
    const report = lastReport(this.#server.program, start.reports);
    if (pid > 0) waitForChild(pid, 0);
    if (!ended || report === null) return selfTestProblem(failed("fork", ended ? EINTR : ETIMEDOUT, ""), 0);
    return selfTestProblem(failure(start, report, report.error), report.cgroupError);
  }
}

/** Why this machine cannot start processes, concluded from the start of a program that does not exist. Null: it can. */
export function selfTestProblem(outcome: SpawnOutcome, cgroupError: number): string | null {
  if (cgroupError !== 0) return `a process cannot be created in a cgroup: ${errnoWords(cgroupError)}`;
  if (outcome.ok) return "a program that does not exist was started";
  if (outcome.stage === "resolve" && outcome.errno === ENOENT) return null;
  return `a test start failed at the wrong step (${outcome.stage}: ${errnoWords(outcome.errno)})`;
}

type Failure = Extract<SpawnOutcome, { ok: false }>;

const failed = (stage: SpawnStage, error: number, subject: string): Failure => ({ ok: false, stage, errno: error, subject });

const failure = ({ resolved }: Start, report: Report, error: number): Failure => {
  return failed(report.stage, error, subjectOf(resolved, report));
};

/** A start that failed before anything was done. */
function failedStart(outcome: Failure, done: (outcome: SpawnOutcome) => void): PendingStart {
  let isReported = false;
  const collect = (): void => {
    if (isReported) return;
    isReported = true;
    done(outcome);
  };
  queueMicrotask(collect);
  return { collect, abort: collect };
}

const OWN_IDENTITY = { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} };
const MISSING = "/proc/self/no-such-file";
const SELF_TEST: ResolvedRequest = {
  request: { argv: [MISSING], env: {}, cwd: null, identity: OWN_IDENTITY, fds: [null, null, null] },
  candidates: [MISSING],
  limits: {},
  credentials: { uid: null, gid: null, groups: null },
};

/** What can be found out without touching a file system that a unit names. */
function resolve(request: SpawnRequest): ResolvedRequest | Failure {
  const [command = ""] = request.argv;
  const strings = [...request.argv, ...Object.entries(request.env).flat(), request.cwd ?? ""];
  const broken = strings.find((string) => string.includes("\0"));
  if (broken !== undefined) return failed("resolve", EINVAL, `${JSON.stringify(broken)} (a zero byte cannot be passed to a program)`);
  const candidates = commandCandidates(command, request.env.PATH, request.cwd);
  if (candidates.length === 0) return failed("resolve", ENOENT, command || "(empty command)");
  const credentials = credentialsOf(request.identity);
  if (!credentials.ok) return failed("user", ENOENT, credentials.error);
  const limits: Record<string, Rlimit> = { nofile: defaultNofile(), ...request.identity.limits };
  const unknown = Object.keys(limits).find((name) => RLIMITS[name] === undefined);
  if (unknown !== undefined) return failed("limits", EINVAL, unknown);
  if (request.fds.length > MAX_DESCRIPTORS - OWN_DESCRIPTORS) return failed("descriptors", E2BIG, `${request.fds.length} descriptors`);
  if (credentials.value.uid !== null) chownOutput(request.fds, credentials.value.uid);
  return { request, candidates, limits, credentials: credentials.value };
}

/** chown(2): -1 does not change the group. */
const KEEP_GROUP = 0xffffffff;

/** A program that reopens /dev/stdout (nginx's `access_log /dev/stdout`) can do so only if its user owns the pipe. */
function chownOutput(fds: SpawnRequest["fds"], uid: number): void {
  for (const fd of fds.slice(1, 3)) {
    try {
      if (fd !== null && fstatSync(fd).isFIFO()) fchownSync(fd, uid, KEEP_GROUP);
    } catch {
      // No CAP_CHOWN: writing to the open descriptor works without it.
    }
  }
}

const EBADF = 9;

/** For a message: the first descriptor that is not open. */
function brokenDescriptor({ fds }: SpawnRequest): string {
  const F_GETFD = 1;
  const index = fds.findIndex((fd) => fd !== null && libc.fcntl(fd, F_GETFD, 0) < 0);
  return `descriptor ${index} (from ${fds[index]})`;
}

const NOTHING = Buffer.alloc(0);
const chunk = Buffer.alloc(1024);

/** Reads what was reported so far. "ended": the process has called exec, or has ended, or there is none. */
function read(start: Start): "ended" | "open" {
  for (;;) {
    const bytes = Number(libc.read(start.reader, ptr(chunk), chunk.length));
    if (bytes > 0) start.reports = Buffer.concat([start.reports, chunk.subarray(0, bytes)]);
    else if (bytes === 0) return "ended";
    else if (errno() !== EINTR) return "open";
  }
}

/** Waits for the end of a pipe. False: it did not come in time. */
function awaitEnd(reader: number, timeoutMs: number): boolean {
  const entry = new Int32Array([reader, 0]); // struct pollfd: no events, so only the end counts
  const end = performance.now() + timeoutMs;
  for (;;) {
    const ready = libc.poll(ptr(entry), 1, Math.max(0, Math.ceil(end - performance.now())));
    if (ready >= 0 || errno() !== EINTR) return ready > 0;
  }
}

/**
 * Starts processes through the spawn server (spawn-server.c). A start lasts from the call of `start` until exec has succeeded
 * or failed. The daemon is not blocked during that time. Each start has a pipe. The end of the pipe and the last report in it
 * say whether exec has succeeded (see spawn-server.c).
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
  /** `cgroupError` is the errno that says why the process is not in its cgroup. It is 0 if the process is in its cgroup or has none. */
  | { readonly ok: true; readonly pid: number; readonly cgroupError: number }
  | { readonly ok: false; readonly stage: SpawnStage; readonly errno: number; readonly subject: string };

export interface SpawnerOptions {
  readonly epoll: Epoll;
  readonly exits: ExitWatcher;
  /** A private directory in which C code can be compiled. */
  readonly scratch?: string | undefined;
  /** Maximum duration of a start in milliseconds. */
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
  /** The pid of the new process, or 0 if it was not reported yet. */
  pid: number;
  watch: EpollHandle | null;
  timer: Timer | null;
}

/** Maximum number of descriptors in a message that are not for the process itself: the pipe, the memfd and the cgroup. */
const OWN_DESCRIPTORS = 3;

export class Spawner {
  readonly #epoll: Epoll;
  readonly #exits: ExitWatcher;
  readonly #deadlineMs: number;
  readonly #server: SpawnServer;
  readonly #starts = new Set<Start>();

  /** Throws if this machine cannot start processes in this way. The compilation of C code needs a writable directory. */
  constructor({ epoll, exits, scratch, deadlineMs = DEADLINE_MS }: SpawnerOptions) {
    this.#epoll = epoll;
    this.#exits = exits;
    this.#deadlineMs = deadlineMs;
    this.#server = new SpawnServer(exits, scratch, () => this.#starts.size > 0);
    const problem = this.#selfTest(null);
    if (problem !== null) throw new Error(`cannot start processes: ${problem}`);
  }

  /** Returns the reason why processes cannot be created in cgroups below this directory, or null if they can. */
  testCgroup(directory: string): string | null {
    return this.#selfTest(directory);
  }

  /** The pid of the spawn server, or null while it does not run. */
  get serverPid(): number | null {
    return this.#server.pid;
  }

  /**
   * Starts a process. `cgroup` is the directory of its cgroup, or null for the cgroup of the daemon. `done` is called once, and never
   * during the call of `start`. The caller may close the descriptors of the request after the call.
   */
  start(request: SpawnRequest, cgroup: string | null, done: (outcome: SpawnOutcome) => void): PendingStart {
    const resolved = resolve(request);
    const begun = "candidates" in resolved ? this.#begin(resolved, cgroup, done) : resolved;
    return "reader" in begun ? this.#pending(begun) : failedStart(begun, done);
  }

  /** Returns true if this may be a process that is being set up, so that no other code may reap it. */
  isStarting(pid: number): boolean {
    for (const start of this.#starts) {
      if (start.pid === 0) this.#learnPid(start);
      if (start.pid === 0 || start.pid === pid) return true;
    }
    return false;
  }

  /** Aborts all starts that have not ended yet, and reports them as failed. */
  abortAll(): void {
    for (const start of [...this.#starts]) this.#abort(start, ECANCELED);
  }

  /** Ends the server. Aborts all starts that have not ended yet, but does not report them. */
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
      libc.close(start.reader); // the process exits at its next report, because nobody reads the pipe
      return failed("fork", (error as { errno?: number }).errno ?? EINTR, resolved.request.argv[0]!);
    }
    start.timer = setTimeout(() => this.#overdue(start), this.#deadlineMs);
    this.#starts.add(start);
    return start;
  }

  /** Sends the request. The caller must watch the pipe of the start. */
  #send(resolved: ResolvedRequest, cgroup: string | null, done: Start["done"]): Start | Failure {
    const { request } = resolved;
    const [command = ""] = request.argv;
    const pipe = new Int32Array(2);
    if (libc.pipe2(ptr(pipe), O.CLOEXEC | O.NONBLOCK) !== 0) return failed("fork", errno(), command);
    const [reader, writer] = [pipe[0]!, pipe[1]!];
    const group = cgroup === null ? -1 : open(cgroup, O_DIRECTORY);
    const bytes = encodeRequest(this.#server.program.request, resolved, group < 0 ? 1 : 2);
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

  /** Handles a process that has not called exec before the deadline, because it hangs or is suspended. */
  #overdue(start: Start): void {
    if (read(start) === "ended") return this.#finish(start);
    // Without a report, the server itself hangs. Requests that it has not received must not start later, after they were
    // reported as failed.
    if (lastReport(this.#server.program, start.reports) === null) this.#server.discard();
    this.#abort(start, ETIMEDOUT);
  }

  #abort(start: Start, error: number): void {
    const pid = this.#forget(start);
    if (pid > 0) {
      libc.kill(pid, SIGNALS.SIGKILL); // the pid is valid, because this child of the daemon was not reaped yet
      this.#reap(pid, () => {});
    }
    const report = lastReport(this.#server.program, start.reports);
    if (report === null) start.done(failed("fork", error, start.resolved.request.argv[0]!));
    else start.done(failure(start, report, error));
  }

  /** Closes the pipe of a start, so that its process exits at its next report. Returns the pid of the process, or 0 if it is not known. */
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

  /** Waits for the end of a process that is about to end, and then calls `callback`. */
  #reap(pid: number, callback: () => void): void {
    if (pid === 0) return callback(); // the clone failed
    if (this.#exits.watchChild({ pid, startTicks: 0 }, false, callback) !== 0) callback(); // the process is then reaped as an orphan
  }

  /** Starts a program that does not exist, which must fail at the first step of the new process. Returns null, or else the problem. */
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

/** Returns the reason why this machine cannot start processes, or null if it can. `outcome` is that of a program that does not exist. */
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

/** Returns a start that failed before a request was sent. */
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

/** Resolves a request as far as possible without access to the file systems that a unit names, because they could block the daemon. */
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
  if (credentials.value.uid !== null) chownStreams(request, credentials.value.uid);
  return { request, candidates, limits, credentials: credentials.value };
}

/** The value -1 of chown(2), which leaves the group unchanged. */
const KEEP_GROUP = 0xffffffff;

/**
 * Gives the pipes or the terminal of stdin, stdout and stderr to the user. Otherwise a program could not reopen /dev/stdout (like
 * nginx's `access_log /dev/stdout`).
 */
function chownStreams({ fds, terminal }: SpawnRequest, uid: number): void {
  for (const fd of fds.slice(0, 3)) {
    try {
      if (fd !== null && (terminal === true || fstatSync(fd).isFIFO())) fchownSync(fd, uid, KEEP_GROUP);
    } catch {
      // The daemon lacks CAP_CHOWN. The program can still use the open descriptor.
    }
  }
}

const EBADF = 9;

/** Returns the first descriptor that is not open, for an error message. */
function brokenDescriptor({ fds }: SpawnRequest): string {
  const F_GETFD = 1;
  const index = fds.findIndex((fd) => fd !== null && libc.fcntl(fd, F_GETFD, 0) < 0);
  return `descriptor ${index} (from ${fds[index]})`;
}

const NOTHING = Buffer.alloc(0);
const chunk = Buffer.alloc(1024);

/** Reads all reports so far. Returns "ended" if the process has called exec or has ended, or if there is no process. */
function read(start: Start): "ended" | "open" {
  for (;;) {
    const bytes = Number(libc.read(start.reader, ptr(chunk), chunk.length));
    if (bytes > 0) start.reports = Buffer.concat([start.reports, chunk.subarray(0, bytes)]);
    else if (bytes === 0) return "ended";
    else if (errno() !== EINTR) return "open";
  }
}

/** Waits until the other end of a pipe is closed. Returns false if that does not happen in time. */
function awaitEnd(reader: number, timeoutMs: number): boolean {
  const entry = new Int32Array([reader, 0]); // struct pollfd without events, so poll reports only the end
  const end = performance.now() + timeoutMs;
  for (;;) {
    const ready = libc.poll(ptr(entry), 1, Math.max(0, Math.ceil(end - performance.now())));
    if (ready >= 0 || errno() !== EINTR) return ready > 0;
  }
}

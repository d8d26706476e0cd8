/** Starts the spawn server (spawn-server.c), sends requests to it, and reads the reports of the new processes. */
import { ptr } from "bun:ffi";
import { SIGNALS } from "../../base/signals.ts";
import { SPAWN_STAGES, type SpawnStage } from "../../base/spawn-stages.ts";
import { type BareProgram, compileBare, makeChannel, sendWithDescriptors, startBare } from "../ffi/bare-process.ts";
import type { CExports, StructLayout } from "../ffi/c-exports.ts";
import { cstring, errno, libc, SYSCALL, syscall } from "../ffi/libc.ts";
import { SOL_SOCKET } from "../ffi/msghdr.ts";
import { type ExitWatcher, waitForChild } from "../processes/exit-watcher.ts";
// The type is `text`, because the C compiler cannot open a `file` import inside a compiled executable.
import source from "./spawn-server.c" with { type: "text" };
import { REQUEST_FIELDS, type RequestLayout } from "./spawn-request.ts";

/** The name that ps shows for the server, and for its children before exec. */
const SERVER_NAME = "sup-spawn";

const MESSAGE_FIELDS = ["size_bytes", "has_memory", "has_cgroup", "descriptor_count", "own_memory"] as const;
const REPORT_FIELDS = ["pid", "stage", "error", "detail", "cgroup_error"] as const;

/** Maximum number of descriptors in one message, including the pipe, the memfd and the cgroup. */
export const MAX_DESCRIPTORS = 253;
/** A larger request is passed in a memfd, which takes 0.1 ms more. */
const MAX_INLINE_BYTES = 8192;

export interface SpawnProgram {
  readonly bare: BareProgram;
  readonly request: RequestLayout;
  readonly message: StructLayout<(typeof MESSAGE_FIELDS)[number]>;
  readonly report: StructLayout<(typeof REPORT_FIELDS)[number]>;
  /** The stages by the numbers that spawn-server.c uses. */
  readonly stages: ReadonlyMap<number, SpawnStage>;
}

/** Compiles spawn-server.c (about 5 ms). If C and TypeScript differ, throws an error that names the field, stage or constant. */
export function compileSpawnServer(scratch?: string, code = source): SpawnProgram {
  const bare = compileBare("spawn-server.c", code, scratch);
  const { exports } = bare;
  exports.expect({ MAX_DESCRIPTORS, MAX_INLINE_BYTES, limit: 24, "limit.id": 0, "limit.soft": 8, "limit.hard": 16 });
  return {
    bare,
    request: exports.struct("request", REQUEST_FIELDS),
    message: exports.struct("message", MESSAGE_FIELDS),
    report: exports.struct("report", REPORT_FIELDS),
    stages: stagesIn(exports),
  };
}

/**
 * Stages that do not exist in C. `user` is done before the request is sent. `cgroup` never fails a start in C, because a
 * process that cannot be created in its cgroup runs outside it.
 */
const OTHER_STAGES: readonly SpawnStage[] = ["user", "cgroup"];

/** Returns the stages by their numbers in C. Throws if spawn-server.c and SPAWN_STAGES do not name the same stages. */
function stagesIn(exports: CExports): ReadonlyMap<number, SpawnStage> {
  const numbers = exports.constants("stage ");
  const stages = SPAWN_STAGES.filter((stage) => !OTHER_STAGES.includes(stage));
  const differing = [...stages.filter((stage) => !numbers.has(stage)), ...[...numbers.keys()].filter((name) => !stages.some((stage) => stage === name))]; // prettier-ignore
  if (differing.length > 0) throw new Error(`spawn-server.c and SPAWN_STAGES differ: ${differing.join(", ")}`);
  return new Map(stages.map((stage) => [numbers.get(stage)!, stage]));
}

/** The last report of a process during its setup. */
export interface Report {
  readonly pid: number;
  readonly stage: SpawnStage;
  /** The errno of a failure at this stage, or 0 if the process has only reached the stage. */
  readonly error: number;
  /** The index of the candidate, limit or descriptor that this stage was working on. */
  readonly detail: number;
  /** The errno that says why the process is not in its cgroup, or 0. */
  readonly cgroupError: number;
  /** The beginning of an existing file whose exec has failed; otherwise null. */
  readonly firstLine: string | null;
}

/** Returns the last report among the bytes from the pipe, or null if there is none. */
export function lastReport({ report, stages }: SpawnProgram, bytes: Buffer): Report | null {
  const size = report.sizeBytes;
  let at = -size;
  while (at + 2 * size <= bytes.length && (at < 0 || report.getInt(bytes, "error", at) === 0)) at += size;
  if (at < 0) return null;
  return {
    pid: report.getInt(bytes, "pid", at),
    stage: stages.get(report.getInt(bytes, "stage", at))!,
    error: report.getInt(bytes, "error", at),
    detail: report.getInt(bytes, "detail", at),
    cgroupError: report.getInt(bytes, "cgroup_error", at),
    firstLine: bytes.length > at + size ? bytes.toString("latin1", at + size).split("\n", 1)[0]! : null,
  };
}

export interface Passed {
  /** The write end of the pipe for reports. */
  readonly reports: number;
  readonly cgroup: number | null;
  readonly fds: readonly number[];
  /** True if the new process must not share its memory with other processes before exec. */
  readonly ownMemory: boolean;
}

interface Channel {
  readonly ours: number;
  /**
   * The server's end of the channel. The daemon keeps it open too. If the server is killed, the next server receives the
   * requests that are still in the channel.
   */
  readonly theirs: number;
}

/** EAGAIN, ENOMEM, ENOBUFS and ETOOMANYREFS. They mean that the channel is full, or that too many descriptors are in transit. */
const BUSY = [11, 12, 105, 109];
const EAGAIN = 11;
/** Maximum time to wait for space in the channel. The server never blocks, so it frees space as fast as it can clone. */
const MAX_WAIT_MS = 1000;
const MFD_CLOEXEC = 1;
/**
 * The channel has room for thousands of requests. The default size has room for 160 small ones, so a daemon that starts 2,000
 * units at once would wait for the server most of the time.
 */
const CHANNEL_BYTES = 1 << 22;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const LABEL = cstring("sup-spawn");

export class SpawnServer {
  readonly program: SpawnProgram;
  readonly #exits: ExitWatcher;
  #channel: Channel | null = null;
  #pid: number | null = null;
  /** Returns true if requests may be waiting. In that case a killed server must be started again. */
  readonly #isNeeded: () => boolean;

  /** Throws if C cannot be compiled on this machine. */
  constructor(exits: ExitWatcher, scratch: string | undefined, isNeeded: () => boolean) {
    this.program = compileSpawnServer(scratch);
    this.#exits = exits;
    this.#isNeeded = isNeeded;
  }

  get pid(): number | null {
    return this.#pid;
  }

  /** Sends an encoded request with descriptors. Returns 0 or an errno. Waits for at most a second while the channel is full. */
  send(request: Buffer, passed: Passed): number {
    if (request.length <= MAX_INLINE_BYTES) return this.#send(request, null, passed);
    const memory = syscall(SYSCALL.memfd_create, ptr(LABEL), MFD_CLOEXEC);
    if (memory < 0) return errno();
    try {
      if (Number(libc.write(memory, ptr(request), request.length)) !== request.length) return errno();
      return this.#send(request, memory, passed);
    } finally {
      libc.close(memory);
    }
  }

  /** Sends a request that is in the memfd `memory`, or within the message if `memory` is null. */
  #send(request: Buffer, memory: number | null, { reports, cgroup, fds, ownMemory }: Passed): number {
    const all = [reports, ...(cgroup === null ? [] : [cgroup]), ...fds, ...(memory === null ? [] : [memory])];
    const head = this.program.message.fill({
      size_bytes: request.length,
      has_memory: Number(memory !== null),
      has_cgroup: Number(cgroup !== null),
      descriptor_count: all.length,
      own_memory: Number(ownMemory),
    });
    const message = memory === null ? Buffer.concat([head, request]) : head;
    try {
      const { ours } = this.#open();
      const end = performance.now() + MAX_WAIT_MS;
      for (;;) {
        const error = sendWithDescriptors(ours, message, all);
        if (!BUSY.includes(error)) return error;
        if (performance.now() > end) {
          this.discard();
          return error;
        }
        Bun.sleepSync(1);
      }
    } catch (error) {
      return (error as { errno?: number }).errno ?? EAGAIN; // the server was killed, and no other server can be started at present
    }
  }

  /** Starts the server unless it runs. Throws if that is not possible. */
  #open(): Channel {
    const channel = (this.#channel ??= openChannel());
    if (this.#pid !== null) return channel;
    const pid = startBare(this.program.bare, SERVER_NAME, channel.theirs, -1);
    const problem = this.#exits.watchChild({ pid, startTicks: 0 }, false, () => {
      if (this.#pid !== pid) return;
      this.#pid = null;
      if (this.#isNeeded()) this.#reopen();
    });
    if (problem !== 0) {
      kill(pid);
      throw Object.assign(new Error("cannot watch the spawn server"), { errno: problem });
    }
    this.#pid = pid;
    return channel;
  }

  /** Starts another server. If that fails, the next request tries again, and the waiting requests fail at their deadline. */
  #reopen(): void {
    try {
      this.#open();
    } catch {
      // The machine has no process or memory left.
    }
  }

  /** Ends the server and drops the requests that it has not received, so that they are never executed. */
  discard(): void {
    const pid = this.#pid;
    this.#pid = null;
    if (pid !== null) libc.kill(pid, SIGNALS.SIGKILL); // the pid is still valid, because only the exit watch reaps this child
    if (this.#channel === null) return;
    libc.close(this.#channel.ours);
    libc.close(this.#channel.theirs);
    this.#channel = null;
  }
}

function kill(pid: number): void {
  libc.kill(pid, SIGNALS.SIGKILL);
  waitForChild(pid, 0);
}

function openChannel(): Channel {
  const [ours, theirs] = makeChannel();
  const size = new Int32Array([CHANNEL_BYTES]);
  // Only root may exceed net.core.wmem_max. Without root, the channel gets at most that size.
  for (const option of [SO_SNDBUFFORCE, SO_SNDBUF]) if (libc.setsockopt(ours, SOL_SOCKET, option, ptr(size), 4) === 0) break;
  return { ours, theirs };
}

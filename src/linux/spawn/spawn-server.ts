/** Starts the spawn server (spawn-server.c), sends it requests, and reads what the new processes report. */
import { ptr } from "bun:ffi";
import { SIGNALS } from "../../base/signals.ts";
import { SPAWN_STAGES, type SpawnStage } from "../../base/spawn-stages.ts";
import { type BareProgram, compileBare, makeChannel, sendWithDescriptors, startBare } from "../ffi/bare-process.ts";
import type { CExports, StructLayout } from "../ffi/c-exports.ts";
import { cstring, errno, libc, SYSCALL, syscall } from "../ffi/libc.ts";
import { type ExitWatcher, waitForChild } from "../processes/exit-watcher.ts";
// `text`, because a `file` import cannot be opened by the C compiler inside a compiled binary.
import source from "./spawn-server.c" with { type: "text" };
import { REQUEST_FIELDS, type RequestLayout } from "./spawn-request.ts";

/** The name of the server, and of its children before exec, in ps. */
const SERVER_NAME = "sup-spawn";

const MESSAGE_FIELDS = ["size_bytes", "has_cgroup", "descriptor_count", "own_memory"] as const;
const REPORT_FIELDS = ["pid", "stage", "error", "detail", "cgroup_error"] as const;

/** The descriptors that fit into one message, including the memfd, the pipe and the cgroup. */
export const MAX_DESCRIPTORS = 253;

export interface SpawnProgram {
  readonly bare: BareProgram;
  readonly request: RequestLayout;
  readonly message: StructLayout<(typeof MESSAGE_FIELDS)[number]>;
  readonly report: StructLayout<(typeof REPORT_FIELDS)[number]>;
  /** By the numbers that spawn-server.c uses. */
  readonly stages: ReadonlyMap<number, SpawnStage>;
}

/** Compiles spawn-server.c (about 5 ms). Throws, naming the field, stage or constant, where C and TypeScript differ. */
export function compileSpawnServer(scratch?: string, code = source): SpawnProgram {
  const bare = compileBare("spawn-server.c", code, scratch);
  const { exports } = bare;
  exports.expect({ MAX_DESCRIPTORS, limit: 24, "limit.id": 0, "limit.soft": 8, "limit.hard": 16 });
  return {
    bare,
    request: exports.struct("request", REQUEST_FIELDS),
    message: exports.struct("message", MESSAGE_FIELDS),
    report: exports.struct("report", REPORT_FIELDS),
    stages: stagesIn(exports),
  };
}

/** Stages that do not come from C: the user is looked up before, and without its cgroup a process runs all the same. */
const OTHER_STAGES: readonly SpawnStage[] = ["user", "cgroup"];

/** Throws when spawn-server.c and SPAWN_STAGES do not name the same stages. */
function stagesIn(exports: CExports): ReadonlyMap<number, SpawnStage> {
  const numbers = exports.constants("stage ");
  const stages = SPAWN_STAGES.filter((stage) => !OTHER_STAGES.includes(stage));
  const differing = [...stages.filter((stage) => !numbers.has(stage)), ...[...numbers.keys()].filter((name) => !stages.some((stage) => stage === name))]; // prettier-ignore
  if (differing.length > 0) throw new Error(`spawn-server.c and SPAWN_STAGES differ: ${differing.join(", ")}`);
  return new Map(stages.map((stage) => [numbers.get(stage)!, stage]));
}

/** The last report of a process that is being set up. */
export interface Report {
  readonly pid: number;
  readonly stage: SpawnStage;
  /** An errno; 0: it is at this stage. */
  readonly error: number;
  /** The index of the candidate, limit or descriptor. */
  readonly detail: number;
  /** The errno why it is not in its cgroup. */
  readonly cgroupError: number;
  /** After a failed exec of an existing file: the beginning of that file. */
  readonly firstLine: string | null;
}

/** Null: nothing was reported. */
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
  /** The write end of a pipe. */
  readonly reports: number;
  readonly cgroup: number | null;
  readonly fds: readonly number[];
  /** The new process must not share its memory with others before exec. */
  readonly ownMemory: boolean;
}

interface Channel {
  readonly ours: number;
  /** Stays open here: when the server is killed, the next one goes on with the requests that it has not received. */
  readonly theirs: number;
}

/** The channel is full, or too many descriptors are under way: EAGAIN, ENOMEM, ENOBUFS, ETOOMANYREFS. */
const BUSY = [11, 12, 105, 109];
const EAGAIN = 11;
/** The server only needs to clone to make room, and waits for nothing. */
const MAX_WAIT_MS = 1000;
const MFD_CLOEXEC = 1;
const LABEL = cstring("sup-spawn");

export class SpawnServer {
  readonly program: SpawnProgram;
  readonly #exits: ExitWatcher;
  #channel: Channel | null = null;
  #pid: number | null = null;
  /** Whether requests may be waiting, so that the server must be started again when it is killed. */
  readonly #isNeeded: () => boolean;

  /** Throws when C cannot be compiled here. */
  constructor(exits: ExitWatcher, scratch: string | undefined, isNeeded: () => boolean) {
    this.program = compileSpawnServer(scratch);
    this.#exits = exits;
    this.#isNeeded = isNeeded;
  }

  get pid(): number | null {
    return this.#pid;
  }

  /**
   * Sends an encoded request with descriptors. Returns 0 or an errno. Waits while the channel is full, at most a second.
   */
  send(request: Buffer, { reports, cgroup, fds, ownMemory }: Passed): number {
    const { message } = this.program;
    const memory = syscall(SYSCALL.memfd_create, ptr(LABEL), MFD_CLOEXEC);
    if (memory < 0) return errno();
    try {
      if (Number(libc.write(memory, ptr(request), request.length)) !== request.length) return errno();
      const all = [memory, reports, ...(cgroup === null ? [] : [cgroup]), ...fds];
      const words = message.fill({
        size_bytes: request.length,
        has_cgroup: Number(cgroup !== null),
        descriptor_count: all.length,
        own_memory: Number(ownMemory),
      });
      const { ours } = this.#open();
      const end = performance.now() + MAX_WAIT_MS;
      for (;;) {
        const error = sendWithDescriptors(ours, words, all);
        if (!BUSY.includes(error)) return error;
        if (performance.now() > end) {
          this.discard();
          return error;
        }
        Bun.sleepSync(1);
      }
    } catch (error) {
      return (error as { errno?: number }).errno ?? EAGAIN; // the server was killed, and there can be no other now
    } finally {
      libc.close(memory);
    }
  }

  /** Starts the server unless it runs. Throws when that is not possible. */
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

  /** If there can be no server now, the next request tries again, and those that wait fail at their deadline. */
  #reopen(): void {
    try {
      this.#open();
    } catch {
      // No processes or memory.
    }
  }

  /** Ends the server and drops the requests that it has not received, so that they are never executed. */
  discard(): void {
    const pid = this.#pid;
    this.#pid = null;
    if (pid !== null) libc.kill(pid, SIGNALS.SIGKILL); // our child, which is waited for only by its watch
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
  return { ours, theirs };
}

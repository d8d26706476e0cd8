/** Reads many processes from /proc in one call of C (process-stats.c). */
import { ptr } from "bun:ffi";
import type { StructLayout } from "../ffi/c-exports.ts";
import { compileC, type Functions } from "../ffi/compile-c.ts";
import { openFiles } from "./process-details.ts";
import type { Stat } from "./proc.ts";
// The type is `text`, because the C compiler cannot open a `file` import inside a compiled executable.
import source from "./process-stats.c" with { type: "text" };

const FUNCTIONS = {
  sup_read_processes: { args: ["ptr"], returns: "int" },
  sup_count_descriptors: { args: ["ptr"], returns: "int" },
  sup_read_cpu_times: { args: ["ptr"], returns: "int" },
  sup_read_descendants: { args: ["ptr"], returns: "int" },
} as const;
// prettier-ignore
const PROCESS_FIELDS = [
  "pid", "state", "parent", "group", "session", "threads", "cpu_ticks", "waited_ticks", "resident_pages", "start_ticks",
  "environment_end", "wait_status", "name",
] as const;
const REQUEST_FIELDS = ["pids", "kept", "processes", "results", "count"] as const;
const CPU_FIELDS = ["files", "times", "count"] as const;
const DESCENT_FIELDS = ["pids", "count", "room", "skipped", "skipped_count", "processes", "results"] as const;

type Field = (typeof PROCESS_FIELDS)[number];

export interface ProcessStats {
  /**
   * Returns the stats of these processes. Processes that do not exist are skipped. Throws if no descriptor is left. If `kept`
   * contains a pid, the descriptor of its /proc/PID/stat stays open, because reading it again takes half the time. The map
   * receives that descriptor, or NOT_OPEN. The caller closes the descriptor when it removes the pid from the map.
   */
  read(pids: readonly number[], kept?: Map<number, number>): Stat[];
  /**
   * Returns the roots and their descendants, without those in `skipped`. The value is null if a process has no stat any more.
   * A dead process has no descendants, because its children became orphans.
   */
  readDescendants(roots: readonly number[], skipped?: ReadonlySet<number>): Map<number, Stat | null>;
  /** Returns the number of open descriptors of each process, or null for those that have ended or that we may not inspect. */
  countDescriptors(pids: readonly number[]): Array<number | null>;
  /**
   * Returns the CPU time of cgroups in microseconds, given descriptors of their files `cpu.stat`. The time is -1 if it is unknown. The
   * result is valid until the next call.
   */
  readCpuTimes(files: readonly number[]): Float64Array;
}

/** The values of NONE, ONCE and SKIPPED in process-stats.c. */
export const NOT_OPEN = -1;
const NOT_KEPT = -2;
const SKIPPED = 2;
const ENOSPC = 28;

/** The number of processes per call, which limits the memory for the results. */
const AT_ONCE = 256;

/** Compiles process-stats.c. Throws if this machine cannot compile, or if C and TypeScript differ. */
export function compileProcessStats(scratch?: string, code = source): ProcessStats {
  const { functions, exports } = compileC("process-stats.c", code, FUNCTIONS, scratch);
  exports.expect({ NONE: NOT_OPEN >>> 0, ONCE: NOT_KEPT >>> 0, SKIPPED });
  return new NativeStats(functions, {
    process: exports.struct("process", PROCESS_FIELDS),
    request: exports.struct("request", REQUEST_FIELDS),
    cpu: exports.struct("cpu_request", CPU_FIELDS),
    descent: exports.struct("descent", DESCENT_FIELDS),
  });
}

interface Layouts {
  readonly process: StructLayout<Field>;
  readonly request: StructLayout<(typeof REQUEST_FIELDS)[number]>;
  readonly cpu: StructLayout<(typeof CPU_FIELDS)[number]>;
  readonly descent: StructLayout<(typeof DESCENT_FIELDS)[number]>;
}

class NativeStats implements ProcessStats {
  readonly #functions: Functions<typeof FUNCTIONS>;
  readonly #layouts: Layouts;
  /** The positions of the numbers in struct process, in units of 8 bytes. */
  readonly #at: Readonly<Record<Field, number>>;
  #room = 0;
  #pids = new Int32Array();
  #descriptors = new Int32Array();
  #results = new Int32Array();
  #bytes = Buffer.alloc(0);
  #doubles = new Float64Array();
  #cpuFiles = new Int32Array(AT_ONCE);
  #cpuTimes = new Float64Array(AT_ONCE);

  constructor(functions: Functions<typeof FUNCTIONS>, layouts: Layouts) {
    this.#functions = functions;
    this.#layouts = layouts;
    const { process } = layouts;
    this.#at = Object.fromEntries(PROCESS_FIELDS.map((field) => [field, process.offsetOf(field) / 8])) as Record<Field, number>;
    this.#allocate(AT_ONCE);
  }

  read(all: readonly number[], kept?: Map<number, number>): Stat[] {
    const stats: Stat[] = [];
    const [descriptors, results] = [this.#descriptors, this.#results];
    for (const part of slices(all)) {
      if (kept === undefined) descriptors.fill(NOT_KEPT);
      else part.forEach((pid, i) => (descriptors[i] = kept.get(pid) ?? NOT_KEPT));
      this.#call("sup_read_processes", part);
      if (kept !== undefined) part.forEach((pid, i) => descriptors[i] !== NOT_KEPT && kept.set(pid, descriptors[i]!));
      for (let i = 0; i < part.length; i++) {
        if (results[i]! < 0) throw failure(-results[i]!);
        if (results[i] === 1) stats.push(this.#statAt(i));
      }
    }
    return stats;
  }

  readDescendants(roots: readonly number[], skipped?: ReadonlySet<number>): Map<number, Stat | null> {
    if (roots.length === 0) return new Map();
    if (roots.length > this.#room) this.#allocate(2 * roots.length);
    this.#pids.set(roots);
    const skip = Int32Array.from(skipped ?? []);
    const descent = this.#layouts.descent.fill({
      pids: ptr(this.#pids),
      count: roots.length,
      room: this.#room,
      skipped: skip.length > 0 ? ptr(skip) : 0,
      skipped_count: skip.length,
      processes: ptr(this.#bytes),
      results: ptr(this.#results),
    });
    const error = -this.#functions.sup_read_descendants(ptr(descent));
    if (error === ENOSPC) {
      this.#allocate(2 * this.#room);
      return this.readDescendants(roots, skipped);
    }
    if (error !== 0) throw failure(error);
    const found = new Map<number, Stat | null>();
    const count = this.#layouts.descent.getInt(descent, "count");
    for (let i = 0; i < count; i++) {
      if (this.#results[i] !== SKIPPED) found.set(this.#pids[i]!, this.#results[i] === 1 ? this.#statAt(i) : null);
    }
    return found;
  }

  countDescriptors(all: readonly number[]): Array<number | null> {
    return slices(all).flatMap((part) => {
      this.#call("sup_count_descriptors", part);
      // Before Linux 6.2 the size of the directory is 0.
      return part.map((pid, i) => (this.#results[i]! > 0 ? this.#results[i]! : this.#results[i] === 0 ? openFiles(pid) : null));
    });
  }

  readCpuTimes(files: readonly number[]): Float64Array {
    if (files.length > this.#cpuFiles.length) {
      this.#cpuFiles = new Int32Array(2 * files.length);
      this.#cpuTimes = new Float64Array(2 * files.length);
    }
    this.#cpuFiles.set(files);
    const request = this.#layouts.cpu.fill({ files: ptr(this.#cpuFiles), times: ptr(this.#cpuTimes), count: files.length });
    this.#functions.sup_read_cpu_times(ptr(request));
    return this.#cpuTimes.subarray(0, files.length);
  }

  #call(name: "sup_read_processes" | "sup_count_descriptors", pids: readonly number[]): void {
    this.#pids.set(pids);
    const request = this.#layouts.request.fill({
      pids: ptr(this.#pids),
      kept: ptr(this.#descriptors),
      processes: ptr(this.#bytes),
      results: ptr(this.#results),
      count: pids.length,
    });
    this.#functions[name](ptr(request));
  }

  #statAt(index: number): Stat {
    const [bytes, doubles, at] = [this.#bytes, this.#doubles, this.#at];
    const begin = index * this.#layouts.process.sizeBytes;
    const first = begin / 8;
    const nameAt = begin + 8 * at.name;
    return {
      pid: doubles[first + at.pid]!,
      name: bytes.toString("latin1", nameAt, bytes.indexOf(0, nameAt)),
      state: String.fromCharCode(doubles[first + at.state]!),
      parent: doubles[first + at.parent]!,
      group: doubles[first + at.group]!,
      session: doubles[first + at.session]!,
      threads: doubles[first + at.threads]!,
      cpuTicks: doubles[first + at.cpu_ticks]!,
      waitedTicks: doubles[first + at.waited_ticks]!,
      residentPages: doubles[first + at.resident_pages]!,
      startTicks: doubles[first + at.start_ticks]!,
      environmentEnd: doubles[first + at.environment_end]!,
      waitStatus: doubles[first + at.wait_status]!,
    };
  }

  #allocate(room: number): void {
    this.#room = room;
    this.#pids = new Int32Array(room);
    this.#descriptors = new Int32Array(room);
    this.#results = new Int32Array(room);
    this.#bytes = Buffer.alloc(room * this.#layouts.process.sizeBytes);
    this.#doubles = new Float64Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length / 8);
  }
}

const failure = (errno: number): Error => Object.assign(new Error(`cannot read /proc: errno ${errno}`), { errno });

function slices(pids: readonly number[]): ReadonlyArray<readonly number[]> {
  if (pids.length <= AT_ONCE) return [pids];
  return Array.from({ length: Math.ceil(pids.length / AT_ONCE) }, (_, i) => pids.slice(i * AT_ONCE, (i + 1) * AT_ONCE));
}

/** Reads many processes from /proc in one call of C (process-stats.c). */
import { ptr } from "bun:ffi";
import { compileC } from "../ffi/compile-c.ts";
import { openFiles } from "./process-details.ts";
import type { Stat } from "./proc.ts";
// `text`, because a `file` import cannot be opened by the C compiler inside a compiled binary.
import source from "./process-stats.c" with { type: "text" };

const FUNCTIONS = {
  sup_read_processes: { args: ["ptr"], returns: "int" },
  sup_count_descriptors: { args: ["ptr"], returns: "int" },
} as const;
// prettier-ignore
const PROCESS_FIELDS = [
  "pid", "state", "parent", "group", "session", "threads", "cpu_ticks", "waited_ticks", "resident_pages", "start_ticks",
  "environment_end", "wait_status", "name",
] as const;
const REQUEST_FIELDS = ["pids", "kept", "processes", "results", "count"] as const;

export interface ProcessStats {
  /**
   * Returns the stats of these processes. Processes that do not exist are skipped. Throws if no descriptor is left. For each pid in
   * `kept` the descriptor of /proc/PID/stat stays open, and the map receives it (NOT_OPEN for none): reading it again takes half the
   * time. The caller closes it when it removes the pid from the map.
   */
  read(pids: readonly number[], kept?: Map<number, number>): Stat[];
  /** Returns the number of open descriptors of each process, or null for those that have ended or that we may not inspect. */
  countDescriptors(pids: readonly number[]): Array<number | null>;
}

/** The values of NONE and ONCE in process-stats.c. */
export const NOT_OPEN = -1;
const NOT_KEPT = -2;

/** The number of processes per call, which limits the memory for the results. */
const AT_ONCE = 256;

/** Compiles process-stats.c. Throws if this machine cannot compile, or if C and TypeScript differ. */
export function compileProcessStats(scratch?: string, code = source): ProcessStats {
  const { functions, exports } = compileC("process-stats.c", code, FUNCTIONS, scratch);
  exports.expect({ NONE: NOT_OPEN >>> 0, ONCE: NOT_KEPT >>> 0 });
  const layout = exports.struct("process", PROCESS_FIELDS);
  const request = exports.struct("request", REQUEST_FIELDS);
  const pids = new Int32Array(AT_ONCE);
  const descriptors = new Int32Array(AT_ONCE);
  const results = new Int32Array(AT_ONCE);
  const bytes = Buffer.alloc(AT_ONCE * layout.sizeBytes);
  const doubles = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  const words = layout.sizeBytes / 8;
  const [pid, state, parent, group, session, threads, cpu, waited, resident, start, environment, wait] = PROCESS_FIELDS.slice(0, -1).map(
    (field) => layout.offsetOf(field) / 8,
  ) as [number, number, number, number, number, number, number, number, number, number, number, number];
  const nameAt = layout.offsetOf("name");

  const call = (name: keyof typeof FUNCTIONS, part: readonly number[]): void => {
    pids.set(part);
    functions[name](
      ptr(request.fill({ pids: ptr(pids), kept: ptr(descriptors), processes: ptr(bytes), results: ptr(results), count: part.length })),
    );
  };
  const statAt = (index: number): Stat => {
    const at = index * words;
    const nameFrom = index * layout.sizeBytes + nameAt;
    return {
      pid: doubles[at + pid]!,
      name: bytes.toString("latin1", nameFrom, bytes.indexOf(0, nameFrom)),
      state: String.fromCharCode(doubles[at + state]!),
      parent: doubles[at + parent]!,
      group: doubles[at + group]!,
      session: doubles[at + session]!,
      threads: doubles[at + threads]!,
      cpuTicks: doubles[at + cpu]!,
      waitedTicks: doubles[at + waited]!,
      residentPages: doubles[at + resident]!,
      startTicks: doubles[at + start]!,
      environmentEnd: doubles[at + environment]!,
      waitStatus: doubles[at + wait]!,
    };
  };
  return {
    read(all, kept) {
      const stats: Stat[] = [];
      for (const part of slices(all)) {
        if (kept === undefined) descriptors.fill(NOT_KEPT);
        else part.forEach((one, i) => (descriptors[i] = kept.get(one) ?? NOT_KEPT));
        call("sup_read_processes", part);
        if (kept !== undefined) part.forEach((one, i) => descriptors[i] !== NOT_KEPT && kept.set(one, descriptors[i]!));
        for (let i = 0; i < part.length; i++) {
          if (results[i]! < 0) throw Object.assign(new Error(`cannot read /proc/${part[i]}/stat`), { errno: -results[i]! });
          if (results[i] === 1) stats.push(statAt(i));
        }
      }
      return stats;
    },
    countDescriptors(all) {
      return slices(all).flatMap((part) => {
        call("sup_count_descriptors", part);
        // Before Linux 6.2 the size of the directory is 0.
        return part.map((one, i) => (results[i]! > 0 ? results[i]! : results[i] === 0 ? openFiles(one) : null));
      });
    },
  };
}

function slices(pids: readonly number[]): ReadonlyArray<readonly number[]> {
  if (pids.length <= AT_ONCE) return [pids];
  return Array.from({ length: Math.ceil(pids.length / AT_ONCE) }, (_, i) => pids.slice(i * AT_ONCE, (i + 1) * AT_ONCE));
}

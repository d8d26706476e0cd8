import type { ProbeResult } from "../../ports/prober.ts";
import type { Processes, ProcessRef } from "../../ports/processes.ts";

/** Passes if the process is alive, is not a zombie, and is not suspended (SIGSTOP). */
export function probeProcess(processes: Pick<Processes, "condition">, main: ProcessRef | null): ProbeResult {
  if (main === null) return { kind: "bad", detail: "there is no process", responseMs: 0 };
  const condition = processes.condition(main);
  const detail = `process ${main.pid} ${WORDS[condition]}`;
  return { kind: condition === "running" ? "ok" : "bad", detail, responseMs: 0 };
}

const WORDS = {
  running: "is running",
  stopped: "is stopped (SIGSTOP or a debugger)",
  zombie: "is a zombie",
  gone: "is gone",
} as const;

import { signalName } from "./signals.ts";

/**
 * How a process ended, as reported by the kernel. The kind is `lost` if the process ended while no daemon could collect its
 * exit status.
 */
export type Exit =
  | { readonly kind: "code"; readonly code: number }
  /** `oom` is set if the kernel's OOM killer sent the signal. */
  | { readonly kind: "signal"; readonly signal: number; readonly core: boolean; readonly oom?: true }
  | { readonly kind: "lost" };

/** Decodes a wait status (wait(2)). Its low 7 bits hold the signal, bit 7 is the core dump flag, and the next byte holds the exit code. */
export function decodeWaitStatus(status: number): Exit {
  const signal = status & 0x7f;
  if (signal === 0) return { kind: "code", code: (status >> 8) & 0xff };
  return { kind: "signal", signal, core: (status & 0x80) !== 0 };
}

/**
 * Returns the exit as one number, like `$?` in a shell: the exit code, or 128 plus the signal number. Returns null if the
 * status is unknown.
 */
export function exitNumber(exit: Exit): number | null {
  if (exit.kind === "code") return exit.code;
  return exit.kind === "signal" ? 128 + exit.signal : null;
}

/**
 * Describes an exit for users: "exit code 3", "killed by SIGKILL", "killed by SIGSEGV (core dumped)", "killed by SIGKILL (out
 * of memory)", or "exit status unknown".
 */
export function describeExit(exit: Exit): string {
  if (exit.kind === "code") return `exit code ${exit.code}`;
  if (exit.kind === "signal" && exit.oom) return `killed by ${signalName(exit.signal)} (out of memory)`;
  if (exit.kind === "signal") return `killed by ${signalName(exit.signal)}${exit.core ? " (core dumped)" : ""}`;
  return "exit status unknown";
}

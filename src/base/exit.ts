import { signalName } from "./signals.ts";

/** How a process ended, as reported by the kernel. `lost`: it ended while no daemon could collect the status. */
export type Exit =
  | { readonly kind: "code"; readonly code: number }
  /** `oom`: the OOM killer of the kernel sent the signal. */
  | { readonly kind: "signal"; readonly signal: number; readonly core: boolean; readonly oom?: true }
  | { readonly kind: "lost" };

/** Decodes a wait status (wait(2)): low 7 bits the signal, bit 7 the core flag, next byte the exit code. */
export function decodeWaitStatus(status: number): Exit {
  const signal = status & 0x7f;
  if (signal === 0) return { kind: "code", code: (status >> 8) & 0xff };
  return { kind: "signal", signal, core: (status & 0x80) !== 0 };
}

/** The exit as one number, like `$?` in a shell: the code, or 128 + signal; null if unknown. */
export function exitNumber(exit: Exit): number | null {
  if (exit.kind === "code") return exit.code;
  return exit.kind === "signal" ? 128 + exit.signal : null;
}

/** "exit code 3", "killed by SIGKILL", "killed by SIGSEGV (core dumped)", "killed by SIGKILL (out of memory)", "exit status unknown". */
export function describeExit(exit: Exit): string {
  if (exit.kind === "code") return `exit code ${exit.code}`;
  if (exit.kind === "signal" && exit.oom) return `killed by ${signalName(exit.signal)} (out of memory)`;
  if (exit.kind === "signal") return `killed by ${signalName(exit.signal)}${exit.core ? " (core dumped)" : ""}`;
  return "exit status unknown";
}

import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Programs that the command line runs for a person. Services are started by `processes.ts` and never by these. */

/** Runs a program on this terminal and waits for it: its exit code, or null when it cannot be started. */
export async function runInteractive(command: readonly string[]): Promise<number | null> {
  try {
    return await Bun.spawn([...command], { stdio: ["inherit", "inherit", "inherit"] }).exited;
  } catch {
    return null; // no such program, or not ours to run; the caller names it
  }
}

/**
 * Starts this program again with other arguments, in a session of its own, so that it outlives the terminal. What it writes
 * goes to `outputFile`, made anew with mode 0600. `exited` settles only while this process waits for it.
 */
export function detachSelf(args: readonly string[], outputFile: string): { readonly pid: number; readonly exited: Promise<number> } {
  mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, "w", 0o600);
  try {
    // A BUN_* variable can change the runtime under the daemon (preloads, no orphans), so none goes along.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BUN_")));
    const self = Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
    const child = Bun.spawn([...self, ...args], { detached: true, env, stdio: ["ignore", output, output] });
    child.unref();
    return { pid: child.pid, exited: child.exited };
  } finally {
    closeSync(output);
  }
}

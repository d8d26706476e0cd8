import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** Runs programs for the user of the command line. This file never starts services, which `processes.ts` does. */

/** Runs a program on this terminal and waits for it. Returns its exit code, or null if it cannot be started. */
export async function runInteractive(command: readonly string[]): Promise<number | null> {
  try {
    return await Bun.spawn([...command], { stdio: ["inherit", "inherit", "inherit"] }).exited;
  } catch {
    return null; // the program does not exist or may not be executed; the caller reports that
  }
}

/**
 * Starts this program with other arguments in its own session, so that it outlives the terminal. Its output goes to
 * `outputFile`, which is truncated and has mode 0600. `exited` does not keep this process alive.
 */
export function detachSelf(args: readonly string[], outputFile: string): { readonly pid: number; readonly exited: Promise<number> } {
  mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, "w", 0o600);
  try {
    // BUN_* variables can change the daemon's runtime (for example preload modules), so they are removed.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BUN_")));
    const self = Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
    const child = Bun.spawn([...self, ...args], { detached: true, env, stdio: ["ignore", output, output] });
    child.unref();
    return { pid: child.pid, exited: child.exited };
  } finally {
    closeSync(output);
  }
}

/** For `sup upgrade`: reads how a daemon was started, starts it again in the same way, and runs new programs on trial. */
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { SIGNALS } from "../../base/signals.ts";
import { signalProcess } from "../processes/pidfd.ts";
import { readStat } from "../proc/proc.ts";

export interface LaunchCommand {
  readonly pid: number;
  /** The start time. Together with the pid it identifies the process, even if the pid is reused. */
  readonly startTicks: number;
  /** The path of the executable, which may have been replaced since the start. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
}

/** Returns null if there is no such process, or if this user may not inspect it. */
export function readLaunchCommand(pid: number): LaunchCommand | null {
  try {
    const env = readStrings(pid, "environ").map(
      (entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)] as const,
    );
    const stat = readStat(pid);
    if (stat === null) return null;
    return {
      pid,
      startTicks: stat.startTicks,
      program: readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ""),
      args: readStrings(pid, "cmdline").slice(1),
      // Leave out the variables that were meant only for that one start.
      env: Object.fromEntries(env.filter(([name]) => name !== "SUP_HANDOVER_FD" && !name.startsWith("BUN_"))),
      directory: readlinkSync(`/proc/${pid}/cwd`),
    };
  } catch {
    return null;
  }
}

const readStrings = (pid: number, file: string): string[] => readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").slice(0, -1);

/** Starts the program again in its own session. Its output is appended to the file. */
export function relaunch({ program, args, env, directory }: LaunchCommand, outputFile: string): void {
  mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, "a", 0o600);
  try {
    Bun.spawn([program, ...args], { detached: true, env, cwd: directory, stdio: ["ignore", output, output] }).unref();
  } finally {
    closeSync(output);
  }
}

/** Sends SIGKILL to exactly this process. */
export const killLaunched = (launch: LaunchCommand): boolean => signalProcess(launch, SIGNALS.SIGKILL);

export interface ProgramResult {
  /** The exit code, or null if the program could not be started or was killed after the timeout. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program until it ends or the timeout kills it. Returns what it wrote to stdout and stderr. */
export async function runWithTimeout(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<ProgramResult> {
  try {
    const child = Bun.spawn([...command], { env, stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" });
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code: child.signalCode === null ? code : null, output: (out + err).trim() };
  } catch (error) {
    return { code: null, output: error instanceof Error ? error.message : String(error) };
  }
}

export interface Trial {
  readonly exited: Promise<number>;
  output(): string;
  kill(): void;
}

/** Starts a program that the caller ends with `kill`. */
export function startTrial(command: readonly string[], env: Readonly<Record<string, string>>, outputFile: string): Trial {
  const output = openSync(outputFile, "w", 0o600);
  try {
    const child = Bun.spawn([...command], { env, stdio: ["ignore", output, output] });
    return { exited: child.exited, output: () => readFileSync(outputFile, "utf8").trim(), kill: () => child.kill("SIGKILL") };
  } finally {
    closeSync(output);
  }
}

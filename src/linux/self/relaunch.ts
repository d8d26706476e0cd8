/** How a daemon was started, to start it again in the same way; and programs that are only tried. */
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { SIGNALS } from "../../base/signals.ts";
import { signalProcess } from "../processes/pidfd.ts";
import { readStat } from "../proc/proc.ts";

export interface LaunchCommand {
  readonly pid: number;
  /** With the pid it names the process for good. */
  readonly startTicks: number;
  /** The file that it runs, or ran from before it was replaced. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
}

/** Null when there is no such process, or it is not ours to look at. */
export function readLaunchCommand(pid: number): LaunchCommand | null {
  try {
    const env = textsOf(pid, "environ").map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)] as const);
    const stat = readStat(pid);
    if (stat === null) return null;
    return {
      pid,
      startTicks: stat.startTicks,
      program: readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ""),
      args: textsOf(pid, "cmdline").slice(1),
      // Not what was for that one start alone.
      env: Object.fromEntries(env.filter(([name]) => name !== "SUP_HANDOVER_FD" && !name.startsWith("BUN_"))),
      directory: readlinkSync(`/proc/${pid}/cwd`),
    };
  } catch {
    return null;
  }
}

const textsOf = (pid: number, file: string): string[] => readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").slice(0, -1);

/** Starts it again, in a session of its own; what it writes is added to the file. */
export function relaunch({ program, args, env, directory }: LaunchCommand, outputFile: string): void {
  mkdirSync(dirname(outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(outputFile, "a", 0o600);
  try {
    Bun.spawn([program, ...args], { detached: true, env, cwd: directory, stdio: ["ignore", output, output] }).unref();
  } finally {
    closeSync(output);
  }
}

/** SIGKILL to exactly this process. */
export const killLaunched = (launch: LaunchCommand): boolean => signalProcess(launch, SIGNALS.SIGKILL);

export interface ProgramResult {
  /** Null: it could not be started, or did not end in time and was killed. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end, at most so long, and gives what it said on both outputs. */
export async function runWithTimeout(command: readonly string[], env: Readonly<Record<string, string>>, timeoutMs: number): Promise<ProgramResult> {
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

/** Starts a program that is ended by the caller. */
export function startTrial(command: readonly string[], env: Readonly<Record<string, string>>, outputFile: string): Trial {
  const output = openSync(outputFile, "w", 0o600);
  try {
    const child = Bun.spawn([...command], { env, stdio: ["ignore", output, output] });
    return { exited: child.exited, output: () => readFileSync(outputFile, "utf8").trim(), kill: () => child.kill("SIGKILL") };
  } finally {
    closeSync(output);
  }
}

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Throw when it ends with anything but 0. */
  readonly mustSucceed?: boolean;
}

/** Runs a command to its end; one that takes too long is killed and has code 137. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env, timeoutMs = 60_000, mustSucceed = false } = options;
  const child = Bun.spawn([...command], {
    env: { ...clean(process.env), ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  if (mustSucceed && code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${stdout}${stderr}`.slice(0, 2000));
  return { code, stdout, stderr };
}

/** Milliseconds of wall time that a command takes, its output thrown away. Throws when it fails. */
export async function time(command: readonly string[], env: Readonly<Record<string, string>> = {}, timeoutMs = 60_000): Promise<number> {
  const begin = performance.now();
  const child = Bun.spawn([...command], {
    env: { ...clean(process.env), ...env },
    stdio: ["ignore", "ignore", "ignore"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const code = await child.exited;
  const took = performance.now() - begin;
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}`);
  return took;
}

/** The environment without what would steer a Bun program: none of the peers is to run under a benchmark's flags. */
export const clean = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => !entry[0].startsWith("BUN_") && entry[1] !== undefined),
  );

/** Fields of /proc/PID/stat after the name: state first. Null when there is no such process. */
function stat(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

export const alive = (pid: number): boolean => (stat(pid)?.[0] ?? "Z") !== "Z";

/** Nanoseconds of CPU that a process has used, over all its threads; of threads that have ended, to the clock tick. */
export function cpuNs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, tid) => sum + Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "latin1").split(" ")[0]), 0);
  } catch {
    return 0;
  }
}

/** Resident memory in MB (10^6 bytes), file-backed pages included. */
export function rssMb(pid: number): number {
  try {
    return (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

/** Direct children. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(stat(Number(name))?.[1]) === pid)
    .map(Number);
}

/** The process runs this very file. */
export function runs(pid: number, program: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === program;
  } catch {
    return false;
  }
}

/** SIGKILL to those of the pids that still run this very program; a pid may be somebody else's by now. */
export function killRunning(pids: Iterable<number>, program: string): number {
  let killed = 0;
  for (const pid of pids) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) !== program) continue;
      process.kill(pid, "SIGKILL");
      killed++;
    } catch {
      // it is gone
    }
  }
  return killed;
}

/** Waits until the condition holds, looking every 2 ms; throws after the time. */
export async function until(condition: () => boolean, what: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await Bun.sleep(2);
  }
}

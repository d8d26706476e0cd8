import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Throws if the exit code is not 0. */
  readonly mustSucceed?: boolean;
}

/** Runs a command to its end. A command that takes too long is killed, and its exit code is 137. */
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

/** Returns the wall time of a command in milliseconds. The command's output is discarded. Throws if the command fails. */
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

/** Returns the environment without variables that affect Bun programs. Otherwise a peer would run with the benchmark's flags. */
export const clean = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => !entry[0].startsWith("BUN_") && entry[1] !== undefined),
  );

/** Returns the path of a program, also in directories that were added to PATH after the start of this process. */
export const which = (program: string): string | null => Bun.which(program, { PATH: process.env.PATH ?? "" });

/** Returns options for `Bun.spawn`: no input, no output, and the present environment with these variables. */
export const quiet = (env: Readonly<Record<string, string>> = {}): QuietOptions => ({
  env: { ...clean(process.env), ...env },
  stdio: ["ignore", "ignore", "ignore"],
});

interface QuietOptions {
  readonly env: Record<string, string>;
  readonly stdio: ["ignore", "ignore", "ignore"];
}

/** Returns the fields of /proc/PID/stat after the name, beginning with the state. Returns null if there is no such process. */
function stat(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** Returns the kernel's name of the process, or null if there is no such process. */
export function nameOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trimEnd();
  } catch {
    return null;
  }
}

export const alive = (pid: number): boolean => (stat(pid)?.[0] ?? "Z") !== "Z";

/** Returns the CPU time in nanoseconds that the process's current threads have used. */
export function cpuNs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, tid) => sum + Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "latin1").split(" ")[0]), 0);
  } catch {
    return 0;
  }
}

/** Returns the resident memory in MB (10^6 bytes), including file-backed pages. */
export function rssMb(pid: number): number {
  try {
    return (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

/**
 * Returns the memory in MB (10^6 bytes) of a process and its share of pages that it has in common with others (PSS). Returns 0
 * if the process may not be inspected.
 */
export function pssMb(pid: number): number {
  try {
    return (Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

/** Returns the direct children of a process. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(stat(Number(name))?.[1]) === pid)
    .map(Number);
}

/**
 * Returns the pid that this process sees of a process in another pid namespace. `init` is the first process of that namespace,
 * and `inner` the pid in it. Throws if there is no such child of `init`.
 */
export function pidInNamespace(init: number, inner: number): number {
  const found = childrenOf(init).find((pid) => innerPid(pid) === inner);
  if (found === undefined) throw new Error(`process ${inner} of the sandbox has ended`);
  return found;
}

function innerPid(pid: number): number | null {
  try {
    return Number(/^NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]);
  } catch {
    return null;
  }
}

/** Returns true if the process runs this file. */
export function runs(pid: number, program: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`) === program;
  } catch {
    return false;
  }
}

/**
 * Sends SIGKILL to the processes that still run this program. A pid that another program has reused is skipped. Returns the
 * number of killed processes.
 */
export function killRunning(pids: Iterable<number>, program: string): number {
  let killed = 0;
  for (const pid of pids) {
    try {
      if (readlinkSync(`/proc/${pid}/exe`) !== program) continue;
      process.kill(pid, "SIGKILL");
      killed++;
    } catch {
      // the process has ended
    }
  }
  return killed;
}

/** Polls the condition every 2 ms until it holds. Throws after `timeoutMs`. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`timed out after ${timeoutMs} ms waiting for ${what}`);
    await Bun.sleep(2);
  }
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for its standard input; none is the null device. */
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

/** Runs a program to its end. One that goes on past the time is killed, and its code is 137. */
export async function run(command: readonly string[], { env = {}, cwd = "/", stdin, timeoutMs = 30_000 }: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn([...command], {
    env,
    cwd,
    stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, stdout, stderr };
}

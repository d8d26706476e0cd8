export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The input on the program's standard input. Without it, standard input is /dev/null. */
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

/** Runs a program until it exits. After `timeoutMs` the program is killed, and its exit code is 137. */
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

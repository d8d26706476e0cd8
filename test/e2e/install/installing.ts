import { INSTALLER, type Site } from "./releases.ts";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The shell that runs it; default: `sh`. */
  readonly shell?: string;
  /** A command that runs it as another user or with another mount. */
  readonly become?: readonly string[];
  /** The script to run, if not the site's. */
  readonly script?: string;
}

export interface Installing {
  readonly result: Promise<Result>;
  /** Signals the whole pipeline, as a terminal does. */
  signal(signal: NodeJS.Signals): void;
}

/** Runs `curl -fsSL SITE/install.sh | sh -s -- ARGS` in its own session, so there is no terminal to ask questions on. */
export function piped(
  site: Site,
  args: readonly string[],
  { home = "/", env = {}, shell = "sh", become = [], script }: Options,
): Installing {
  const source = script === undefined ? `${Bun.which("curl")} -fsSL '${site.url}/install.sh'` : `${Bun.which("cat")} '${INSTALLER}'`;
  const [name, ...applet] = shell.split(" ");
  const reader = [Bun.which(name!), ...applet].join(" ");
  const child = Bun.spawn([...become, "/bin/sh", "-c", `${source} | ${reader} -s -- "$@"`, "sh", ...args], {
    env: { PATH: process.env.PATH!, HOME: home, SHELL: "/bin/sh", SUP_BASE_URL: site.url, NO_COLOR: "1", ...env },
    cwd: home,
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 40_000,
    killSignal: "SIGKILL",
  });
  const result = Promise.all([child.exited, child.stdout.text(), child.stderr.text()]).then(([code, stdout, stderr]) => ({
    code,
    stdout,
    stderr,
  }));
  return { result, signal: (signal) => void process.kill(-child.pid, signal) };
}

export async function inDirectory(command: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<Result> {
  const child = Bun.spawn([...command], {
    env: { PATH: process.env.PATH!, HOME: cwd, ...env },
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, stdout, stderr };
}

export const linesOf = (text: string): string[] => text.trimEnd().split("\n");

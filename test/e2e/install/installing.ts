import { INSTALLER, type Site } from "./releases.ts";

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run by this shell; `sh` otherwise. */
  readonly shell?: string;
  /** The program that it is run by: another user, another mount. */
  readonly become?: readonly string[];
  /** The script, where it is not to come from the site. */
  readonly script?: string;
}

export interface Installing {
  readonly result: Promise<Result>;
  /** To the whole pipe, as a terminal does it. */
  signal(signal: NodeJS.Signals): void;
}

/** `curl -fsSL SITE/install.sh | sh -s -- ARGS`, in a session of its own: nobody is asked, for there is no terminal. */
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

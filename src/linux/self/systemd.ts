/** Access to the machine's systemd through its programs systemctl and loginctl. */
import { existsSync } from "node:fs";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Returns true if systemd is the machine's init. This is the same check as in sd_booted(3). */
export const isSystemdInit = (): boolean => existsSync("/run/systemd/system");

/** The runtime directory of a user. It exists while the user has a session or lingers (pam_systemd(8)). */
export const runtimeDirectory = (uid: number): string => `/run/user/${uid}`;

/** Where a program runs, and after how many milliseconds it is killed, which gives the exit code 137. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Runs the program in a session of its own, so that Ctrl-C in the terminal does not reach it. */
  readonly detached?: boolean;
}

/** Runs a program until it ends and returns its output. The exit code is 127 if there is no such program. */
export async function runCommand(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { cwd, timeoutMs, detached = false }: CommandOptions = {},
): Promise<CommandResult> {
  try {
    const child = Bun.spawn([...command], {
      env: { ...env, LC_ALL: "C" },
      stdio: ["ignore", "pipe", "pipe"],
      detached,
      ...(cwd === undefined ? {} : { cwd }),
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: "SIGKILL" }),
    });
    const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    return { code, stdout: stdout.trim(), stderr: stderr.trim() };
  } catch {
    return { code: 127, stdout: "", stderr: `command not found: ${command[0]}` };
  }
}

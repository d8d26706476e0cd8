import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";
import { tempDir, type TempDir } from "./temp.ts";
import { until } from "./until.ts";

/** Returns the pids of the children of a process that has one thread. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number); // prettier-ignore

/** False on a machine without tmux. Tests that need it are then skipped. */
export const hasTmux = Bun.which("tmux") !== null;

/** A terminal in a tmux server of its own, which runs a shell without prompt. */
export class Tmux implements AsyncDisposable {
  readonly #temp: TempDir;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(temp: TempDir, env: Readonly<Record<string, string>>) {
    this.#temp = temp;
    this.#env = env;
  }

  static async open(columns: number, rows: number, env: Readonly<Record<string, string>>): Promise<Tmux> {
    const temp = tempDir();
    const tmux = new Tmux(temp, { ...env, PS1: "$ ", ENV: "/dev/null", TERM: "xterm-256color", LANG: "C.UTF-8", SHELL: "/bin/sh" });
    await tmux.#tmux("-f", "/dev/null", "-u", "new-session", "-d", "-x", String(columns), "-y", String(rows), "exec sh");
    await tmux.see("$");
    return tmux;
  }

  /** Types text, which ends with Enter unless it is a key of tmux such as `C-p`. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
    await this.#tmux("send-keys", "Enter");
  }

  /** Runs a command on a cleared screen. At its end the screen shows `code=` and its exit code. */
  async start(command: string): Promise<void> {
    await this.type("clear");
    await until(async () => (await this.screen()).join("\n") === "$", { what: "an empty screen" });
    await this.type(`${command}; echo code=$?`);
  }

  /** Presses keys, in tmux's notation. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** Returns the rows of the screen, without spaces at their ends. */
  async screen(): Promise<string[]> {
    return (await this.#tmux("capture-pane", "-p")).trimEnd().split("\n");
  }

  /** Waits until the screen contains the text or matches the pattern, and returns its rows. */
  async see(what: string | RegExp): Promise<string[]> {
    const isThere = (text: string): boolean => (typeof what === "string" ? text.includes(what) : what.test(text));
    let rows: string[] = [];
    const look = async (): Promise<boolean> => isThere((rows = await this.screen()).join("\n"));
    await until(look, { what: `the screen to show ${String(what)}`, explain: () => rows.join("\n") });
    return rows;
  }

  /** Returns whether the cursor is visible and the alternate screen is in use, and the settings of the terminal (`stty -g`). */
  async state(): Promise<{ readonly cursor: string; readonly alternate: string; readonly stty: string }> {
    const [cursor = "", alternate = "", tty = ""] = (await this.#tmux("display-message", "-p", "#{cursor_flag} #{alternate_on} #{pane_tty}")).trim().split(" "); // prettier-ignore
    const stty = await run(["stty", "-F", tty, "-g"], { env: this.#env, cwd: "/" });
    return { cursor, alternate, stty: stty.stdout.trim() };
  }

  /** Sends SIGTERM to the `sup` command that runs in the terminal. */
  async terminate(word: string): Promise<void> {
    const shell = Number(await this.#tmux("display-message", "-p", "#{pane_pid}"));
    const child = childrenOf(shell).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[1] === word);
    if (child === undefined) throw new Error(`sup ${word} does not run in the terminal`);
    process.kill(child, "SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["tmux", "-S", this.#socket, "kill-server"], { env: this.#env, cwd: "/" });
    this.#temp[Symbol.dispose]();
  }

  get #socket(): string {
    return join(this.#temp.path, "tmux");
  }

  async #tmux(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(["tmux", "-S", this.#socket, ...args], { env: this.#env, cwd: "/" });
    if (code !== 0) throw new Error(`tmux ${args.join(" ")} failed: ${stderr}`);
    return stdout;
  }
}

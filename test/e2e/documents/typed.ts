/** Runs documents as written: their `sh` blocks in a fresh home directory, with the files that they show. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isRoot } from "../../harness/confined.ts";
import { SUP } from "../../harness/daemon.ts";
import { processesOf } from "../../harness/processes.ts";
import { run, type Ran } from "../../harness/run.ts";
import { tempDir, type TempDir } from "../../harness/temp.ts";

export const ROOT = resolve(import.meta.dir, "../../..");

/** A user that is not in the user database, so that HOME alone decides what `~` is. */
const STRANGER = 64_711;
const BECOME = ["setpriv", `--reuid=${STRANGER}`, `--regid=${STRANGER}`, "--clear-groups"];

export interface Block {
  readonly language: string;
  readonly text: string;
  /** The heading above it. */
  readonly heading: string;
  /** `~/web/server.mjs`, when the paragraph before ends with that path in backticks and a colon. */
  readonly file: string | null;
}

export function blocksOf(document: string): Block[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(({ 1: language, 2: body, index }) => ({
    language: language!,
    text: body!,
    heading: [...text.slice(0, index).matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "",
    file: /`(~\/[^`]+)`:\n\n$/.exec(text.slice(0, index))?.[1] ?? null,
  }));
}

/** An ordinary user's home directory, empty except for sup's settings and, after `install`, sup. */
export class Home implements AsyncDisposable {
  readonly #temp: TempDir = tempDir();

  constructor() {
    this.write("~/.config/sup/sup.json", '{"api": {"port": 0}}'); // another program on this machine may use the page's port
  }

  get path(): string {
    return this.#temp.path;
  }

  install(): void {
    mkdirSync(join(this.path, ".local/bin"), { recursive: true });
    copyFileSync(SUP, join(this.path, ".local/bin/sup"));
    chmodSync(join(this.path, ".local/bin/sup"), 0o755);
    this.#own();
  }

  write(path: string, text: string): void {
    const target = join(this.path, path.replace(/^~\//, ""));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
    this.#own();
  }

  /**
   * Runs lines in a shell that exits at the first failure. A command that follows a log gets SIGINT after a second, as with
   * Ctrl-C; `sup status` may exit with 3, "not running (yet)".
   */
  type(lines: string): Promise<Ran> {
    this.#own();
    const typed = lines
      .replace(/^(sup logs -f [^#\n]*)/gm, "timeout -s INT 1 $1 || [ $? = 124 ] ")
      .replace(/^(sup status [^#\n]*)/gm, "$1 || [ $? = 3 ] ");
    const shell = Bun.which("bash") ?? "sh";
    return run([...(isRoot ? BECOME : []), shell, "-euc", typed], {
      env: { HOME: this.path, PATH: `${this.path}/.local/bin:/usr/local/bin:/usr/bin:/bin`, SHELL: "/bin/sh", NO_COLOR: "1" },
      cwd: this.path,
      timeoutMs: 50_000,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of processesOf(this.path)) process.kill(pid, "SIGKILL");
    this.#temp[Symbol.dispose]();
  }

  #own(): void {
    if (isRoot) Bun.spawnSync(["chown", "-R", `${STRANGER}:${STRANGER}`, this.path]);
  }
}

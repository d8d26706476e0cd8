/** A sandbox with a real systemd (test/systemd/sandbox.sh), which ends together with the test's scope. */
import { chmodSync, copyFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SUP } from "./daemon.ts";
import { run, type Ran, type RunOptions } from "./run.ts";
import { until } from "./until.ts";

const SCRIPT = resolve(import.meta.dir, "../systemd/sandbox.sh");
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** The path of the executable under test in a sandbox. */
export const INSTALLED = "/usr/local/bin/sup";

/**
 * The reason why sandboxes do not work on this machine, or null if they work. It is also printed once, so that skipped tests are
 * visible.
 */
export const noSandbox: string | null = findObstacle();

function findObstacle(): string | null {
  const { exitCode, stdout } = Bun.spawnSync([SCRIPT, "check"], { env: { PATH }, stdin: "ignore" });
  if (exitCode === 0) return null;
  const why = stdout.toString().trim() || "test/systemd/sandbox.sh check failed";
  console.error(`no systemd to test with: ${why}`);
  return why;
}

/** Boots a sandbox and installs sup in it. */
export async function startSandbox(): Promise<Sandbox> {
  const sandbox = new Sandbox();
  try {
    await sandbox.boot();
    // Copy through /proc/PID/root, because the checkout may be in a directory that the sandbox hides behind its own (/tmp).
    const installed = join(sandbox.rootPath, INSTALLED);
    copyFileSync(SUP, installed);
    chmodSync(installed, 0o755);
    return sandbox;
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

export interface Account {
  readonly name: string;
  readonly uid: number;
}

export class Sandbox implements AsyncDisposable {
  readonly #keeper = Bun.spawn([SCRIPT, "keep"], { env: { PATH }, stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  readonly #answers = linesOf(this.#keeper.stdout);
  #pid = 0;

  /** The pid of the sandbox's init in this machine's pid namespace. */
  get pid(): number {
    return this.#pid;
  }

  /** The path through which this machine sees the root directory of the sandbox. */
  get rootPath(): string {
    return join("/proc", String(this.#pid), "root");
  }

  async boot(): Promise<void> {
    this.#pid = Number(await this.#ask("boot", "up"));
  }

  /** Shuts the sandbox down in order and boots it again with the same files. */
  async reboot(): Promise<void> {
    await this.#ask("halt", "down");
    await this.boot();
  }

  /** Runs a command as root. */
  root(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.#enter(["env", "-i", "HOME=/", `PATH=${PATH}`, "LANG=C.UTF-8", "NO_COLOR=1", ...command], options);
  }

  /** Runs a command as root and returns its output. Throws if the command fails. */
  async must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return checked(command, await this.root(command, options));
  }

  /** Runs a command as a user with the environment of a login session. XDG_RUNTIME_DIR is set only while the user's manager runs. */
  as({ name, uid }: Account, command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const become = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--init-groups", "env", "-i"];
    const home = `/home/${name}`;
    const env = [`HOME=${home}`, `USER=${name}`, `LOGNAME=${name}`, "SHELL=/bin/sh", `PATH=${PATH}`, "LANG=C.UTF-8", "NO_COLOR=1"];
    const script = `cd "$HOME"; d=/run/user/${uid}; if [ -d $d ]; then export XDG_RUNTIME_DIR=$d DBUS_SESSION_BUS_ADDRESS=unix:path=$d/bus; fi; exec "$@"`;
    return this.#enter([...become, ...env, "/bin/sh", "-c", script, "sh", ...command], options);
  }

  async mustAs(account: Account, command: readonly string[], options: RunOptions = {}): Promise<string> {
    return checked(command, await this.as(account, command, options));
  }

  /** Creates a user. With `linger`, waits until the user's systemd manager runs. The manager then also runs after every boot. */
  async addUser(name: string, { linger = false } = {}): Promise<Account> {
    await this.must(["useradd", "--create-home", "--shell", "/bin/sh", name]);
    const account = { name, uid: Number(await this.must(["id", "-u", name])) };
    if (linger) {
      await this.must(["loginctl", "enable-linger", name]);
      await this.managerRuns(account);
    }
    return account;
  }

  /** Waits until the user's systemd manager has finished its start-up. */
  async managerRuns(account: Account): Promise<void> {
    const state = async (): Promise<string> => (await this.as(account, ["systemctl", "--user", "is-system-running"])).stdout.trim();
    await until(async () => ["running", "degraded"].includes(await state()), { what: `the manager of ${account.name}`, timeoutMs: 30_000, explain: state }); // prettier-ignore
  }

  /** Writes a file in the sandbox and creates its directory. Both belong to `owner`, or to root by default. */
  async write(path: string, text: string, owner?: Account): Promise<void> {
    const as = (command: readonly string[], options: RunOptions = {}): Promise<string> =>
      owner === undefined ? this.must(command, options) : this.mustAs(owner, command, options);
    await as(["mkdir", "-p", path.slice(0, path.lastIndexOf("/"))]);
    await as(["/bin/sh", "-c", 'cat >"$0"', path], { stdin: text });
  }

  async read(path: string): Promise<string> {
    return this.must(["cat", path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.end();
    await this.#keeper.exited;
  }

  #enter(command: readonly string[], options: RunOptions): Promise<Ran> {
    return run(["nsenter", "-a", "-t", String(this.#pid), "--", ...command], { env: { PATH }, timeoutMs: 60_000, ...options });
  }

  /**
   * Sends a command to the process that keeps the sandbox. Returns the rest of its answer, which must begin with the word
   * `expected`.
   */
  async #ask(word: string, expected: string): Promise<string> {
    void this.#keeper.stdin.write(`${word}\n`);
    await this.#keeper.stdin.flush();
    const { value = "the keeper has ended", done } = await this.#answers.next();
    const [first, ...rest] = value.split(" ");
    if (done || first !== expected) throw new Error(`cannot ${word} the sandbox: ${value}`);
    return rest.join(" ");
  }
}

function checked(command: readonly string[], { code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  return undefined;
}

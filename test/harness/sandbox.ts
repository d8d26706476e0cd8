/** A machine with a real systemd (test/systemd/sandbox.sh), for as long as a test needs it. */
import { chmodSync, copyFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SUP } from "./daemon.ts";
import { run, type Ran, type RunOptions } from "./run.ts";
import { until } from "./until.ts";

const SCRIPT = resolve(import.meta.dir, "../systemd/sandbox.sh");
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Where the executable under test is installed in a sandbox. */
export const INSTALLED = "/usr/local/bin/sup";

/** Null where sandboxes work; else why not. Said once, so that what is skipped is not skipped in silence. */
export const noSandbox: string | null = lookWhyNot();

function lookWhyNot(): string | null {
  const { exitCode, stdout } = Bun.spawnSync([SCRIPT, "check"], { env: { PATH }, stdin: "ignore" });
  if (exitCode === 0) return null;
  const why = stdout.toString().trim() || "test/systemd/sandbox.sh check failed";
  console.error(`no systemd to test with: ${why}`);
  return why;
}

/** A booted sandbox in which sup is installed. */
export async function startSandbox(): Promise<Sandbox> {
  const sandbox = new Sandbox();
  try {
    await sandbox.boot();
    // By way of its root: the checkout may lie where the sandbox has a directory of its own (/tmp).
    const installed = join("/proc", String(sandbox.pid), "root", INSTALLED);
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

  /** PID 1 of the sandbox, as this machine counts. */
  get pid(): number {
    return this.#pid;
  }

  async boot(): Promise<void> {
    this.#pid = Number(await this.#ask("boot", "up"));
  }

  /** An orderly shutdown and another boot, with the same files. */
  async reboot(): Promise<void> {
    await this.#ask("halt", "down");
    await this.boot();
  }

  /** Runs a command as root. */
  root(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.#enter(["env", "-i", "HOME=/", `PATH=${PATH}`, "LANG=C.UTF-8", "NO_COLOR=1", ...command], options);
  }

  /** Runs a command as root; throws when it fails. Gives what it printed. */
  async must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return checked(command, await this.root(command, options));
  }

  /** Runs a command as a user, as in a login: with XDG_RUNTIME_DIR when the user's manager runs. */
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

  /** Makes a user; with `linger`, the user's manager runs from now on and after every boot. */
  async addUser(name: string, { linger = false } = {}): Promise<Account> {
    await this.must(["useradd", "--create-home", "--shell", "/bin/sh", name]);
    const account = { name, uid: Number(await this.must(["id", "-u", name])) };
    if (linger) {
      await this.must(["loginctl", "enable-linger", name]);
      await this.managerRuns(account);
    }
    return account;
  }

  /** Waits until the manager of the user has done all that it starts by itself. */
  async managerRuns(account: Account): Promise<void> {
    const state = async (): Promise<string> => (await this.as(account, ["systemctl", "--user", "is-system-running"])).stdout.trim();
    await until(async () => ["running", "degraded"].includes(await state()), { what: `the manager of ${account.name}`, timeoutMs: 30_000, explain: state }); // prettier-ignore
  }

  /** Writes a file in the sandbox; its directory is made, and both belong to the user. */
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

  /** Says a word to the keeper and gives what follows the expected word of its answer. */
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

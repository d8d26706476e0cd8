/**
 * A container without a container engine. It is a root file system in a directory, with its own namespaces for mounts, processes,
 * IPC, host name and network. A program in the container shares only the kernel with this machine.
 */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isRoot, childrenOf } from "./confined.ts";
import { SUP } from "./daemon.ts";
import { run, type Ran } from "./run.ts";
import { tempDir } from "./temp.ts";
import { until } from "./until.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The reason why containers cannot be created on this machine, or null if they can. */
export const noContainers: string | null = !isRoot
  ? "it takes root"
  : Bun.which("ip", { PATH }) === null
    ? "iproute2 is not installed"
    : Bun.spawnSync(["unshare", "-m", "-p", "-f", "-n", "-i", "-u", "true"]).exitCode === 0
      ? null
      : "namespaces cannot be made";
if (noContainers !== null) console.error(`no containers to test with: ${noContainers}`);

export interface Image {
  /** The path of the root file system's directory. */
  readonly root: string;
  readonly entrypoint: readonly string[];
  readonly stopSignal: NodeJS.Signals;
  readonly healthcheck: readonly string[];
}

export interface ContainerOptions {
  readonly user?: number;
  /** If not empty, the root file system is read-only, except for a tmpfs at each of these paths. */
  readonly readOnly?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Copies a program of this machine, and the libraries that it needs, into a root file system. */
export function addProgram(root: string, program: string, as = program): void {
  const { stdout } = Bun.spawnSync(["ldd", program]);
  const libraries = [...stdout.toString().matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1]!);
  for (const [from, to] of [[program, as], ...libraries.map((path) => [path, path])] as Array<[string, string]>) {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    if (!existsSync(join(root, to))) copyFileSync(from, join(root, to));
  }
}

/**
 * Executes the instructions of a Containerfile, as far as sup's own Containerfiles use them. `COPY sup` copies the executable
 * under test.
 */
export function buildImage(containerfile: string, root: string): Image {
  const context = dirname(containerfile);
  let image: Image = { root, entrypoint: [], stopSignal: "SIGTERM", healthcheck: [] };
  for (const line of readFileSync(containerfile, "utf8").split("\n")) {
    const [, word, rest] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (word === undefined || rest === undefined) {
      if (line !== "" && !line.startsWith("#")) throw new Error(`cannot read ${line}`);
      continue;
    }
    switch (word) {
      case "FROM":
        baseOf(rest, root);
        break;
      case "COPY": {
        const [from, to] = rest.split(" ") as [string, string];
        if (from === "sup") addProgram(root, SUP, to);
        else cpSync(join(context, from), join(root, to), { recursive: statSync(join(context, from)).isDirectory() });
        break;
      }
      case "VOLUME":
        for (const path of JSON.parse(rest) as string[]) mkdirSync(join(root, path), { recursive: true });
        break;
      case "STOPSIGNAL":
        image = { ...image, stopSignal: rest as NodeJS.Signals };
        break;
      case "HEALTHCHECK":
        image = { ...image, healthcheck: JSON.parse(rest.slice(rest.indexOf("CMD ") + 4)) as string[] };
        break;
      case "ENTRYPOINT":
        image = { ...image, entrypoint: JSON.parse(rest) as string[] };
        break;
      default:
        throw new Error(`cannot do ${word}`);
    }
  }
  return image;
}

/**
 * Fills the root file system with a base image. `scratch` has only empty directories. Any other name also gives a shell, some
 * tools and a user database, as a distribution has them.
 */
function baseOf(name: string, root: string): void {
  for (const directory of ["tmp", "proc", "dev", "etc"]) mkdirSync(join(root, directory), { recursive: true });
  if (name === "scratch") return;
  for (const program of ["sh", "mkdir", "sleep", "cat", "touch"]) addProgram(root, Bun.which(program, { PATH })!, `/bin/${program}`);
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
}

const BEGIN = `set -eu
root=$1 user=$2 volumes=$3; shift 3
ip link set lo up
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null:3 zero:5 random:8 urandom:9; do mknod -m 666 "$root/dev/\${node%:*}" c 1 "\${node#*:}"; done
if [ -n "$volumes" ]; then
  for path in $volumes; do mkdir -p "$root$path"; done
  mount -o remount,bind,ro "$root"
  for path in $volumes; do mount -t tmpfs -o mode=1777 tmpfs "$root$path"; done
fi
cd "$root"
exec chroot --userspec="$user" "$root" "$@"`;

export class Container implements AsyncDisposable {
  readonly root: string;
  readonly #user: number;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #output = "";

  constructor({ root, entrypoint }: Pick<Image, "root" | "entrypoint">, { user = 0, readOnly = [], env = {} }: ContainerOptions = {}) {
    this.root = root;
    chmodSync(root, 0o755); // only the owner can enter a new temporary directory
    this.#user = user;
    const namespaces = ["unshare", "-m", "-p", "-f", "-n", "-i", "-u", "--kill-child=SIGKILL", "--propagation", "private"];
    const environment = Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`);
    this.#child = Bun.spawn(
      [...namespaces, "/bin/sh", "-c", BEGIN, "sh", root, `${user}:${user}`, readOnly.join(" "), ...entrypoint],
      { env: Object.fromEntries(environment.map((line) => line.split(/=(.*)/s) as [string, string])), stdin: "ignore", stdout: "pipe", stderr: "pipe" }, // prettier-ignore
    );
    for (const stream of [this.#child.stdout, this.#child.stderr]) void this.#read(stream);
  }

  /** The pid of the container's first process in this machine's pid namespace. */
  get pid(): number {
    return childrenOf(this.#child.pid)[0]!;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** Returns what the container's first process has printed on standard output and standard error. */
  output(): string {
    return this.#output;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Runs a command in the container. */
  exec(...command: readonly string[]): Promise<Ran> {
    const who = this.#user === 0 ? [] : ["-S", String(this.#user), "-G", String(this.#user)];
    return run(["nsenter", "-t", String(this.pid), "-a", "-r", "-w", ...who, "--", ...command], { env: { PATH, NO_COLOR: "1" } });
  }

  sup(...args: readonly string[]): Promise<Ran> {
    return this.exec("/usr/local/bin/sup", ...args);
  }

  async reaches(unit: string, state: string, { restarts }: { readonly restarts?: number } = {}): Promise<void> {
    const now = async (): Promise<string> => (await this.sup("status", unit, "--json")).stdout;
    const explain = async (): Promise<string> => `${await now()}\n${this.output()}`;
    const fits = (row: { state: string; restart_count: number }): boolean => row.state === state && row.restart_count === (restarts ?? row.restart_count); // prettier-ignore
    await until(async () => fits(JSON.parse(await now()) as Parameters<typeof fits>[0]), { what: `${unit} to be ${state}`, explain, timeoutMs: 20_000 }); // prettier-ignore
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.#output += decoder.decode(bytes, { stream: true });
  }
}

/** Creates a directory for a root file system, which is removed at the end of the scope. */
export const rootDirectory = tempDir;

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import type { Service, Status } from "../../src/api/contract/shapes.ts";
import { processesOf } from "./processes.ts";
import { run, type Ran } from "./run.ts";
import type { UnitFile } from "./services.ts";
import { tempDir, type TempDir } from "./temp.ts";
import { reportTrouble } from "./troubles.ts";
import { until } from "./until.ts";

/** The executable under test, which is SUP_BIN or the output of `npm run build`. */
export const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../../dist/sup");

export interface DaemonOptions {
  /** The unit files by unit name. Each is an object, or a string that is written as it is. */
  readonly units?: Readonly<Record<string, UnitFile | string>>;
  /** Settings that are merged over `{"api": {"port": 0}}` and written to sup.json. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Variables to add to the daemon's environment, which already has PATH, HOME, SUP_HOME and NO_COLOR. */
  readonly env?: Readonly<Record<string, string>>;
  /** The SUP_HOME of an earlier daemon, whose state the new daemon continues. The directory is not removed at the end. */
  readonly home?: string;
  /** Creates the program to run instead of `SUP`, and returns its path. `home` is the daemon's SUP_HOME. */
  readonly bin?: (home: string) => string;
}

const START_MS = 30_000;
const STOP_MS = 20_000;

/**
 * Starts a daemon in a temporary SUP_HOME and waits until it answers requests. At the end of the scope (`await using`) the daemon
 * is stopped. The test fails if one of the daemon's processes is still alive.
 */
export async function startDaemon({ units = {}, settings = {}, env = {}, home, bin }: DaemonOptions = {}): Promise<Daemon> {
  if (!existsSync(SUP)) throw new Error(`cannot start ${SUP}: it does not exist (npm run build makes it)`);
  const temp = home === undefined ? tempDir() : null;
  const root = home ?? temp!.path;
  mkdirSync(join(root, "units"), { recursive: true });
  if (!existsSync(join(root, "sup.json"))) writeFileSync(join(root, "sup.json"), JSON.stringify({ api: { port: 0 }, ...settings }));

  const daemon = new Daemon(root, temp, env, bin?.(root) ?? SUP);
  for (const [name, unit] of Object.entries(units)) daemon.writeUnit(name, unit);
  await daemon.start();
  return daemon;
}

export class Daemon implements AsyncDisposable {
  readonly home: string;
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #temp: TempDir | null;
  readonly #bin: string;
  #child: Subprocess | null = null;

  constructor(home: string, temp: TempDir | null, env: Readonly<Record<string, string>>, bin: string) {
    this.#bin = bin;
    this.home = home;
    this.socket = join(home, "run/sup.sock");
    this.env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: home, SUP_HOME: home, NO_COLOR: "1", ...env };
    this.#temp = temp;
  }

  get pid(): number {
    return this.#running().pid;
  }

  /** Resolves with the exit code when the daemon has ended. */
  get exited(): Promise<number> {
    return this.#running().exited;
  }

  /** Starts the daemon and waits until it answers. Can be called again after `stop` or `crash`. */
  async start(): Promise<void> {
    const file = Bun.file(this.#outputFile);
    const child = Bun.spawn([this.#bin, "daemon"], { env: this.env, cwd: this.home, stdin: "ignore", stdout: file, stderr: file });
    this.#child = child;
    const answers = async (): Promise<boolean> => ended(child) || (await this.api("/healthz")).ok;
    try {
      await until(answers, { what: "the daemon to answer", timeoutMs: START_MS, explain: () => this.output() });
      if (ended(child)) throw new Error(`the daemon ended with ${child.exitCode} instead of answering:\n${this.output()}`);
    } catch (error) {
      await this.#clear();
      throw error;
    }
  }

  /** Stops the services, and then the daemon. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || ended(child)) return;
    const request = await this.sup("daemon", "stop");
    if (request.code !== 0) child.kill("SIGTERM");
    const inTime = await Promise.race([child.exited.then(() => true), Bun.sleep(STOP_MS).then(() => false)]);
    if (inTime) return;
    child.kill("SIGKILL");
    await child.exited;
    throw new Error(`the daemon did not end within ${STOP_MS} ms; it printed:\n${this.output()}`);
  }

  /** Kills the daemon with SIGKILL, to simulate a crash. The services keep running. */
  async crash(): Promise<void> {
    this.#running().kill("SIGKILL");
    await this.exited;
  }

  /** Returns what the daemon has printed so far on standard output and standard error. */
  output(): string {
    return existsSync(this.#outputFile) ? readFileSync(this.#outputFile, "utf8") : "";
  }

  sup(...args: string[]): Promise<Ran> {
    return run([SUP, ...args], { env: this.env, cwd: this.home });
  }

  /** Runs `sup … --json` and returns the parsed output. Throws if the command fails. */
  async json(...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.sup(...args, "--json");
    if (code !== 0) throw new Error(`sup ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Sends a request to the control socket, such as `api("/api/supervisor/status")`. */
  api(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://sup${path}`, { ...init, unix: this.socket });
  }

  async service(id: string): Promise<Service> {
    const { services } = (await (await this.api("/api/supervisor/status")).json()) as Status;
    const found = services.find((row) => row.id === id);
    if (!found) throw new Error(`no unit ${id}; there are ${services.map((row) => row.id).join(", ") || "none"}`);
    return found;
  }

  /** Waits until the unit is in the wanted state, or until the predicate accepts it. Returns the unit. */
  reaches(id: string, wanted: Service["state"] | ((service: Service) => boolean), timeoutMs = 20_000): Promise<Service> {
    const fits = typeof wanted === "function" ? wanted : (row: Service) => row.state === wanted;
    const what = `${id} to be ${typeof wanted === "function" ? "as wanted" : wanted}`;
    const explain = async (): Promise<string> => JSON.stringify(await this.service(id), null, 2);
    return until(async () => [await this.service(id)].find(fits), { what, timeoutMs, explain });
  }

  /** Writes `units/NAME.unit.json` and returns its path. */
  writeUnit(name: string, unit: UnitFile | string): string {
    const path = this.#unitFile(name);
    writeFileSync(path, typeof unit === "string" ? unit : JSON.stringify(unit, null, 2));
    return path;
  }

  removeUnit(name: string): void {
    rmSync(this.#unitFile(name));
  }

  /** Returns the content of the unit's log file. */
  log(unit: string): string {
    return readFileSync(join(this.home, "logs", `${unit}.log`), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch((error: unknown) => reportTrouble(String(error)));
    const left = await this.#clear();
    if (left.length > 0) reportTrouble(`processes are left: ${left.map(({ pid, command }) => `${pid} (${command})`).join(", ")}`);
  }

  /** Kills the remaining processes, so that a failed test does not affect the next one. Returns the killed processes, without the daemon. */
  async #clear(): Promise<ReturnType<typeof processesOf>> {
    const left = processesOf(this.home).filter(({ pid }) => pid !== this.#child?.pid);
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    for (const { pid } of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // the process has already ended
      }
    }
    this.#temp?.[Symbol.dispose]();
    return left;
  }

  #running(): Subprocess {
    if (!this.#child) throw new Error("the daemon was not started");
    return this.#child;
  }

  #unitFile(name: string): string {
    return join(this.home, "units", `${name}.unit.json`);
  }

  get #outputFile(): string {
    return join(this.home, "daemon.out");
  }
}

const ended = (child: Subprocess): boolean => child.exitCode !== null || child.signalCode !== null;

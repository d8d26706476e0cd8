import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { LogOptions } from "../../../src/adapters/logs/options.ts";
import { type Logs, openLogs } from "../../../src/adapters/logs/store.ts";
import { compilePattern, type Pattern } from "../../../src/base/pattern.ts";
import { findRotated, rotatedName } from "../../../src/core/logs/rotation.ts";
import { type Epoll, openEpoll } from "../../../src/linux/io/epoll.ts";
import type { LogSpec } from "../../../src/spec/spec.ts";
import { type TempDir, tempDir } from "../../harness/temp.ts";
import { until as poll } from "../../harness/until.ts";

export const logSpec = (more: Partial<LogSpec> = {}): LogSpec => ({
  format: "cri",
  maxSizeBytes: 10 << 20,
  keep: 5,
  maxAgeMs: null,
  compress: false,
  group: null,
  rateLimit: null,
  ...more,
});

export function grep(source: string): Pattern {
  const pattern = compilePattern(source);
  if (!pattern.ok) throw new Error(pattern.error);
  return pattern.value;
}

/** Logs in a temporary directory, with helpers to inspect them. */
export class LogKit {
  readonly #temp: TempDir;
  readonly dir: string;
  readonly problems: string[] = [];
  readonly losses: Array<{ unit: string; why: string; over: boolean; bytes: number; lines: number; cause: string }> = [];
  readonly epoll: Epoll = openEpoll({ onError: (error) => this.problems.push(String(error)) });
  logs: Logs;
  readonly #options: Partial<LogOptions>;

  constructor(options: Partial<LogOptions> = {}, temp = tempDir()) {
    this.#options = options;
    this.#temp = temp;
    this.dir = temp.path;
    this.logs = this.#start();
  }

  /** Opens the logs again, as the next daemon does. */
  restart(): void {
    this.logs.shutdown();
    this.logs = this.#start();
  }

  /** Runs a command that writes to the unit's log. */
  run(unit: string, command: string[], options: { stdin?: "pipe" | "ignore" } = {}): Bun.Subprocess<"pipe" | "ignore", number, number> {
    const writers = this.logs.writers(unit);
    const child = Bun.spawn(command, { stdin: options.stdin ?? "ignore", stdout: writers.stdout, stderr: writers.stderr });
    writers.close();
    return child as Bun.Subprocess<"pipe" | "ignore", number, number>;
  }

  /** Ticks like the daemon until the end of a loss is reported. */
  async overIs(why: string): Promise<void> {
    await until(`the ${why} loss to be over`, () => {
      this.logs.tick();
      return this.losses.some((loss) => loss.why === why && loss.over);
    });
  }

  get logDir(): string {
    return this.#options.logDir ?? join(this.dir, "logs");
  }

  /** The bytes of the log and all its rotated files, oldest first. */
  bytes(unit: string): Buffer {
    const current = `${unit}.log`;
    const { files } = findRotated(current, readdirSync(this.logDir));
    const names = [...files.toReversed().map((file) => rotatedName(current, file)), current];
    return Buffer.concat(
      names.map((name) => {
        const bytes = readFileSync(join(this.logDir, name));
        if (name.endsWith(".gz")) return gunzipSync(bytes);
        return name.endsWith(".zst") ? Bun.zstdDecompressSync(bytes) : bytes;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.logs.shutdown();
    this.epoll.close();
    this.#temp[Symbol.dispose]();
  }

  #start(): Logs {
    return openLogs({
      runtimeDir: join(this.dir, "run"),
      logDir: this.logDir,
      epoll: this.epoll,
      clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
      onLoss: (unit, { why, over, bytes, lines, cause }) => this.losses.push({ unit, why, over, bytes, lines, cause }),
      onProblem: (message) => this.problems.push(message),
      ...this.#options,
    });
  }
}

export const until = (what: string, condition: () => boolean): Promise<unknown> => poll(condition, { what });

const RECORD = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) /;

/** A strict reader of CRI files: returns the bytes of each stream. Anything that is not a record is an error. */
export function parseStrictly(bytes: Buffer): { stdout: Buffer; stderr: Buffer; records: number } {
  const out: Record<string, Buffer[]> = { stdout: [], stderr: [] };
  let records = 0;
  let last = "";
  for (let at = 0; at < bytes.length; records++) {
    const end = bytes.indexOf(10, at);
    const head = RECORD.exec(bytes.toString("latin1", at, at + 40));
    if (!head || end < 0) throw new Error(`no record at byte ${at}: ${JSON.stringify(bytes.toString("latin1", at, at + 80))}`);
    if (head[1]! < last) throw new Error(`the time goes back from ${last} to ${head[1]} at byte ${at}`);
    last = head[1]!;
    if (end - at - 40 > 16 * 1024) throw new Error(`a record of ${end - at} bytes at byte ${at}`);
    out[head[2]!]!.push(bytes.subarray(at + 40, head[3] === "F" ? end + 1 : end));
    at = end + 1;
  }
  return { stdout: Buffer.concat(out.stdout!), stderr: Buffer.concat(out.stderr!), records };
}

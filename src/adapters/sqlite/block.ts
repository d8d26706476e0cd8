/**
 * Packs many rows of one unit and one step (the resolution of the rows) into a few bytes each. Rows are stored column by column,
 * each value as its difference from the previous one, in a variable-length encoding. A column that hardly changes becomes a run
 * of zeros, which zstd compresses well. Measured numbers are rounded to a hundredth, which is finer than their accuracy. Reported
 * numbers are stored exactly.
 */
import { HEALTHS } from "../../base/words.ts";
import type { MetricRow } from "../../ports/store/metrics.ts";

const VERSION = 2;
const LEVEL = 6;
const SCALE = 100;

type Numbers = ReadonlyArray<number | null>;
/** The columns, in the order in which a block stores them. Samples leave the roll-up columns empty. Version 2 added the last column. */
const COLUMNS = ["cpuPercent", "memoryMb", "responseTimeMs", "tasks", "openFiles", "cpuMax", "memoryMax", "restarts"] as const;

/** Thrown if bytes are not a valid block because the disk has corrupted them. */
export class DamagedBlock extends Error {
  readonly id: number;

  constructor(id: number, why: string) {
    super(why);
    this.id = id;
  }
}

/** A block as it is stored. */
export interface Packed {
  readonly id: number;
  readonly rows: Uint8Array;
}

/** Packs rows of one unit and one step. `rows` must be sorted, oldest first. */
export function packRows(rows: readonly MetricRow[]): Uint8Array {
  const out = new Writer();
  out.unsigned(VERSION);
  out.unsigned(rows.length);
  out.unsigned(rows[0]?.step ?? 0);
  let [previous, interval] = [0, 0];
  for (const { timestamp } of rows) {
    const at = Date.parse(timestamp);
    out.signed(at - previous - interval);
    interval = previous === 0 ? 0 : at - previous;
    previous = at;
  }
  let health = 0;
  for (const { healthStatus } of rows) {
    const now = HEALTHS.indexOf(healthStatus);
    out.signed(now - health);
    health = now;
  }
  for (const column of COLUMNS) out.column(rows.map((row) => row[column] ?? null));
  out.text(rows.some(({ reported }) => reported) ? JSON.stringify(reportedColumns(rows)) : "");
  return Bun.zstdCompressSync(out.bytes(), { level: LEVEL });
}

/** Unpacks what `packRows` has packed. Throws DamagedBlock. */
export const unpackRows = (serviceId: string, block: Packed): MetricRow[] => decode(block, () => rowsOf(serviceId, block.rows));

/** Reads only the columns that a trend needs. Throws DamagedBlock. */
export const unpackCourse = (block: Packed): Course => decode(block, () => courseOf(block.rows));

export interface Course {
  readonly times: readonly number[];
  readonly cpu: Numbers;
  readonly memory: Numbers;
}

/** Runs a decoder. Throws DamagedBlock on any error, because every error of the decoder means that the bytes are damaged. */
function decode<T>({ id }: Packed, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new DamagedBlock(id, error instanceof Error ? error.message : String(error));
  }
}

function rowsOf(serviceId: string, block: Uint8Array): MetricRow[] {
  const { times, step, version, read, input } = open(block);
  let health = 0;
  const healths = times.map(() => HEALTHS[(health += input.signed())]!);
  const [cpuPercent, memoryMb, responseTimeMs, tasks, openFiles, cpuMax, memoryMax, restarts] = COLUMNS.map((column) =>
    column === "restarts" && version < 2 ? times.map(() => null) : read(),
  );
  const text = input.text();
  const reported = text === "" ? [] : reportedRows(JSON.parse(text) as Record<string, Numbers>);
  return times.map((at, i) => ({
    serviceId,
    timestamp: new Date(at).toISOString(),
    cpuPercent: cpuPercent![i]!,
    memoryMb: memoryMb![i]!,
    healthStatus: healths[i]!,
    responseTimeMs: responseTimeMs![i]!,
    tasks: tasks![i]!,
    openFiles: openFiles![i]!,
    restarts: restarts![i]!,
    ...(reported[i] === undefined ? {} : { reported: reported[i] }),
    ...(step === 0 ? {} : { step, cpuMax: cpuMax![i]!, memoryMax: memoryMax![i]! }),
  }));
}

function courseOf(block: Uint8Array): Course {
  const { times, read, input } = open(block);
  for (let i = 0; i < times.length; i++) input.signed();
  return { times, cpu: read(), memory: read() };
}

function open(block: Uint8Array): { times: number[]; step: number; version: number; read: () => Numbers; input: Reader } {
  const input = new Reader(Bun.zstdDecompressSync(block));
  const version = input.unsigned();
  if (version !== 1 && version !== VERSION) throw new Error(`version ${version} is unknown`);
  const count = input.unsigned();
  const step = input.unsigned();
  const times: number[] = [];
  let [at, interval] = [0, 0];
  for (let i = 0; i < count; i++) {
    const delta = input.signed() + interval;
    interval = i === 0 ? 0 : delta;
    times.push((at += delta));
  }
  return { times, step, version, read: () => input.column(count), input };
}

function reportedColumns(rows: readonly MetricRow[]): Record<string, Numbers> {
  const names = new Set(rows.flatMap(({ reported }) => Object.keys(reported ?? {})));
  return Object.fromEntries([...names].map((name) => [name, rows.map(({ reported }) => reported?.[name] ?? null)]));
}

function reportedRows(columns: Readonly<Record<string, Numbers>>): Array<Record<string, number> | undefined> {
  const rows: Array<Record<string, number> | undefined> = [];
  for (const [name, values] of Object.entries(columns)) {
    for (const [i, value] of values.entries()) if (value !== null) (rows[i] ??= {})[name] = value;
  }
  return rows;
}

/** Writes LEB128. It divides instead of shifting, because timestamps do not fit into 32 bits. */
class Writer {
  #bytes = new Uint8Array(16_384);
  #at = 0;

  unsigned(value: number): void {
    if (this.#at + 10 > this.#bytes.length) this.#grow(10);
    for (; value >= 128; value = Math.floor(value / 128)) this.#bytes[this.#at++] = (value % 128) | 128;
    this.#bytes[this.#at++] = value;
  }

  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** Writes a column. 0 encodes null, and a column of nulls takes one byte. */
  column(values: Numbers): void {
    const isEmpty = values.every((value) => value === null);
    this.unsigned(isEmpty ? 0 : 1);
    if (isEmpty) return;
    let before = 0;
    for (const value of values) {
      if (value === null) {
        this.unsigned(0);
        continue;
      }
      const now = Math.round(value * SCALE);
      const change = now - before;
      this.unsigned(change < 0 ? -2 * change : 2 * change + 1);
      before = now;
    }
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.unsigned(bytes.length);
    if (this.#at + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #grow(more: number): void {
    const bigger = new Uint8Array((this.#bytes.length + more) * 2);
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Error("ends too early");
      if (byte < 128) return value + byte * scale;
      value += (byte - 128) * scale;
    }
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  column(count: number): Numbers {
    const values: Array<number | null> = Array.from({ length: count }, () => null);
    if (this.unsigned() === 0) return values;
    let before = 0;
    for (let i = 0; i < count; i++) {
      const code = this.unsigned();
      if (code === 0) continue;
      before += code % 2 === 0 ? -code / 2 : (code - 1) / 2;
      values[i] = before / SCALE;
    }
    return values;
  }

  text(): string {
    const length = this.unsigned();
    const bytes = this.#bytes.subarray(this.#at, (this.#at += length));
    return Buffer.from(bytes).toString("utf8");
  }
}

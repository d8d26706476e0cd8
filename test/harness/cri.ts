/**
 * A strict parser for the log format of Kubernetes container runtimes. It follows the specification and kubelet's `ParseCRILog`,
 * and shares no code with sup, so that it does not repeat sup's mistakes.
 *
 *     TIMESTAMP SP STREAM SP TAGS SP CONTENT LF
 *
 * TIMESTAMP is in RFC3339Nano format. STREAM is `stdout` or `stderr`. TAGS are separated by `:`, and the first tag is `P` or `F`.
 * `P` marks a part of a line that continues in the stream's next record, and `F` marks a full line or its last part. CONTENT is
 * any bytes except LF. Everything else is an error.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";

export interface CriRecord {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly stream: "stdout" | "stderr";
  readonly partial: boolean;
  readonly content: Buffer;
}

const SP = 32;
const LF = 10;

export function parseCri(bytes: Buffer): CriRecord[] {
  const records: CriRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(LF, at);
    if (end < 0) throw new Error(`byte ${at}: the last record has no newline`);
    records.push(parseRecord(bytes.subarray(at, end), at));
    at = end + 1;
  }
  return records;
}

function parseRecord(record: Buffer, at: number): CriRecord {
  const fail = (what: string): never => {
    throw new Error(`byte ${at}: ${what}: ${JSON.stringify(record.toString("latin1", 0, 80))}`);
  };
  const fields: string[] = [];
  let from = 0;
  while (fields.length < 3) {
    const space = record.indexOf(SP, from);
    if (space < 0) fail(`${fields.length} fields and no content`);
    fields.push(record.toString("latin1", from, space));
    from = space + 1;
  }
  const [timestamp, stream, tags] = fields as [string, string, string];
  if (stream !== "stdout" && stream !== "stderr") return fail("no stream");
  const [first] = tags.split(":");
  if (first !== "P" && first !== "F") return fail("neither P nor F");
  return { time: parseTime(timestamp) ?? fail("no time"), stream, partial: first === "P", content: record.subarray(from) };
}

/**
 * Parses a time in the format of RFC 3339, section 5.6, with up to nine fractional digits. Returns nanoseconds since 1970, or
 * null if the time is invalid.
 */
function parseTime(text: string): bigint | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return null;
  const [, date, fraction = "", zone] = match;
  const ms = Date.parse(`${date}${zone}`);
  // `Date.parse` turns a date that does not exist into a later one, so such a date differs when it is formatted again.
  if (Number.isNaN(ms) || (zone === "Z" && new Date(ms).toISOString().slice(0, 19) !== date)) return null;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** Returns the bytes that each stream wrote, with a newline after each full line. Throws if the last line of a stream is incomplete. */
export function reassemble(records: readonly CriRecord[]): { readonly stdout: Buffer; readonly stderr: Buffer } {
  const pieces: Record<CriRecord["stream"], Buffer[]> = { stdout: [], stderr: [] };
  const open = { stdout: false, stderr: false };
  for (const { stream, partial, content } of records) {
    pieces[stream].push(content);
    if (!partial) pieces[stream].push(Buffer.from([LF]));
    open[stream] = partial;
  }
  for (const stream of ["stdout", "stderr"] as const) if (open[stream]) throw new Error(`the last line of ${stream} has no end`);
  return { stdout: Buffer.concat(pieces.stdout), stderr: Buffer.concat(pieces.stderr) };
}

export interface CriFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Returns all files of a log, uncompressed, the oldest first. Throws if the directory has a log file with an unexpected name. */
export function criFiles(directory: string, unit: string): CriFile[] {
  const current = `${unit}.log`;
  const files = new Map<number, string>();
  for (const name of readdirSync(directory)) {
    if (name !== current && !name.startsWith(`${current}.`)) continue;
    const match = /^(?:\.(\d+)(?:\.zst|\.gz)?)?$/.exec(name.slice(current.length));
    const number = match ? Number(match[1] ?? 0) : Number.NaN;
    if (!match || files.has(number)) throw new Error(`${name} beside ${[...files.values()].join(" ")}`);
    files.set(number, name);
  }
  const oldestFirst = [...files].toSorted(([a], [b]) => b - a);
  return oldestFirst.map(([, name]) => ({ name, bytes: unpack(name, readFileSync(join(directory, name))) }));
}

function unpack(name: string, bytes: Buffer): Buffer {
  if (name.endsWith(".zst")) return zstdDecompressSync(bytes);
  return name.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

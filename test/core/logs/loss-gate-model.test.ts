import { expect, test } from "bun:test";
import { type Batch, type Count, FRESH, LossGate, type Why } from "../../../src/core/logs/loss-gate.ts";
import { PREFIX_BYTES } from "../../../src/core/logs/framing.ts";
import { Random } from "../../sim/random.ts";

/** A record, or in a raw log a line or the beginning of one. */
interface Segment {
  readonly bytes: Buffer;
  readonly endsLine: boolean;
  /** Bytes as the service wrote them. */
  readonly written: number;
}

interface TestBatch {
  readonly segments: readonly Segment[];
  readonly raw: boolean;
  readonly unended: boolean;
}

const END = { cri: Buffer.from(`${"e".repeat(PREFIX_BYTES - 2)}F \n`), raw: Buffer.from("|\n") };

/** Accepts whole records as long as there is room. */
class Disk {
  room = Infinity;
  bytes = "";

  append(bytes: Buffer): number {
    const fits = Math.min(bytes.length, this.room);
    const kept = fits === bytes.length ? fits : bytes.subarray(0, fits).lastIndexOf(10) + 1;
    this.bytes += bytes.toString("latin1", 0, kept);
    this.room -= kept;
    return kept;
  }
}

/** The rules of the gate, one segment at a time. */
class Model {
  readonly disk = new Disk();
  readonly missing: Record<Why, Count> = { limit: { lines: 0, bytes: 0 }, disk: { lines: 0, bytes: 0 } };
  spent = 0;
  #allowance = Infinity;
  #closed = false;
  /** The last written segment did not end its line. */
  #open = false;
  #owesEnd = false;
  /** Why the rest of the current line is dropped, and whether its beginning was written. */
  #dropping: { readonly why: Why; readonly cut: boolean } | null = null;

  begin(allowance: number): void {
    this.#allowance = allowance;
    this.#closed = false;
    this.spent = 0;
  }

  take({ segments, raw }: TestBatch): void {
    let first = 0;
    if (this.#dropping !== null)
      while (first < segments.length && this.#dropping !== null) this.#drop(segments[first++]!, this.#dropping.why);
    let [fits, size] = [first, 0];
    while (!this.#closed && fits < segments.length && size + segments[fits]!.bytes.length <= this.#allowance)
      size += segments[fits++]!.bytes.length;
    const passing = segments.slice(first, fits);
    if (passing.length > 0) this.#write(passing, raw);
    this.#allowance -= size;
    this.spent += size;
    for (const segment of segments.slice(fits)) {
      this.#closed = true;
      this.#drop(segment, "limit");
    }
  }

  #write(segments: readonly Segment[], raw: boolean): void {
    let refused = this.#owesEnd && this.disk.append(raw ? END.raw : END.cri) === 0;
    if (!refused) this.#owesEnd = false;
    for (const segment of segments) {
      refused ||= segment.bytes.length > this.disk.room;
      if (refused) this.#drop(segment, "disk");
      else {
        this.disk.append(segment.bytes);
        this.#open = !segment.endsLine;
      }
    }
  }

  #drop({ endsLine, written }: Segment, why: Why): void {
    if (this.#open) {
      this.#open = false;
      this.#owesEnd = true;
      this.#dropping = { why, cut: true };
    }
    const cut = this.#dropping?.cut ?? false;
    const { lines, bytes } = this.missing[why];
    this.missing[why] = { lines: lines + (endsLine && !cut ? 1 : 0), bytes: bytes + written };
    this.#dropping = endsLine ? null : { why: cut ? this.#dropping!.why : why, cut };
  }
}

/** The batch in a buffer that holds older records after its end, like the real output buffer. */
function toBatch({ segments, raw, unended }: TestBatch): Batch {
  const bytes = Buffer.concat(segments.map((segment) => segment.bytes));
  const parts = segments.filter(({ endsLine }) => !endsLine).length;
  const buffer = Buffer.concat([bytes, Buffer.from(`\n${"P".repeat(2 * PREFIX_BYTES)}\n`)]);
  return { buffer, length: bytes.length, count: segments.length, parts, raw, unended };
}

function criBatch(random: Random): TestBatch {
  const unended = random.chance(0.1);
  const count = unended ? 1 : 1 + random.below(6);
  const segments = Array.from({ length: count }, (): Segment => {
    const endsLine = unended || random.chance(0.6);
    const text = "x".repeat(random.below(9));
    const bytes = Buffer.from(`${"p".repeat(PREFIX_BYTES - 2)}${endsLine ? "F" : "P"} ${text}\n`);
    return { bytes, endsLine, written: text.length + (endsLine && !unended ? 1 : 0) };
  });
  return { segments, raw: false, unended };
}

function rawBatch(random: Random): TestBatch {
  const lines = Array.from({ length: random.below(5) }, () => "x".repeat(random.below(6)) + "\n");
  const tail = lines.length === 0 || random.chance(0.4) ? "t".repeat(1 + random.below(6)) : "";
  const unended = tail !== "" && random.chance(0.3);
  const segments = lines.map((line): Segment => ({ bytes: Buffer.from(line), endsLine: true, written: line.length }));
  if (tail !== "") segments.push({ bytes: Buffer.from(tail), endsLine: unended, written: tail.length });
  return { segments, raw: true, unended };
}

test.each([
  ["CRI", criBatch, END.cri, 250],
  ["raw", rawBatch, END.raw, 20],
] as const)("the gate agrees with a model that takes one record at a time: %s", (_, makeBatch, end, most) => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = new Random(seed);
    const [disk, model] = [new Disk(), new Model()];
    const reported: Record<Why, Count> = { limit: { lines: 0, bytes: 0 }, disk: { lines: 0, bytes: 0 } };
    const gate = new LossGate({
      write: ({ buffer, length, count }, from, to, records) => {
        const newlines = buffer.subarray(from, to).filter((byte) => byte === 10).length;
        expect(records).toBe(from === 0 && to === length ? count : newlines);
        return disk.append(buffer.subarray(from, to));
      },
      endLine: () => disk.append(end) > 0,
      missed: (why, { lines, bytes }) => {
        reported[why] = { lines: reported[why].lines + lines, bytes: reported[why].bytes + bytes };
      },
    });
    expect(gate.state).toEqual(FRESH);
    for (let step = 0; step < 12; step++) {
      const allowance = random.chance(0.3) ? Infinity : random.below(2 * most) / 2;
      const room = random.chance(0.6) ? Infinity : random.below(most);
      if (step > 0) for (const one of [gate, model]) one.begin(allowance);
      for (const one of [disk, model.disk]) one.room = step === 0 ? Infinity : room;
      for (let i = random.below(4); i >= 0; i--) {
        const batch = makeBatch(random);
        gate.take(toBatch(batch));
        model.take(batch);
        const missing = { limit: gate.missing("limit"), disk: gate.missing("disk") };
        expect({ seed, step, bytes: disk.bytes, missing, spent: gate.spent }).toEqual({
          seed,
          step,
          bytes: model.disk.bytes,
          missing: model.missing,
          spent: model.spent,
        });
        expect(reported).toEqual(model.missing);
      }
    }
  }
});

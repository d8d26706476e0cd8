import { expect, test } from "bun:test";
import { type Batch, FRESH, LossGate, type GateState, lineEnding, type Why } from "../../../src/core/logs/loss-gate.ts";
import { frameLines, type Framing, PREFIX_BYTES, TAG_AT } from "../../../src/core/logs/framing.ts";

const prefix = (tag: string): Buffer => Buffer.from(`2026-11-22T20:01:02.123456789Z stdout ${tag} `);
const CRI: Framing = { full: prefix("F"), part: prefix("P"), endParts: true };

/** A log behind a gate. `room`: bytes that the disk accepts. */
class Log {
  bytes = Buffer.alloc(0);
  room = Infinity;
  readonly missed = { limit: { lines: 0, bytes: 0 }, disk: { lines: 0, bytes: 0 } };
  readonly gate = new LossGate({
    write: ({ buffer }, from, to) => this.#append(buffer.subarray(from, to)),
    endLine: () => this.#append(lineEnding(CRI.full)) > 0,
    missed: (why, count) => {
      this.missed[why].lines += count.lines;
      this.missed[why].bytes += count.bytes;
    },
  });

  /** One step with output of the service. Returns the unfinished line. */
  step(input: Buffer, allowance = Infinity, outputBytes = 1 << 20): Buffer {
    this.gate.begin(allowance);
    const buffer = Buffer.alloc(outputBytes);
    for (let at = 0; ;) {
      const { taken, made: length, records: count, parts, more } = frameLines(input, at, input.length, buffer, CRI);
      if (count > 0) this.gate.take({ buffer, length, count, parts, raw: false, unended: false });
      at += taken;
      if (!more) return input.subarray(at);
    }
  }

  /** The end of a run whose last line had no newline. */
  end(line: Buffer, allowance = Infinity): void {
    this.gate.begin(allowance);
    const buffer = Buffer.concat([CRI.full, line, Buffer.from("\n")]);
    this.gate.take({ buffer, length: buffer.length, count: 1, parts: 0, raw: false, unended: true });
  }

  /** Lines as a CRI reader joins them, and whether it waits for the end of one. */
  read(): { lines: Buffer[]; waits: boolean } {
    const lines: Buffer[] = [];
    let parts: Buffer[] = [];
    for (let at = 0; at < this.bytes.length;) {
      const end = this.bytes.indexOf(10, at);
      parts.push(this.bytes.subarray(at + PREFIX_BYTES, end));
      if (this.bytes[at + TAG_AT] === 70) lines.push(Buffer.concat(parts.splice(0)));
      at = end + 1;
    }
    parts = parts.filter(({ length }) => length > 0);
    return { lines, waits: parts.length > 0 };
  }

  #append(bytes: Buffer): number {
    const fits = Math.min(bytes.length, this.room);
    const whole = fits === bytes.length ? fits : bytes.subarray(0, fits).lastIndexOf(10) + 1;
    this.bytes = Buffer.concat([this.bytes, bytes.subarray(0, whole)]);
    this.room -= whole;
    return whole;
  }
}

const text = (log: Log): string[] => log.read().lines.map(String);
const lines = (...all: string[]): Buffer => Buffer.from(all.map((one) => `${one}\n`).join(""));

test("records within the allowance pass; the rest of the step is dropped and counted as the service wrote it", () => {
  const log = new Log();
  log.step(lines("one", "two", "three", "x"), 2 * (PREFIX_BYTES + 4) + 10);
  expect(text(log)).toEqual(["one", "two"]);
  expect(log.gate.missing("limit")).toEqual({ lines: 2, bytes: 8 });
  expect(log.gate.missing("disk")).toEqual({ lines: 0, bytes: 0 });
  expect(log.gate.spent).toBe(2 * (PREFIX_BYTES + 4));
  log.step(lines("four"));
  expect(text(log)).toEqual(["one", "two", "four"]);
});

test("a long line of which only the beginning passes is ended, and its rest does not count as another line", () => {
  const log = new Log();
  const long = "x".repeat(40_000);
  let rest = log.step(Buffer.from(long.slice(0, 20_000)), 17_000);
  expect(log.gate.isOpen).toBe(true);
  rest = log.step(Buffer.concat([rest, Buffer.from(`${long.slice(20_000)}\n`)]), 0);
  expect(log.read()).toEqual({ lines: [], waits: true });
  expect(log.gate.missing("limit")).toEqual({ lines: 0, bytes: 40_001 - 16 * 1024 });
  log.step(Buffer.concat([rest, lines("after")]));
  expect(text(log)).toEqual(["x".repeat(16 * 1024), "after"]);
});

test("if the beginning of a line was dropped, its end is dropped too", () => {
  const log = new Log();
  const rest = log.step(Buffer.from("x".repeat(20_000)), 0);
  log.step(Buffer.concat([rest, Buffer.from("end\nnext\n")]));
  expect(text(log)).toEqual(["next"]);
  expect(log.gate.missing("limit")).toEqual({ lines: 1, bytes: 20_004 });
});

test("the last line of a run without a newline is counted without one", () => {
  const log = new Log();
  log.end(Buffer.from("no end"), 0);
  expect(log.gate.missing("limit")).toEqual({ lines: 1, bytes: 6 });
  log.end(Buffer.from("no end"));
  expect(text(log)).toEqual(["no end"]);
});

test("a disk that accepts part of a step has accepted whole records", () => {
  const log = new Log();
  log.room = 100;
  log.step(lines("one", "two", "three"));
  expect(text(log)).toEqual(["one", "two"]);
  expect(log.gate.missing("disk")).toEqual({ lines: 1, bytes: 6 });
});

/** Random lines, some of them long, in pieces, with a limit and a full disk at times. */
function randomRun(seed: () => number): { log: Log; produced: Buffer; replayed: boolean } {
  const log = new Log();
  const produced: Buffer[] = [];
  let rest = Buffer.alloc(0);
  let replayed = true;
  for (let step = 0; step < 60; step++) {
    const piece = Buffer.from(
      Array.from(
        { length: Math.floor(seed() * 6) },
        () => `${step} ${"y".repeat(Math.floor(seed() ** 4 * 60_000))}${seed() < 0.8 ? "\n" : ""}`,
      ).join(""),
    );
    produced.push(piece);
    log.room = seed() < 0.3 ? Math.floor(seed() * 50_000) : Infinity;
    const allowance = seed() < 0.5 ? Math.floor(seed() * 50_000) : Infinity;
    const input = Buffer.concat([rest, piece]);
    const [before, at, room] = [log.gate.state, log.bytes.length, log.room];
    rest = Buffer.from(log.step(input, allowance));
    if (room < Infinity) continue;
    const again = new Log();
    again.gate.state = before;
    again.step(input, allowance, 64 * 1024);
    replayed &&= again.bytes.equals(log.bytes.subarray(at)) && Bun.deepEquals(again.gate.state, log.gate.state);
  }
  log.room = Infinity;
  if (rest.length > 0) log.end(rest);
  return { log, produced: Buffer.concat(produced), replayed };
}

test("for any limit and disk, written and counted lines add up to all output, and a repeated step gives the same result", () => {
  for (let seed = 1; seed <= 40; seed++) {
    let state = seed * 7919;
    const { log, produced, replayed } = randomRun(() => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647);
    expect(replayed).toBe(true);
    const whole = new Set(produced.toString("latin1").split("\n"));
    const kept = log.read().lines;
    const there = kept.reduce((sum, line) => sum + line.length, 0);
    const missing = (["limit", "disk"] as const).map((why) => log.gate.missing(why));
    expect(missing).toEqual([log.missed.limit, log.missed.disk]);
    const linesOf = produced.toString("latin1").replace(/\n$/, "").split("\n").length;
    const waiting = log.read().waits ? 1 : 0; // its end was dropped, and an empty record will end it
    expect(kept.length + waiting + missing[0]!.lines + missing[1]!.lines, `seed ${seed}`).toBe(linesOf);
    for (const line of kept) expect(whole.has(line.toString("latin1")) || [...whole].some((one) => one.startsWith(line.toString("latin1")))).toBe(true); // prettier-ignore
    expect(there).toBeLessThanOrEqual(produced.length);
  }
});

test("a gate is restored completely from its state", () => {
  const log = new Log();
  log.step(Buffer.from("x".repeat(20_000)), 17_000);
  const again = new Log();
  const state: GateState = log.gate.state;
  expect(state).not.toEqual(FRESH);
  again.gate.state = state;
  expect(again.gate.state).toEqual(state);
  const why: Why = "limit";
  again.gate.reported(why);
  expect(again.gate.missing(why)).toEqual({ lines: 0, bytes: 0 });
});

test("raw: a line that was cut gets a newline before the next", () => {
  const made: string[] = [];
  const gate = new LossGate({
    write: ({ buffer }, from, to) => made.push(buffer.toString("latin1", from, to)) && to - from,
    endLine: () => made.push("|\n") > 0,
    missed: () => {},
  });
  const batch = (bytes: string, parts = 0): Batch => ({
    buffer: Buffer.from(bytes),
    length: bytes.length,
    count: 1,
    parts,
    raw: true,
    unended: false,
  });
  gate.begin(100);
  gate.take(batch("begins", 1));
  gate.begin(0);
  gate.take(batch(" and goes on\n"));
  gate.begin(100);
  gate.take(batch("next\n"));
  expect(made).toEqual(["begins", "|\n", "next\n"]);
  expect(gate.missing("limit")).toEqual({ lines: 0, bytes: 13 });
});

/** A gate on raw bytes, and what passed. `room`: bytes that the disk takes. */
function rawGate() {
  const passed: string[] = [];
  const disk = { room: Infinity };
  const gate = new LossGate({
    write({ buffer }, from, to) {
      const taken = Math.min(to - from, disk.room);
      passed.push(buffer.toString("latin1", from, from + taken));
      return taken;
    },
    endLine: () => passed.push("|") > 0,
    missed: () => {},
  });
  /** One step with these bytes; `allowance` null: no step was begun. */
  const take = (bytes: string, allowance: number | null = Infinity): void => {
    if (allowance !== null) gate.begin(allowance);
    const count = bytes.split("\n").length - 1;
    gate.take({ buffer: Buffer.from(bytes), length: bytes.length, count, parts: 0, raw: true, unended: false });
  };
  return { gate, passed, disk, take };
}

test("before the first step everything passes", () => {
  const { take, passed } = rawGate();
  take("one\n", null);
  expect(passed).toEqual(["one\n"]);
});

test("the rest of a line that the disk cut off is missing from the disk, whatever the limit", () => {
  const { take, gate, disk } = rawGate();
  disk.room = 3;
  take("begins");
  disk.room = Infinity;
  take(" and ends\nnext\n");
  expect(gate.missing("disk")).toEqual({ lines: 0, bytes: 13 });
  expect(gate.missing("limit")).toEqual({ lines: 0, bytes: 0 });
});

test("the rest of a line that was cut off may come in several pieces", () => {
  const { take, gate, passed } = rawGate();
  take("begins");
  take(" goes on", 0);
  take(" still");
  take(" ends\nnext\n");
  expect(passed).toEqual(["begins", "|", "next\n"]);
  expect(gate.missing("limit")).toEqual({ lines: 0, bytes: 20 });
});

test("the allowance is for what follows the rest of a line that was cut off", () => {
  const { take, gate, passed } = rawGate();
  take("begins");
  take(" cut", 0);
  take(" ends\none\ntwo\n", 8);
  expect(passed).toEqual(["begins", "|", "one\ntwo\n"]);
  expect(gate.spent).toBe(8);
  expect(gate.missing("limit")).toEqual({ lines: 0, bytes: 10 });
});

test("what is left out in the middle of a step is counted by its own bytes", () => {
  const { take, gate, passed } = rawGate();
  take("one\ntwo\nthree\n", 9);
  expect(passed).toEqual(["one\ntwo\n"]);
  expect(gate.missing("limit")).toEqual({ lines: 1, bytes: 6 });
});

test("the beginning of a line fits by its own length, however long the rest before it was", () => {
  const { take, passed } = rawGate();
  take("begins");
  take(" cut", 0);
  take(`${"x".repeat(60)}\nabc`, 50);
  expect(passed).toEqual(["begins", "|", "abc"]);
});

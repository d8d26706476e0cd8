import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CaptureJournal } from "../../../src/adapters/logs/capture/capture-journal.ts";
import { recover } from "../../../src/adapters/logs/capture/recover.ts";
import { Stamper } from "../../../src/adapters/logs/capture/stamp.ts";
import { tempDir } from "../../harness/temp.ts";

const record = (n: number): string => `2026-11-25T13:09:17.396000000Z stdout F ${n}\n`;
const records = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, i) => record(from + i)).join("");

/** A daemon was killed while it wrote ten lines to a log without a file; `files` is what it left, `before` how many rotated files it had found. */
function recovered(before: number, files: Readonly<Record<string, string>>): string[] {
  return recoveredLog(before, files).match(/(?<= F ).+/g) ?? [];
}

function recoveredLog(before: number, files: Readonly<Record<string, string>>, nowMs = Date.now()): string {
  using temp = tempDir();
  const [run, logs] = [join(temp.path, "run"), join(temp.path, "logs")];
  mkdirSync(run);
  mkdirSync(logs);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(logs, name), text);
  const killed = new CaptureJournal(run);
  const slot = killed.slotOf("web\0stdout")!;
  killed.begin({
    slot,
    doing: "chunk",
    raw: false,
    spoolFrom: 0,
    regionBytes: 0,
    where: { inode: 0, size: before },
    allowance: Infinity,
    refused: false,
  });
  writeSync(killed.spool, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
  killed.close();
  const next = new CaptureJournal(run);
  recover(next, logs, new Stamper(() => nowMs));
  next.close();
  return readFileSync(join(logs, "web.log"), "latin1");
}

const upTo10 = (from: number): string[] => Array.from({ length: 11 - from }, (_, i) => String(from + i));

test("a first chunk that was interrupted after it caused a rotation continues where it stopped", () => {
  expect(recovered(0, { "web.log.1": records(1, 4), "web.log": records(5, 6) + record(7).slice(0, 20) })).toEqual(upTo10(5));
  expect(recovered(0, { "web.log.1": records(1, 4) })).toEqual(upTo10(5));
});

test("older rotated files do not count", () => {
  expect(recovered(1, { "web.log.1": records(1, 9) })).toEqual(upTo10(1));
  expect(recovered(1, { "web.log.2": records(90, 99), "web.log.1": records(1, 4), "web.log": record(5) })).toEqual(upTo10(5));
});

test("a record that was cut within its prefix has one timestamp, not a mixture of two", () => {
  const old = records(1, 10);
  const nowMs = Date.parse("2026-11-25T13:10:00.003Z");
  const rewritten = old.replaceAll("13:09:17.396", "13:10:00.003");
  const length = record(1).length;
  for (let cut = 0; cut < length; cut++) {
    const whole = cut < 40 ? 6 : 7; // records that keep their first timestamp
    const expected = old.slice(0, whole * length) + rewritten.slice(whole * length);
    expect(recoveredLog(0, { "web.log": old.slice(0, 6 * length + cut) }, nowMs)).toBe(expected);
  }
});

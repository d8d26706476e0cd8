import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Reads a unit's log with all its rotated files and checks that it holds "line 1", "line 2" …, each once, in order. */
export function checkLines(logs: string, unit: string): { readonly count: number; readonly faults: string[] } {
  let expected = 1;
  let pending = "";
  const faults: string[] = [];
  /** A cut line is a fault only if another follows: the writer writes in blocks and may be stopped after any of them. */
  let torn: string | null = null;
  for (const text of oldestFirst(logs, unit)) {
    for (const record of text.split("\n")) {
      const match = /^\S+ (?:stdout|stderr) ([PF]) (.*)$/.exec(record);
      if (!match || match[2]!.startsWith("[sup]")) continue;
      pending += match[2]!;
      if (match[1] === "P") continue;
      if (torn !== null && faults.length < 10) faults.push(torn);
      torn = null;
      const number = Number(pending.replace("line ", ""));
      if (number !== expected) {
        const fault = `after line ${expected - 1} comes ${JSON.stringify(pending)}`;
        if (isBeginning(pending, expected)) torn = fault;
        else if (faults.length < 10) faults.push(fault);
      }
      if (torn === null) expected = number + 1;
      pending = "";
    }
  }
  return { count: expected - 1, faults };
}

const COUNTED = /^\[sup\] (\d+) lines \(\d+ bytes\) of stdout were dropped by log\.rate_limit$/;

/** Checks that the log holds "line 1" to "line TOTAL" in order, or counts the missing ones as dropped. */
export function checkCounted(logs: string, unit: string, total: number): { readonly dropped: number; readonly faults: string[] } {
  let [kept, dropped, last] = [0, 0, 0];
  const faults: string[] = [];
  for (const text of oldestFirst(logs, unit)) {
    for (const record of text.split("\n")) {
      const words = /^\S+ (?:stdout|stderr) F (.*)$/.exec(record)?.[1];
      if (words === undefined) continue;
      dropped += Number(COUNTED.exec(words)?.[1] ?? 0);
      if (words.startsWith("[sup]")) continue;
      const number = Number(/^line (\d+)$/.exec(words)?.[1] ?? Number.NaN);
      if (!(number > last)) faults.push(`in the log of ${unit}, after line ${last}, comes ${JSON.stringify(words)}`);
      else last = number;
      kept++;
    }
  }
  if (kept + dropped !== total) faults.push(`${unit} wrote ${total} lines: ${kept} are there, and ${dropped} are counted as dropped`);
  return { dropped, faults: faults.slice(0, 10) };
}

function isBeginning(text: string, number: number): boolean {
  const whole = `line ${number}`;
  return text.length < whole.length && whole.startsWith(text);
}

function* oldestFirst(logs: string, unit: string): Generator<string> {
  const numbered = readdirSync(logs)
    .map((name) => ({ name, number: Number(new RegExp(`^${unit}\\.log\\.(\\d+)`).exec(name)?.[1] ?? Number.NaN) }))
    .filter(({ number }) => !Number.isNaN(number))
    .toSorted((a, b) => b.number - a.number);
  for (const { name } of numbered) yield read(join(logs, name));
  yield read(join(logs, `${unit}.log`));
}

const read = (path: string): string =>
  path.endsWith(".zst") ? Buffer.from(Bun.zstdDecompressSync(readFileSync(path))).toString("latin1") : readFileSync(path, "latin1");

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Reads a unit's log with all its rotations and checks that "line 1", "line 2" … are there, each once, in order. */
export function checkLines(logs: string, unit: string): { readonly count: number; readonly faults: string[] } {
  let expected = 1;
  let pending = "";
  const faults: string[] = [];
  /** No fault if nothing comes after it: the writer writes blocks, and was stopped when one of them was out. */
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

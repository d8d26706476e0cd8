import { expect, test } from "bun:test";
import { CaptureJournal } from "../../../src/adapters/logs/capture/capture-journal.ts";
import { tempDir } from "../../harness/temp.ts";

const KEYS = Array.from({ length: 6 }, (_, i) => `unit${i}\0stdout`);

test("each stream has a slot of its own, also after others were forgotten, in the next daemon, and in new files", () => {
  using dir = tempDir();
  const first = new CaptureJournal(dir.path);
  const [a, b, c] = KEYS.slice(0, 3).map((key) => first.slotOf(key));
  expect(new Set([a, b, c]).size).toBe(3);
  expect(first.slotOf(KEYS[1]!)).toBe(b!);
  first.forget(KEYS[1]!);
  expect(first.slotOf(KEYS[3]!)).toBe(b!); // the free slot is used again
  first.close();

  const next = new CaptureJournal(dir.path);
  expect([0, 2, 3].map((i) => next.slotOf(KEYS[i]!))).toEqual([a!, c!, b!]);
  const slots = [a, b, c, next.slotOf(KEYS[4]!)];
  expect(new Set(slots).size).toBe(4);

  const made = next.remade();
  expect([0, 3, 2, 4].map((i) => made.slotOf(KEYS[i]!))).toEqual(slots as number[]);
  expect(slots).not.toContain(made.slotOf(KEYS[5]!));
  expect(made.keyOf(made.slotOf(KEYS[5]!)!)).toBe(KEYS[5]!);
  next.close();
  made.close();
});

test("when all slots are taken, a stream has none until another is forgotten", () => {
  using dir = tempDir();
  const journal = new CaptureJournal(dir.path);
  const slots = Array.from({ length: 4096 }, (_, i) => journal.slotOf(`u${i}\0stdout`));
  expect(new Set(slots).size).toBe(4096);
  expect(slots).not.toContain(null);
  expect(journal.slotOf(KEYS[0]!)).toBeNull();
  journal.forget("u7\0stdout");
  expect(journal.slotOf(KEYS[0]!)).toBe(slots[7]!);
  journal.close();
});

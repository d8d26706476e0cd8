/** The short form of `bun run torture`. */
import { expect, test } from "bun:test";
import { torture } from "../../torture/torture.ts";

test("killed and re-executed at random moments: every process and every line is accounted for", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`torture: seed ${seed}`);
  const { faults, lines, runsOfLooper } = await torture({ kills: 12, reexecs: 6, seed });
  expect(faults).toEqual([]);
  expect(lines).toBeGreaterThan(100_000);
  expect(runsOfLooper).toBeGreaterThan(3);
}, 120_000);

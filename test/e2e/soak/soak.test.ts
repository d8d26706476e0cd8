/** The short form of `npm run soak`. */
import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { soak } from "../../soak/soak.ts";
import { faultsOf } from "../../soak/verdict.ts";

test("under a load of everything at once neither memory nor descriptors nor threads grow and grow", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  console.log(`soak: seed ${seed}`);
  const result = await soak({ gigabytes: 0.2, events: 10_000, seed, directory: tmpdir() });
  // Of a short load the heap's ups and downs are the most of what is seen: what is let through here the long one would find.
  expect(faultsOf(result, { daemonMb: 50 })).toEqual([]);
  expect(result.ended.gigabytes).toBeGreaterThanOrEqual(0.2);
  expect(result.ended.events).toBeGreaterThanOrEqual(10_000);
  expect(result.messages).toBeGreaterThan(10_000);
}, 300_000);

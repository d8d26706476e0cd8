/**
 * A service that writes log text on request: `writer.ts KIND SEED GO DONE`. Each byte from the FIFO GO requests a megabyte; the
 * file DONE holds the number of megabytes written. The same kind and seed give the same text.
 */
import { openSync, readSync, writeSync } from "node:fs";
import { Random } from "../sim/random.ts";
import { MEGABYTE, type Kind, textOf } from "./text.ts";

const [kind, seed, go, done] = process.argv.slice(2) as [Kind, string, string, string];
const CHUNK = 64 << 10;
const text = textOf(kind, new Random(Number(seed)), 4 * MEGABYTE);
const orders = openSync(go, "r");
const report = openSync(done, "w");
const token = Buffer.alloc(1);

for (let written = 0; readSync(orders, token, 0, 1, null) === 1; written++) {
  const from = (written % 4) * MEGABYTE;
  for (let at = from; at < from + MEGABYTE;) at += writeSync(1, text, at, Math.min(CHUNK, from + MEGABYTE - at));
  writeSync(report, String(written + 1), 0);
}

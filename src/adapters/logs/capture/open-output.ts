import { closeSync } from "node:fs";
import { ok, type Result } from "../../../base/result.ts";
import { isFifoAt, makeFifo, openFifoReader } from "../../../linux/io/fifo.ts";
import type { Keeper } from "../../../ports/keeper.ts";

/**
 * Opens the read end of a FIFO for output, and creates the FIFO if there is none. If somebody deleted the FIFO and then the previous
 * daemon was killed, the unit's process still writes into the deleted one, which the keeper has. So that one is read until the next run.
 * The error is an errno.
 */
export function openOutput(path: string, key: string, keeper: Pick<Keeper, "takeBack"> | undefined): Result<number, number> {
  const kept = keeper?.takeBack(key) ?? null;
  if (kept !== null && !isFifoAt(path, kept)) return ok(kept);
  if (kept !== null) closeSync(kept);
  const made = makeFifo(path, 0o600);
  return made.ok ? openFifoReader(path) : made;
}

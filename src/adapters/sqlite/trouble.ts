import { SQLiteError } from "bun:sqlite";

/**
 * The meaning of a failed call to SQLite. `damaged` means that the file is corrupt and must be set aside. `outage` means that the
 * disk or another process prevents the call, which can be retried later. `refused` means that this write can never succeed.
 */
export type Trouble = { readonly kind: "damaged" | "outage" | "refused"; readonly words: string };

/** Another process is writing, usually only for a moment. */
export const LOCKED = "locked by another process";

/** Primary result codes (sqlite.org/rescode.html); the extended code has the primary one in its low byte. */
const KINDS: Record<number, readonly [kind: Trouble["kind"], words: string]> = {
  3: ["outage", "permission denied"],
  5: ["outage", LOCKED],
  6: ["outage", "locked"],
  7: ["outage", "out of memory"],
  8: ["outage", "read-only"],
  10: ["outage", "input/output error"],
  11: ["damaged", "the file is damaged"],
  13: ["outage", "disk full"],
  14: ["outage", "cannot be opened"],
  15: ["outage", "locking failed"],
  26: ["damaged", "not a database"],
};

export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof SQLiteError)) return { kind: "refused", words: error instanceof Error ? error.message : String(error) };
  const known = KINDS[(error.errno ?? 0) & 0xff];
  return known ? { kind: known[0], words: known[1] } : { kind: "refused", words: error.message };
}

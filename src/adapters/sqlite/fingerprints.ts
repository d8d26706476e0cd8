import type { Database } from "bun:sqlite";
import type { FingerprintRow } from "../../ports/store/fingerprints.ts";
import { statement } from "./statements.ts";

/**
 * Number of fingerprints that are kept for each unit. If each start of a unit changes a file that the unit reads, each run
 * adds a fingerprint.
 */
const KEPT = 200;

const INSERT = "INSERT OR REPLACE INTO supervisor_fingerprints (service_id, at, invocation, fingerprint) VALUES (?, ?, ?, ?)";
const DROP_SURPLUS = `DELETE FROM supervisor_fingerprints WHERE service_id = ?1 AND at <
  (SELECT at FROM supervisor_fingerprints WHERE service_id = ?1 ORDER BY at DESC LIMIT 1 OFFSET ${KEPT - 1})`;

/** Inserts or replaces rows. It must be called within a transaction. */
export function insertFingerprints(db: Database, rows: Iterable<FingerprintRow>): void {
  for (const { serviceId, at, invocation, fingerprint } of rows) {
    statement(db, INSERT).run(serviceId, at, invocation, fingerprint);
    statement(db, DROP_SURPLUS).run(serviceId);
  }
}

/** Returns the newest `limit` rows of a unit, oldest first. */
export function selectFingerprints(db: Database, serviceId: string, limit: number): FingerprintRow[] {
  const sql = `SELECT service_id AS serviceId, at, invocation, fingerprint FROM supervisor_fingerprints
    WHERE service_id = ? ORDER BY at DESC, invocation DESC LIMIT ?`;
  return statement<FingerprintRow, [string, number]>(db, sql).all(serviceId, limit).reverse();
}

/**
 * Deletes fingerprints that are older than the given time. The newest of them still applies to the runs after that time, so
 * it is kept as long as the unit exists. Returns the number of deleted rows.
 */
export function dropFingerprints(db: Database, beforeIso: string, most: number): number {
  const sql = `DELETE FROM supervisor_fingerprints WHERE (service_id, at, invocation) IN (
    SELECT service_id, at, invocation FROM supervisor_fingerprints AS old WHERE at < ?1 AND (
      EXISTS (SELECT 1 FROM supervisor_fingerprints WHERE service_id = old.service_id AND at > old.at AND at < ?1)
      OR NOT EXISTS (SELECT 1 FROM supervisor_memory WHERE kind = 'unit' AND id = old.service_id)
    ) LIMIT ?2)`;
  return statement(db, sql).run(beforeIso, most).changes;
}

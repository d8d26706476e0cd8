/** The fingerprint of a run (`core/explain/fingerprint.ts`), as JSON. */
export interface FingerprintRow {
  readonly serviceId: string;
  /** The SUP_INVOCATION_ID of the first run with this fingerprint. */
  readonly invocation: string;
  /** Start of that run in UTC, in ISO 8601 format. */
  readonly at: string;
  readonly fingerprint: string;
}

/** The fingerprints of runs. The store keeps a bounded number for each unit, and deletes old ones with the events of their time. */
export interface FingerprintStore {
  /** Stores fingerprints, or replaces those of the same runs. */
  setFingerprints(rows: readonly FingerprintRow[]): void;
  /** Returns the newest `limit` fingerprints of a unit, oldest first. */
  fingerprints(serviceId: string, limit: number): readonly FingerprintRow[];
}

/** Stores which units the operator enabled or disabled. */
export interface Enablements {
  /** Returns true for each enabled unit and false for each disabled one. Units that the operator never enabled or disabled are absent. */
  enablements(): ReadonlyMap<string, boolean>;
  /** Stores the operator's decision; null removes it. */
  setEnabled(id: string, enabled: boolean | null): void;
}

/** Stores short strings for the daemon itself. */
export interface KeyValueStore {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

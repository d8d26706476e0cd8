/** What the operator enabled and disabled. */
export interface Enablements {
  /** True: enabled; false: disabled. Units that the operator never enabled or disabled are absent. */
  enablements(): ReadonlyMap<string, boolean>;
  setEnabled(id: string, enabled: boolean | null): void;
}

/** Short strings that the daemon keeps for itself. */
export interface KeyValueStore {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

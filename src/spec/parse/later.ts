/**
 * A key that is in the schema but not implemented yet. Such a key is validated and then refused, never silently ignored. With
 * `values`, only these values of the key are refused. When the key is implemented, delete its row; nothing else in this folder has
 * to change.
 */
export interface LaterRow {
  readonly key: string;
  readonly values?: readonly string[];
}

export const LATER: readonly LaterRow[] = [{ key: "sandbox" }, { key: "credentials" }];

/** Returns true if every value of the key is refused. */
export const isWhole = ({ values }: LaterRow): boolean => values === undefined;

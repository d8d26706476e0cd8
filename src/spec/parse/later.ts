/**
 * Keys that are in the schema but not implemented yet. They are validated and then refused, never silently ignored.
 * Delete the row once the behaviour exists; nothing else in this folder has to change.
 * With `values`, only these values of the key are refused.
 */
export interface LaterRow {
  readonly key: string;
  readonly values?: readonly string[];
}

export const LATER: readonly LaterRow[] = [{ key: "instances" }, { key: "rolling" }, { key: "notify" }];

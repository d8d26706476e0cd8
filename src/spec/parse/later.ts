/**
 * What the schema knows and sup does not do yet. It is validated and then refused, never accepted and ignored.
 * When the behaviour exists, delete the row: nothing else has to change here.
 * With `values`, only these values of the key are refused.
 */
export interface LaterRow {
  readonly key: string;
  readonly values?: readonly string[];
}

export const LATER: readonly LaterRow[] = [{ key: "instances" }, { key: "rolling" }, { key: "notify" }];

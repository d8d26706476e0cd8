/**
 * A key that is in the schema but not implemented yet. Such a key is validated and then refused, never silently ignored. With
 * `values`, only these values of the key are refused; with `form`, only values of this form. When the key is implemented, delete
 * its row; nothing else in this folder has to change.
 */
export interface LaterRow {
  readonly key: string;
  readonly values?: readonly string[];
  readonly form?: "object";
  /** A hint that says what to write instead. */
  readonly hint?: string;
}

export const LATER: readonly LaterRow[] = [
  { key: "instances", form: "object", hint: 'write the number of units, such as "instances": 2; `sup scale` changes it' },
];

/** Returns true if every value of the key is refused. */
export const isWhole = ({ values, form }: LaterRow): boolean => values === undefined && form === undefined;

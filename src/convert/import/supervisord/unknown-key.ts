import { closest } from "../../../base/names.ts";

/** Explains why a key has no effect in supervisord, which ignores keys that it does not know. */
export function unknownKey(option: string, known: Iterable<string>): string {
  const near = closest(option, known);
  return `supervisord does not know this key either${near === undefined ? "" : `; did you mean ${near}?`}`;
}

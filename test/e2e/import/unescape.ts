import { expandText } from "../../../src/spec/load/specifiers.ts";

/** Returns the literal string that a text of a unit file stands for. */
export function unescapeText(text: string): string {
  const value = expandText(text, {}, { n: "", i: "", h: "", S: "", L: "", t: "" });
  if (!value.ok) throw new Error(value.error);
  return value.value;
}

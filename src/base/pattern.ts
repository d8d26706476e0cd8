import { err, ok, type Result } from "./result.ts";

/**
 * Regular expressions of users, looked for in the texts of others: one that takes for ever must not hold up the daemon.
 * What cannot go wrong is left to the runtime; what repeats without an end is run by RE2, whose time grows with the text
 * and with nothing else (https://swtch.com/~rsc/regexp/regexp1.html).
 */
export interface Pattern {
  test(text: string): boolean;
}

/** The error is a sentence about the expression, without its text. */
export function compilePattern(source: string): Result<Pattern, string> {
  let native: RegExp;
  try {
    native = new RegExp(source);
  } catch (error) {
    return err((error as Error).message.replace(/^Invalid regular expression: /, ""));
  }
  if (isBounded(source)) return ok(native);
  // Loaded when it is first needed: 25 ms and 8 MB that most daemons never spend.
  const { RE2JS } = require("re2js") as typeof import("re2js");
  try {
    const compiled = RE2JS.compile(source);
    return ok({ test: (text) => compiled.matcher(text).find() });
  } catch (error) {
    const words = (error as Error).message.replace(/^error parsing regexp: /, "");
    return err(`${words} (where something repeats, look-around, back-references and \\u escapes are not possible)`);
  }
}

/** More optional parts than this in a row may be tried in too many combinations. */
const MAX_OPTIONAL = 3;

/** Nothing in it repeats: its time is a small multiple of the text's length. */
function isBounded(source: string): boolean {
  const plain = source
    .replace(/\\./gs, "x")
    .replace(/\[\^?\]?[^\]]*\]/g, "x")
    .replace(/\(\?/g, "(");
  return !/[*+{]/.test(plain) && plain.split("?").length - 1 <= MAX_OPTIONAL;
}

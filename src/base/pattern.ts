import { err, ok, type Result } from "./result.ts";

/**
 * Regular expressions from users, matched against output of services. A pathological expression must not block the
 * daemon. The JavaScript engine runs expressions without repetition; RE2 runs the others in time linear to the input
 * (https://swtch.com/~rsc/regexp/regexp1.html).
 */
export interface Pattern {
  test(text: string): boolean;
}

/** The error is a message without the expression itself. */
export function compilePattern(source: string): Result<Pattern, string> {
  let native: RegExp;
  try {
    native = new RegExp(source);
  } catch (error) {
    return err((error as Error).message.replace(/^Invalid regular expression: /, ""));
  }
  if (isBounded(source)) return ok(native);
  // Loaded on first use, because it costs 25 ms and 8 MB and most daemons never need it.
  const { RE2JS } = require("re2js") as typeof import("re2js");
  try {
    const compiled = RE2JS.compile(source);
    return ok({ test: (text) => compiled.matcher(text).find() });
  } catch (error) {
    const words = (error as Error).message.replace(/^error parsing regexp: /, "");
    return err(`${words} (look-around, back-references and \\u escapes are not supported in expressions with repetition)`);
  }
}

/** With more optional parts than this, backtracking may try too many combinations. */
const MAX_OPTIONAL = 3;

/** True without repetition: matching then takes time linear to the input. */
function isBounded(source: string): boolean {
  const plain = source
    .replace(/\\./gs, "x")
    .replace(/\[\^?\]?[^\]]*\]/g, "x")
    .replace(/\(\?/g, "(");
  return !/[*+{]/.test(plain) && plain.split("?").length - 1 <= MAX_OPTIONAL;
}

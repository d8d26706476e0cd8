import { escapeText } from "../../spec/load/specifiers.ts";
import { joinStrings } from "../join-strings.ts";

/** Builds strings in sup's syntax (`%` specifiers and `${VAR}`) from literal parts and variables. */

/** A literal string, a variable, or a specifier such as `%n`. */
export type TextPart =
  | string
  | { readonly variable: string; readonly fallback?: readonly TextPart[] }
  | { readonly specifier: "n" | "i" | "h" | "S" | "L" | "t" };

export function joinText(parts: readonly TextPart[]): string {
  let result = "";
  for (const part of joinStrings(parts)) {
    if (typeof part === "string") result += escapeText(part);
    else if ("specifier" in part) result += `%${part.specifier}`;
    else {
      // `$${` would be a literal `${`, so a dollar sign before a variable needs another form.
      if (result.endsWith("$")) result = `${result.slice(0, -1)}\${${NOT_SET}:-$}`;
      const fallback = part.fallback === undefined ? "" : `:-${joinText(part.fallback)}`;
      result += `\${${part.variable}${fallback}}`;
    }
  }
  return result;
}

/** A variable that is never set, so that its fallback is always used. */
const NOT_SET = "SUP_IMPORT_NOT_SET";

/** Returns true if parts can be the fallback of a variable. sup's syntax has no escape for a `}` in a fallback. */
export const canBeFallback = (parts: readonly TextPart[]): boolean => parts.every((part) => typeof part !== "string" || !/[{}]/.test(part));

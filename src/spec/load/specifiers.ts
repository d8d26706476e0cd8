import { instanceOf } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";

/**
 * The strings of a unit may contain specifiers (`%n`, `%i`, `%h`, `%S`, `%L`, `%t`, `%%`), whose letters are those of
 * systemd, and variables (`${VAR}`, `${VAR:-default}`). `$${` stands for a literal `${`. Any other `$` is literal, so `$$`
 * and `$1` reach a shell unchanged.
 */
export interface Specifiers {
  /** The unit's id. */
  readonly n: string;
  /** The name of the instance, which is the part after the `@`. Empty for units that are not instances. */
  readonly i: string;
  /** The home directory. */
  readonly h: string;
  /** The directories for state (S), logs (L) and runtime files (t). */
  readonly S: string;
  readonly L: string;
  readonly t: string;
}

export function specifiersFor(id: string, places: { home: string; state: string; logs: string; runtime: string }): Specifiers {
  return { n: id, i: instanceOf(id)?.instance ?? "", h: places.home, S: places.state, L: places.logs, t: places.runtime };
}

/** Options for strings with specifiers. With `variables: false` every `$` is kept, for strings that a shell expands. */
export interface TextOptions {
  readonly variables?: boolean;
}

export interface TextProblem {
  /** Index of the error in the string. */
  readonly at: number;
  readonly message: string;
  readonly hint: string;
}

/** Returns the first syntax error in the specifiers and variables of a string, or null if there is none. */
export function checkText(text: string, options: TextOptions = {}): TextProblem | null {
  if (!text.includes("%") && !text.includes("$")) return null;
  const parts = parseParts(text, 0, "", options.variables ?? true);
  return parts.ok ? null : parts.error;
}

/** Expands specifiers and variables in a string. If a variable is not set, the error names it. */
export function expandText(text: string, env: Env, specifiers: Specifiers, options: TextOptions = {}): Result<string, string> {
  if (!text.includes("%") && !text.includes("$")) return ok(text);
  const parts = parseParts(text, 0, "", options.variables ?? true);
  return parts.ok ? fill(parts.value.parts, env, specifiers) : err(`${parts.error.message} in "${text}"`);
}

/** Returns a string that expands to exactly `text`. This is the inverse of `expandText`. */
export function escapeText(text: string, options: TextOptions = {}): string {
  const plain = text.replaceAll("%", "%%");
  return options.variables === false ? plain : plain.replaceAll("${", () => "$${");
}

/** Parses a string into its parts, for a translation to another format. */
export function partsOf(text: string, options: TextOptions = {}): Result<readonly Part[], string> {
  const parts = parseParts(text, 0, "", options.variables ?? true);
  return parts.ok ? ok(parts.value.parts) : err(parts.error.message);
}

export type Env = Readonly<Record<string, string>>;

/** A part of a string: a literal text, a specifier, or a variable with the parts of its default. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "specifier"; readonly letter: keyof Specifiers }
  | { readonly kind: "variable"; readonly name: string; readonly fallback: readonly Part[] | null };

interface Parsed {
  readonly parts: readonly Part[];
  /** Index of the character after the parsed part. */
  readonly end: number;
}

const LETTERS = "nihSLt";

/** Parses a string up to the character `until`, which is not consumed, or up to the end if `until` is "". */
function parseParts(text: string, from: number, until: string, variables: boolean): Result<Parsed, TextProblem> {
  const parts: Part[] = [];
  let literal = "";
  let at = from;
  const flush = (): void => {
    if (literal !== "") parts.push({ kind: "text", text: literal });
    literal = "";
  };
  while (at < text.length && text[at] !== until) {
    const char = text[at]!;
    const next = text[at + 1] ?? "";
    if (char === "%") {
      if (next !== "%" && (next === "" || !LETTERS.includes(next))) return err(unknownSpecifier(at, next));
      if (next === "%") literal += "%";
      else {
        flush();
        parts.push({ kind: "specifier", letter: next as keyof Specifiers });
      }
      at += 2;
    } else if (char === "$" && variables && text.startsWith("${", at + 1)) {
      literal += "${";
      at += 3;
    } else if (char === "$" && variables && next === "{") {
      const variable = parseVariable(text, at);
      if (!variable.ok) return variable;
      flush();
      parts.push(variable.value.part);
      at = variable.value.end;
    } else {
      literal += char;
      at += 1;
    }
  }
  flush();
  return ok({ parts, end: at });
}

function parseVariable(text: string, at: number): Result<{ part: Part; end: number }, TextProblem> {
  const pattern = /[A-Za-z_][A-Za-z0-9_]*/y;
  pattern.lastIndex = at + 2;
  const name = pattern.exec(text)?.[0];
  const hint = "write ${NAME} or ${NAME:-default}, and $${ for a literal ${";
  if (name === undefined) return err({ at, message: "${ is not followed by a variable name", hint });
  const after = at + 2 + name.length;
  if (text[after] === "}") return ok({ part: { kind: "variable", name, fallback: null }, end: after + 1 });
  if (!text.startsWith(":-", after)) {
    return err({ at, message: after >= text.length ? `\${${name} is never closed` : `\${${name} is followed by "${text[after]}"`, hint });
  }
  const fallback = parseParts(text, after + 2, "}", true);
  if (!fallback.ok) return fallback;
  if (text[fallback.value.end] !== "}") return err({ at, message: `\${${name}:- is never closed`, hint });
  return ok({ part: { kind: "variable", name, fallback: fallback.value.parts }, end: fallback.value.end + 1 });
}

function unknownSpecifier(at: number, next: string): TextProblem {
  const message = next === "" ? 'the string ends with a single "%"' : `unknown specifier "%${next}"`;
  return {
    at,
    message,
    hint: `valid specifiers are ${[...LETTERS].map((letter) => `%${letter}`).join(", ")}; write %% for a percent sign`,
  };
}

function fill(parts: readonly Part[], env: Env, specifiers: Specifiers): Result<string, string> {
  let text = "";
  for (const part of parts) {
    if (part.kind === "text") text += part.text;
    else if (part.kind === "specifier") text += specifiers[part.letter];
    else {
      const value = Object.hasOwn(env, part.name) ? env[part.name]! : "";
      // As in the shell, `:-` treats an empty variable like one that is not set.
      if (part.fallback && value === "") {
        const filled = fill(part.fallback, env, specifiers);
        if (!filled.ok) return filled;
        text += filled.value;
      } else if (Object.hasOwn(env, part.name)) text += value;
      else return err(`the variable ${part.name} is not set (set it in environment, or write \${${part.name}:-default})`);
    }
  }
  return ok(text);
}

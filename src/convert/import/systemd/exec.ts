import { err, ok, type Result } from "../../../base/result.ts";
import { escapeText } from "../../../spec/load/specifiers.ts";
import { joinText, type TextPart } from "../text.ts";
import { specifierParts, type UnitNames } from "./specifiers.ts";
import { splitWords, type Word } from "./values.ts";

/** Command lines of systemd (systemd.service(5), "command lines"). */

export interface Command {
  readonly words: readonly Word[];
  readonly prefixes: ReadonlySet<string>;
}

/** The variables that a command may use. */
export interface Variables {
  /** Variables of `Environment=`, with their values as parts. */
  readonly known: ReadonlyMap<string, readonly TextPart[]>;
  /** True if environment files set further variables. */
  readonly hasFiles: boolean;
}

/** Splits a command line into commands, which are separated by a `;` that stands alone. */
export function readCommands(text: string): Result<Command[], string> {
  const words = splitWords(text);
  if (words === null) return err("a quote is not closed");
  const lists: Word[][] = [[]];
  for (const word of words) {
    if (word.raw === ";") lists.push([]);
    else lists.at(-1)!.push(word.raw === "\\;" ? { ...word, text: ";" } : word); // not "\\;", which is a backslash and a semicolon
  }
  return ok(lists.filter((list) => list.length > 0).map(withoutPrefixes));
}

function withoutPrefixes([first, ...rest]: readonly Word[]): Command {
  const prefix = /^[-@:+!|]*/.exec(first!.text)![0];
  const words = [{ ...first!, text: first!.text.slice(prefix.length) }, ...rest].filter(({ text }, index) => index > 0 || text !== "");
  const prefixes = new Set(prefix);
  // With @, the second word is argv[0]. sup always uses the name of the program.
  return { words: prefixes.has("@") ? words.filter((_, index) => index !== 1) : words, prefixes };
}

/** A command in the keys of a unit file. */
export interface Argv {
  readonly command: string;
  readonly args: readonly string[];
  /** Why a shell must run the command, or null. */
  readonly shell: string | null;
  readonly unknown: ReadonlySet<string>;
}

/**
 * Converts a command. `${VAR}` is replaced inside a word; a variable that is not set becomes an empty string. A word that
 * consists of `$VAR` is split at white space. If the value is unknown during the import, only a shell can split it.
 */
export function toArgv({ words, prefixes }: Command, names: UnitNames, variables: Variables): Result<Argv, string> {
  const unknown = new Set<string>();
  const argv: string[] = [];
  let shell: string | null = null;
  for (const [index, { text }] of words.entries()) {
    const name = prefixes.has(":") ? undefined : /^\$([A-Za-z_]\w*)$/.exec(text)?.[1];
    if (name === undefined || index === 0)
      argv.push(joinText(prefixes.has(":") ? specifierParts(text, names, unknown) : withVariables(text, names, unknown)));
    else {
      const split = splitVariable(name, variables);
      if (split === null) shell ??= name;
      argv.push(...(split ?? []).map((word) => escapeText(word)));
    }
  }
  const [command, ...args] = argv;
  if (command === undefined || command === "") return err("the command is empty");
  if (shell === null) return ok({ command, args, shell, unknown });
  const line = words.map(({ text }) => shellWord(text, names, unknown)).join(" ");
  return ok({ command: `set -f; exec ${line}`, args: [], shell, unknown });
}

/** Returns the words of a variable, or null if its value is only known at the start. */
function splitVariable(name: string, { known, hasFiles }: Variables): string[] | null {
  const parts = known.get(name);
  if (hasFiles || USUAL.has(name)) return null;
  if (parts === undefined) return [];
  const literals = parts.filter((part) => typeof part === "string");
  if (literals.length < parts.length) return null;
  return splitWords(literals.join(""))?.map(({ text }) => text) ?? null;
}

/** Variables that sup itself sets. */
const USUAL: ReadonlySet<string> = new Set("MAINPID HOME USER LOGNAME PATH SHELL LANG PORT".split(" "));

/** Replaces specifiers, `${VAR}` and `$$`. */
export function withVariables(text: string, names: UnitNames, unknown: Set<string>): TextPart[] {
  const parts: TextPart[] = [];
  let at = 0;
  for (const match of text.matchAll(/\$\$|\$\{([A-Za-z_]\w*)\}/g)) {
    parts.push(...specifierParts(text.slice(at, match.index), names, unknown));
    parts.push(match[1] === undefined ? "$" : { variable: match[1], fallback: [] });
    at = match.index + match[0].length;
  }
  return [...parts, ...specifierParts(text.slice(at), names, unknown)];
}

/** Quotes a word for sh(1), but leaves its variables unquoted for expansion. sup expands specifiers before the shell sees them. */
function shellWord(text: string, names: UnitNames, unknown: Set<string>): string {
  const bare = /^\$([A-Za-z_]\w*)$/.exec(text);
  if (bare) return `$${bare[1]}`;
  const quoted = withVariables(text, names, unknown).map((part) => {
    if (typeof part === "string") return inDoubleQuotes(part.replaceAll("%", "%%"));
    return "specifier" in part ? `%${part.specifier}` : `\${${part.variable}}`;
  });
  const word = quoted.join("");
  return /^[\w@+=:,./-]+$/.test(word) && word === text ? word : `"${word}"`;
}

const inDoubleQuotes = (text: string): string => text.replaceAll(/["\\$`]/g, "\\$&");

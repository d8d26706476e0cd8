import { err, ok, type Result } from "../../../base/result.ts";
import { joinText, type TextPart } from "../text.ts";

/**
 * Expands `%(name)s` like Python's `text % names`. supervisord reads `%(ENV_X)s` from its own environment, which is unknown
 * to the importer. Such a variable becomes a marker. The marker consists only of letters, so supervisord's further processing
 * of the value does not change it. `fromMarkers` turns the markers into sup's variables.
 */
export function expandPercent(text: string, names: ReadonlyMap<string, string | number>): Result<string, string> {
  let result = "";
  for (let at = 0; at < text.length;) {
    if (text[at] !== "%") {
      result += text[at++];
      continue;
    }
    CONVERSION.lastIndex = at;
    const match = CONVERSION.exec(text);
    if (!match) return err(`"${text.slice(at, at + 12)}" is not a valid % conversion; a literal % must be written %%`);
    const [whole, name, flags = "", width = "", precision, letter] = match;
    at += whole.length;
    if (letter === "%") {
      result += "%";
      continue;
    }
    if (name === undefined) return err(`"${whole}" names no value; a literal % must be written %%`);
    const value = names.get(name) ?? unknownNow(name);
    if (value === undefined) return err(`%(${name})s is unknown to supervisord`);
    const formatted = format(value, flags, Number(width || 0), precision, letter!);
    if (formatted === null) return err(`"${whole}" cannot format ${JSON.stringify(value)}`);
    result += formatted;
  }
  return ok(result);
}

/** Returns a marker for a value that only the running supervisord knows. */
function unknownNow(name: string): string | undefined {
  if (name === "host_node_name") return marker("HOSTNAME");
  return /^ENV_[A-Za-z_]\w*$/.test(name) ? marker(name.slice(4)) : undefined;
}

const CONVERSION = /%(?:\(([^()]*)\))?([-+ #0]*)(\d{0,3})(?:\.(\d{0,3}))?[hlL]?([%diuoxXscrafFeEgG])/y;

function format(value: string | number, flags: string, width: number, precision: string | undefined, letter: string): string | null {
  const left = flags.includes("-");
  if ("sra".includes(letter)) {
    const text = letter === "s" ? String(value) : typeof value === "number" ? String(value) : `'${value}'`;
    const cut = precision === undefined ? text : text.slice(0, Number(precision));
    return left ? cut.padEnd(width) : cut.padStart(width);
  }
  if (typeof value !== "number" || !"diuxXo".includes(letter)) return null;
  const base = letter === "o" ? 8 : letter === "x" || letter === "X" ? 16 : 10;
  const digits = value.toString(base).padStart(Number(precision ?? 0), "0");
  const sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const shown = letter === "X" ? digits.toUpperCase() : digits;
  if (left) return (sign + shown).padEnd(width);
  return flags.includes("0") ? sign + shown.padStart(width - sign.length, "0") : (sign + shown).padStart(width);
}

const BEFORE = "zzSUPVARzz";
const AFTER = "zzRAVPUSzz";

const marker = (name: string): string => `${BEFORE}${[...name].map((char) => char.codePointAt(0)!.toString(16)).join("_")}${AFTER}`;

const MARKER = new RegExp(`${BEFORE}([0-9a-f_]*)${AFTER}`, "g");

const nameIn = (hex: string): string =>
  hex === "" ? "" : String.fromCodePoint(...hex.split("_").map((code) => Number.parseInt(code, 16)));

export const hasMarker = (text: string): boolean => text.includes(BEFORE);

/** Returns the names of the variables whose markers are in a string. */
export const markedNames = (text: string): string[] => [...text.matchAll(MARKER)].map((match) => nameIn(match[1]!));

/** Converts a string with markers to sup's syntax. Markers become `${X}`, and the rest is escaped. */
export function fromMarkers(text: string): string {
  const parts: TextPart[] = [];
  let at = 0;
  for (const match of text.matchAll(MARKER)) {
    parts.push(text.slice(at, match.index), { variable: nameIn(match[1]!) });
    at = match.index + match[0].length;
  }
  return joinText([...parts, text.slice(at)]);
}

/** Replaces the markers with the names of their variables, for the name of a unit. */
export const bareMarkers = (text: string): string => text.replaceAll(MARKER, (_, hex: string) => nameIn(hex));

/** Shows a string with markers as supervisord writes it. */
export const shownMarkers = (text: string): string => text.replaceAll(MARKER, (_, hex: string) => `%(ENV_${nameIn(hex)})s`);

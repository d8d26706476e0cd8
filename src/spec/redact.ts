/**
 * Hides secrets in what is shown: unit files, settings, problems and sentences. Everything that leaves the daemon for a client with
 * read access passes through here. A value is a secret if its name suggests one (`SMTP_PWD`, `X-Api-Key`). Inside any other string,
 * the credentials of URLs and of HTTP authentication are secrets. Arguments of commands are not treated as secrets, because every
 * user of the machine can read them in /proc.
 */
import type { Path } from "./parse/tree.ts";

export const HIDDEN = "********";

/** Returns true if the name of a variable, header, query parameter or key suggests a secret. */
export const isSecretName = (name: string): boolean => ANYWHERE.test(name) || wordsOf(name).some(isSecretWord);

const ANYWHERE = /pass(word|wd|phrase|code)|pwd|secret|token|credential|private|cookie|auth(?!or(?!i[sz]))/i;

const isSecretWord = (word: string): boolean => WORDS.has(word) || (/(pass|keys?)$/.test(word) && !HARMLESS.has(word));

const WORDS: ReadonlySet<string> = new Set("bearer creds dsn hmac jwt otp passes pat pin psk pw salt sas sig signature webhook".split(" "));

const HARMLESS: ReadonlySet<string> = new Set("bypass compass donkey hotkey hotkeys monkey overpass surpass turkey underpass".split(" "));

/** Splits a name such as `STRIPE_KEY`, `x-api-key` or `apiKey` into words in lower case. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

/** Returns a string without the credentials inside it. For strings whose name does not suggest a secret, and for sentences. */
export function redactString(text: string): string {
  if (!/:\/\/|[?&#;]|bearer|basic/i.test(text)) return text;
  return text
    .replace(WHOLE_URL, withoutPassword)
    .replace(URL_IN_TEXT, withoutPassword)
    .replace(USER_OF_HTTP, `$1://${HIDDEN}@`)
    .replace(PARAMETER, (whole, start: string, name: string) => (isSecretName(decoded(name)) ? `${start}${name}=${HIDDEN}` : whole))
    .replace(AUTHENTICATION, `$1 ${HIDDEN}`);
}

/** The user name of an HTTP API is often its key. */
const withoutPassword = (_: string, scheme: string, user: string): string =>
  /^https?$/i.test(scheme) ? `${scheme}://${HIDDEN}@` : `${scheme}://${user}:${HIDDEN}@`;

/** Matches `scheme://user:password@`. A password may contain a raw `/`, `@` or blank, but `host:8080/path@x` has no password. */
const WHOLE_URL = /^([a-z][a-z0-9+.-]*):\/\/([^\s@/?#:]*):(?:[^/?#]*@|(?!\d{1,5}[/?#])[^]*@)/i;
const URL_IN_TEXT = /\b([a-z][a-z0-9+.-]{0,30}):\/\/([^\s@/?#:]{0,200}):(?:[^\s/?#]{0,500}@|(?!\d{1,5}[/?#])[^\s]{0,500}@)/gi;
const USER_OF_HTTP = /\b(https?):\/\/[^\s"'`<>@/?#:]{1,500}@/gi;
const PARAMETER = /([?&#;])([\w.%[\]-]+)=[^\s"'`<>&#;]+/g;
const AUTHENTICATION = /\b(Bearer|Basic)\s+(?=[\w.~+/-]*[\d=]|[\w.~+/-]{20})[\w.~+/-]{6,}=*/gi;

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // URIError: a stray percent sign
  }
}

/** Returns a value of a unit or settings file for display. `path` is the path of its key. */
export function redactValue(value: unknown, path: Path): unknown {
  if (value === null || value === "" || typeof value === "boolean") return value;
  if (isSecretPath(path) && typeof value !== "object") return HIDDEN;
  if (typeof value === "string") return redactText(value, path);
  if (Array.isArray(value)) return value.map((item, index) => redactValue(item, [...path, index]));
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redactValue(inner, [...path, name])]));
}

const isSecretPath = (path: Path): boolean => path.some((step) => typeof step === "string" && isSecretName(step));

/** Arguments stay as they are, and so do sentences such as `set KEY=1`. */
const PLAIN: ReadonlySet<unknown> = new Set(["args", "command", "name", "description"]);

function redactText(text: string, path: Path): string {
  const shown = redactString(text);
  if (path.some((step) => PLAIN.has(step))) return shown;
  const assigned = redactAssignments(shown);
  // A header in a list instead of an object, such as `["X-Api-Key: x"]`.
  const header = typeof path.at(-1) === "number" ? /^\s*([\w-]+)\s*:\s/.exec(assigned) : null;
  return header && isSecretName(header[1]!) ? `${header[1]}: ${HIDDEN}` : assigned;
}

/** Hides the values of assignments such as `host=db password=x`, and of the list `["DB_PASSWORD=x"]` that other tools use. */
const redactAssignments = (text: string): string =>
  text.replace(/([\w.-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s;&]+)/g, (whole, name: string, equals: string) =>
    isSecretName(name) ? `${name}${equals}${HIDDEN}` : whole,
  );

/** Returns the effective settings of a unit for display. */
export const redactSettings = (effective: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  redactValue(effective, []) as Record<string, unknown>;

/** Returns the text of a unit file for display, even if it has syntax errors. Only secrets change, so comments and the layout stay. */
export const redactFile = (text: string): string => [...scan(text)].map(({ shown }) => shown).join("");

/** Returns true if the value at this offset of a unit file is a secret. For messages about syntax errors, which quote that place. */
export function isSecretAt(text: string, offset: number): boolean {
  for (const { token, shown, start } of scan(text)) if (start + token.length > offset) return shown !== token;
  return false;
}

interface Shown {
  readonly token: string;
  readonly shown: string;
  readonly start: number;
}

function* scan(text: string): Generator<Shown> {
  const path: Array<string | number> = [];
  let isKey = false;
  for (const match of text.matchAll(TOKEN)) {
    const [token] = match;
    const first = token[0]!;
    const start = match.index;
    if (first === "/" && token.length > 1) yield { token, start, shown: redactComment(token) };
    else if (first === '"' && isKey) {
      path[path.length - 1] = unquoted(token);
      isKey = false;
      yield { token, start, shown: token };
    } else if (first === '"' || /[\w.+-]/.test(first)) {
      yield { token, start, shown: redactScalar(token, path) };
    } else {
      if (first === "{" || first === "[") path.push(first === "{" ? "" : 0);
      if (first === "}" || first === "]") path.pop();
      if (first === "{" || first === ",") isKey = typeof path.at(-1) === "string";
      yield { token, start, shown: token };
    }
  }
}

/** Matches a string (an unclosed one ends with its line), a comment, a word, white space, or any other character. */
const TOKEN = /"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)|[\w.+-]+|\s+|[^]/g;

function redactScalar(token: string, path: Path): string {
  if (!token.startsWith('"')) return isSecretPath(path) && !/^(true|false|null)$/.test(token) ? `"${HIDDEN}"` : token;
  const value = unquoted(token);
  const shown = redactValue(value, path);
  return shown === value ? token : JSON.stringify(shown);
}

/** A comment may contain a setting that is not used. */
const redactComment = (comment: string): string =>
  redactAssignments(redactString(comment)).replace(/("([^"\n]*)"\s*:\s*)("[^"\n]*"?|[^\s,}\]]+)/g, (whole, start: string, name: string) =>
    isSecretName(name) ? `${start}"${HIDDEN}"` : whole,
  );

function unquoted(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return token.replace(/^"|"$/g, ""); // a string with a syntax error
  }
}

/** The three kinds of unit names: a plain `NAME`, a template `NAME@`, and an instance `NAME@x` of that template. */

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const SUFFIX = ".unit.json";

/** Removes the suffix `.unit.json`, if there is one. Does not check whether the result is a valid name. */
export const stripSuffix = (text: string): string => (text.endsWith(SUFFIX) ? text.slice(0, -SUFFIX.length) : text);

export const fileNameOf = (id: string): string => id + SUFFIX;

/** No unit may have this name, because the daemon's own log is `sup.log`. */
export const RESERVED_NAME = "sup";

/**
 * Returns true for `web` and `web@1`. Returns false for the template `web@`, paths, `sup`, and names with a part of more than
 * 64 characters.
 */
export function isUnitId(text: string): boolean {
  if (text === RESERVED_NAME) return false;
  const at = text.indexOf("@");
  return at < 0 ? NAME.test(text) : NAME.test(text.slice(0, at)) && NAME.test(text.slice(at + 1));
}

/** The hint in messages about an invalid unit name. */
export const NAME_HINT =
  "a unit name has letters, digits, _ . and - (at most 64, the first a letter or digit); an instance of a template has @ and more of them";

/**
 * Matches the forms in which a request can name a run of a unit. 0 is the latest run, -1 the one before it, and so on. Otherwise it
 * is at least the first 4 digits of the run's invocation id.
 */
export const RUN_NAME = /^(0|-[1-9]\d{0,3}|[0-9a-fA-F]{4,32})$/;

/** The name of an agent in the history, such as `claude-code 2.1`. */
export const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9 _.@:/-]{0,63}$/;

export const isTemplate = (text: string): boolean => text.endsWith("@") && NAME.test(text.slice(0, -1));

/** Splits `web@1` into the template `web@` and the instance `1`. Returns null for a name that is not an instance. */
export function instanceOf(id: string): { readonly template: string; readonly instance: string } | null {
  const at = id.indexOf("@");
  return at < 0 || at === id.length - 1 ? null : { template: id.slice(0, at + 1), instance: id.slice(at + 1) };
}

/** The largest number of units that a service can have. */
export const MAX_UNITS = 256;

/** Returns the id of a unit of a service with `instances`: `web@2` for 2. */
export const unitOfService = (service: string, number: number): string => `${service}@${number}`;

/** Splits `web@2` into `web` and 2. Returns null if the part after the `@` is not a number that a unit of a service can have. */
export function numberedUnit(id: string): { readonly service: string; readonly number: number } | null {
  const at = id.indexOf("@");
  const digits = at < 0 ? "" : id.slice(at + 1);
  const number = /^[1-9]\d{0,2}$/.test(digits) ? Number(digits) : 0;
  return number >= 1 && number <= MAX_UNITS ? { service: id.slice(0, at), number } : null;
}

/** Compares ids for sorting: by name, but `web@2` comes before `web@10`. */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  const at = a.indexOf("@");
  const byName = a < b ? -1 : 1;
  if (at < 1 || b.charCodeAt(at) !== AT || !b.startsWith(a.slice(0, at))) return byName;
  const [first, second] = [isNumber(a, at + 1), isNumber(b, at + 1)];
  if (first !== second) return first ? -1 : 1;
  return first ? a.length - b.length || byName : byName;
}

const AT = 64;

/** Returns true if the rest of the string is a number without leading zeros. Sorting calls this often, so it makes no new strings. */
function isNumber(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57 || (i === from && code === 48)) return false;
  }
  return from < text.length;
}

/**
 * Returns a function that matches whole names against a shell-style pattern (`*`, `?`, `[abc]`, `[a-c]`, `[!abc]`). A match takes at
 * most (length of the pattern × length of the name) steps, because a mismatch extends only the last `*`, by one character.
 */
export function globMatcher(glob: string): (name: string) => boolean {
  const parts = globParts(glob);
  return (name) => {
    const chars = [...name];
    let [part, at] = [0, 0];
    let [starPart, starAt] = [-1, 0];
    while (at < chars.length) {
      const accepts = parts[part];
      if (accepts === "*") [starPart, starAt, part] = [part, at, part + 1];
      else if (accepts?.(chars[at]!)) [part, at] = [part + 1, at + 1];
      else if (starPart >= 0) [part, at] = [starPart + 1, ++starAt];
      else return false;
    }
    return parts.slice(part).every((rest) => rest === "*");
  };
}

type GlobPart = "*" | ((char: string) => boolean);

function globParts(glob: string): GlobPart[] {
  const chars = [...glob];
  const parts: GlobPart[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    const end = char === "[" ? endOfClass(chars, i) : -1;
    if (char === "*") parts.push("*");
    else if (char === "?") parts.push(() => true);
    else if (end > 0) {
      parts.push(classOf(chars.slice(i + 1, end)));
      i = end;
    } else parts.push((other) => other === char);
  }
  return parts;
}

/**
 * Returns the index of the `]` that closes the character class at `start`, or -1 if there is none, in which case the `[` is
 * literal. A `]` at the beginning of the class belongs to the class.
 */
const endOfClass = (chars: readonly string[], start: number): number =>
  chars.indexOf("]", start + (/[!^]/.test(chars[start + 1] ?? "") ? 3 : 2));

function classOf(chars: readonly string[]): (char: string) => boolean {
  const negated = /[!^]/.test(chars[0] ?? "");
  const ranges: Array<readonly [from: string, to: string]> = [];
  for (let i = Number(negated); i < chars.length; i++) {
    const isRange = chars[i + 1] === "-" && i + 2 < chars.length;
    ranges.push([chars[i]!, chars[isRange ? i + 2 : i]!]); // a reversed range is empty, as in a shell
    if (isRange) i += 2;
  }
  return (char) => ranges.some(([from, to]) => from <= char && char <= to) !== negated;
}

export const isGlob = (text: string): boolean => /[*?[]/.test(text);

/**
 * Returns the item of `list` with the smallest edit distance to `word`. Returns undefined if `word` is too different from every item
 * to be a misspelling.
 */
export function closest(word: string, list: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3) + 1);
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of list) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Returns the optimal string alignment distance, in which swapping two neighbouring characters counts as one edit. If the
 * lengths differ by `limit` or more, returns `limit`.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}

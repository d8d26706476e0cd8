/** Unit names: `NAME`, the template `NAME@` and its instances `NAME@x`. */

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const SUFFIX = ".unit.json";

/** `web`, `web.unit.json` → `web`. Does not check whether the name is valid. */
export const stripSuffix = (text: string): string => (text.endsWith(SUFFIX) ? text.slice(0, -SUFFIX.length) : text);

export const fileNameOf = (id: string): string => id + SUFFIX;

/** Not a unit name, because the daemon's own log is `sup.log`. */
export const RESERVED_NAME = "sup";

/** True for `web`, `web@1`; false for the template `web@`, paths, `sup`, and names with a part over 64 characters. */
export function isUnitId(text: string): boolean {
  if (text === RESERVED_NAME) return false;
  const at = text.indexOf("@");
  return at < 0 ? NAME.test(text) : NAME.test(text.slice(0, at)) && NAME.test(text.slice(at + 1));
}

/** What to type instead of a name that cannot be one. */
export const NAME_HINT =
  "a unit name has letters, digits, _ . and - (at most 64, the first a letter or digit); an instance of a template has @ and more of them";

/** How a request names a run of a unit: 0 is the latest, -1 the one before; or at least the first 4 digits of its invocation id. */
export const RUN_NAME = /^(0|-[1-9]\d{0,3}|[0-9a-fA-F]{4,32})$/;

export const isTemplate = (text: string): boolean => text.endsWith("@") && NAME.test(text.slice(0, -1));

/** `web@1` → template `web@` and instance `1`; null for a plain name. */
export function instanceOf(id: string): { readonly template: string; readonly instance: string } | null {
  const at = id.indexOf("@");
  return at < 0 || at === id.length - 1 ? null : { template: id.slice(0, at + 1), instance: id.slice(at + 1) };
}

/** A shell-style pattern for whole names: `*`, `?`, `[abc]`, `[a-c]`, `[!abc]`. */
export function globToRegExp(glob: string): RegExp {
  let source = "";
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i]!;
    const end = char === "[" ? endOfClass(glob, i) : -1;
    if (char === "*") source += ".*";
    else if (char === "?") source += ".";
    else if (end > 0) {
      source += classSource(glob.slice(i + 1, end));
      i = end;
    } else source += char.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  }
  return new RegExp(`^${source}$`);
}

/** A leading `]` belongs to the class. A `[` without a closing bracket is literal. */
const endOfClass = (glob: string, start: number): number => glob.indexOf("]", start + (/[!^]/.test(glob[start + 1] ?? "") ? 3 : 2));

function classSource(body: string): string {
  const negated = /^[!^]/.test(body);
  // A reversed range is empty, as in a shell. A regular expression with one would be a syntax error.
  const forward = body.slice(negated ? 1 : 0).replace(/(.)-(.)/gs, (range, from: string, to: string) => (from <= to ? range : ""));
  return `[${negated ? "^" : ""}${forward.replace(/[\\\]^[]/g, "\\$&")}]`;
}

export const isGlob = (text: string): boolean => /[*?[]/.test(text);

/** The item of `list` with the smallest edit distance to `word`, if it is close enough to be a typing error. */
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

/** Optimal string alignment distance (swapping two neighbours counts as one edit), at most `limit`. */
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

/** An estimate of how expensive an expression is, made before the expression is compiled. `size` and `ways` are upper bounds. */
export interface PatternCost {
  /** Number of instructions in the compiled expression. A repetition multiplies the size of the repeated part by its count. */
  readonly size: number;
  /** Number of ways that a backtracking engine may try from one position, without the effect of repetitions. */
  readonly ways: number;
  /** Number of repetitions at any depth. Each repetition multiplies the number of ways by the length of the text. */
  readonly repeats: number;
}

interface Group {
  size: number;
  ways: number;
  alternatives: number;
  /** The last atom, which is the part that a following quantifier applies to. */
  last: { size: number; ways: number };
}

/** Maximum number of steps for each character of the text. With this maximum, 1 MiB of text takes about 0.1 s in the worst case. */
const MAX_NATIVE = 100;

/** Returns true if the JavaScript engine, which backtracks, takes linear time for this expression. */
export function isCheap(source: string): boolean {
  const { size, ways, repeats } = measurePattern(source);
  return repeats === 0 && size * ways <= MAX_NATIVE;
}

/** Returns true if the JavaScript engine takes at most a few milliseconds for this expression on a line of a few thousand characters. */
export function isCheapOnLine(source: string): boolean {
  const { size, ways, repeats } = measurePattern(source);
  return repeats <= 1 && size * ways <= MAX_NATIVE;
}

export function measurePattern(source: string): PatternCost {
  const groups: Group[] = [newGroup()];
  let repeats = 0;
  for (let at = 0; at < source.length;) {
    const group = groups.at(-1)!;
    const token = tokenAt(source, at);
    at = token.end;
    if (token.kind === "open") groups.push(newGroup());
    else if (token.kind === "close") {
      if (groups.length > 1) addAtom(groups.at(-2)!, closeGroup(groups.pop()!));
    } else if (token.kind === "bar") {
      addAtom(group, { size: 1, ways: 1 });
      group.alternatives++;
    } else if (token.kind === "atom") addAtom(group, token);
    else if (token.kind === "repeat") {
      const { size, ways } = group.last;
      const isRepeat = token.most > 1;
      if (isRepeat) repeats++;
      group.last = { size: size * token.most + token.most - token.least + 1, ways: !isRepeat ? ways + 1 : ways > 1 ? Infinity : 1 };
    }
  }
  while (groups.length > 1) addAtom(groups.at(-2)!, closeGroup(groups.pop()!));
  return { ...closeGroup(groups[0]!), repeats };
}

type Token =
  | { readonly kind: "open" | "close" | "bar"; readonly end: number }
  | { readonly kind: "atom"; readonly size: number; readonly ways: number; readonly end: number }
  | { readonly kind: "repeat"; readonly least: number; readonly most: number; readonly end: number };

const QUANTIFIER = /\{(\d{1,9})(,(\d{0,9}))?\}/y;
const GROUP = /\(\?(?:[=!:]|<[=!]|P?<\w*>|[a-zA-Z-]*:?)/y;
const ESCAPE = /\\(?:[pPxu]\{[^}]*\}|Q(?:[^\\]|\\[^E])*(?:\\E)?|[^])/y;
const CLASS = /\[\^?\]?(?:\[:\^?\w*:\]|\\[^]|[^\]\\])*\]?/y;

function tokenAt(source: string, at: number): Token {
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  const next = at + 1;
  switch (source[at]) {
    case "(":
      return { kind: "open", end: at + (match(GROUP)?.[0].length ?? 1) };
    case ")":
      return { kind: "close", end: next };
    case "|":
      return { kind: "bar", end: next };
    case "?":
      return { kind: "repeat", least: 0, most: 1, end: next };
    case "*":
    case "+":
      return { kind: "repeat", least: 0, most: 2, end: next };
    case "{": {
      const [text, least, comma, most] = match(QUANTIFIER) ?? [];
      if (text === undefined) return { kind: "atom", size: 1, ways: Infinity, end: next };
      const from = Number(least);
      return { kind: "repeat", least: from, most: comma === undefined ? from : Number(most || from + 1), end: at + text.length };
    }
    case "[": {
      const { length } = match(CLASS)![0];
      // Both languages disagree about a class that begins with a bracket.
      return { kind: "atom", size: 1, ways: /^\[\^?\]/.test(source.slice(at, at + 3)) ? Infinity : 1, end: at + length };
    }
    case "\\": {
      const [text = "\\"] = match(ESCAPE) ?? [];
      const isSimple = text.length <= 2 && !/[Q\d]/.test(text);
      return { kind: "atom", size: /^\\[pP]/.test(text) ? CLASS_SIZE : text.length, ways: isSimple ? 1 : Infinity, end: at + text.length };
    }
    default:
      return { kind: "atom", size: 1, ways: 1, end: next };
  }
}

/** The size of a Unicode class. Such classes are expensive to compile, even more so in expressions that ignore case. */
const CLASS_SIZE = 40;

const newGroup = (): Group => ({ size: 2, ways: 1, alternatives: 1, last: { size: 0, ways: 1 } });

function addAtom(group: Group, atom: { readonly size: number; readonly ways: number }): void {
  group.size += group.last.size;
  group.ways *= group.last.ways;
  group.last = { ...atom };
}

function closeGroup(group: Group): { size: number; ways: number } {
  addAtom(group, { size: 0, ways: 1 });
  return { size: group.size, ways: group.ways * group.alternatives };
}

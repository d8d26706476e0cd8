/** Parses unit files as systemd does (systemd.syntax(7)). */

export interface Assignment {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly file: string;
  readonly line: number;
}

export interface ParsedUnit {
  readonly assignments: readonly Assignment[];
  /** Lines that systemd ignores with a warning. */
  readonly ignored: ReadonlyArray<{ readonly where: string; readonly text: string }>;
}

/** Parses a unit file and its drop-ins, in order. */
export function parseUnit(files: ReadonlyArray<{ readonly path: string; readonly text: string }>): ParsedUnit {
  const assignments: Assignment[] = [];
  const ignored: Array<{ where: string; text: string }> = [];
  for (const { path, text } of files) {
    let section: string | null = null;
    for (const { line, content } of logicalLines(text)) {
      const header = /^\[([^\]]*)\]$/.exec(content);
      const equals = content.indexOf("=");
      if (header) section = header[1]!;
      else if (equals > 0 && section !== null)
        assignments.push({ section, key: content.slice(0, equals).trim(), value: content.slice(equals + 1).trim(), file: path, line });
      else ignored.push({ where: `${path}:${line}`, text: content });
    }
  }
  return { assignments, ignored };
}

/** Joins lines. A line that ends in `\` continues on the next line that is not a comment. The backslash becomes a space. */
function* logicalLines(text: string): Generator<{ readonly line: number; readonly content: string }> {
  let pending: string[] = [];
  let start = 0;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trimEnd();
    if (/^\s*[#;]/.test(line) || (line === "" && pending.length === 0)) continue;
    if (pending.length === 0) start = index + 1;
    // Only an odd number of backslashes continues the line. An even number stands for literal backslashes.
    if (/(?:^|[^\\])(?:\\\\)*\\$/.test(line)) {
      pending.push(line.slice(0, -1));
      continue;
    }
    yield { line: start, content: [...pending, line].join(" ").trim() };
    pending = [];
  }
  if (pending.length > 0) yield { line: start, content: pending.join(" ").trim() };
}

/** The settings of one section. An empty assignment resets a list. */
export class Settings {
  readonly #byKey = new Map<string, Assignment[]>();
  readonly #empty: Assignment[] = [];

  constructor(unit: ParsedUnit, section: string) {
    for (const assignment of unit.assignments) {
      if (assignment.section !== section) continue;
      if (assignment.value === "") this.#empty.push(assignment);
      const before = this.#byKey.get(assignment.key) ?? [];
      this.#byKey.set(assignment.key, assignment.value === "" ? [] : [...before, assignment]);
    }
  }

  keys(): string[] {
    return [...this.#byKey].filter(([, list]) => list.length > 0).map(([key]) => key);
  }

  /** Returns the assignments that are empty and set no value, such as `CapabilityBoundingSet=`. */
  empty(): Assignment[] {
    return this.#empty.filter(({ key }) => this.all(key).length === 0);
  }

  /** Returns the last value of a key. Only the last value counts, unless the key is a list. */
  last(key: string): Assignment | undefined {
    return this.#byKey.get(key)?.at(-1);
  }

  all(key: string): readonly Assignment[] {
    return this.#byKey.get(key) ?? [];
  }
}

export const whereOf = ({ file, line }: Assignment): string => `${file}:${line}`;

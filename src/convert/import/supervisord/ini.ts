/**
 * Parses INI files exactly as supervisord does: with Python's RawConfigParser (configparser.py, `_read`), the inline comment
 * prefixes `;` and `#`, and without strict mode. Duplicate sections are merged, and later values win.
 */
export interface Option {
  value: string;
  readonly file: string;
  readonly line: number;
  /** True if an inline comment was cut off inside quotes, which damages the value. */
  readonly cutInQuotes: boolean;
}

export interface Section {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly options: Map<string, Option>;
}

export interface IniFault {
  readonly line: number;
  readonly message: string;
}

/** Reads a file into `sections`, which may hold the sections of earlier files. Returns the lines that are not valid. */
export function readIni(text: string, file: string, sections: Map<string, Section>): IniFault[] {
  const faults: IniFault[] = [];
  const touched = new Map<Option, string[]>();
  let section: Section | null = null;
  let option: Option | null = null;
  let indent = 0;
  for (const [index, line] of pythonLines(text).entries()) {
    const cut = commentStart(line);
    const value = strip(cut === null ? line : line.slice(0, cut));
    if (value === "") {
      // Inside a multi-line value, an empty line without a comment belongs to the value.
      if (cut === null && option) touched.get(option)!.push("");
      continue;
    }
    const ownIndent = line.length - line.trimStart().length;
    if (section && option && ownIndent > indent) {
      touched.get(option)!.push(value);
      continue;
    }
    indent = ownIndent;
    const close = value.lastIndexOf("]");
    if (value.startsWith("[") && close > 1) {
      const name = value.slice(1, close);
      section = sections.get(name) ?? { name, file, line: index + 1, options: new Map() };
      sections.set(name, section);
      option = null;
      continue;
    }
    if (section === null) {
      faults.push({ line: index + 1, message: "this line comes before the first [section]" });
      return faults;
    }
    const delimiter = value.search(/[=:]/);
    const key = delimiter < 0 ? "" : strip(value.slice(0, delimiter)).toLowerCase();
    if (key === "") {
      faults.push({ line: index + 1, message: "this line is neither a [section] nor KEY=VALUE" });
      continue;
    }
    option = { value: "", file, line: index + 1, cutInQuotes: cut !== null && cut > 0 && isOpenQuote(value) };
    touched.set(option, [strip(value.slice(delimiter + 1))]);
    section.options.set(key, option);
  }
  for (const [each, lines] of touched) each.value = lines.join("\n").trimEnd();
  return faults;
}

/** Splits text into lines as Python does when it iterates over a text file: `\n`, `\r\n` and `\r` end a line. */
function pythonLines(text: string): string[] {
  const lines = text
    .replace(/^\uFEFF/, "")
    .replaceAll(/\r\n?/g, "\n")
    .split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/**
 * Returns the index at which a comment starts, or null. An inline comment needs white space before it. Like configparser, the search runs in rounds: round n looks at the n-th `;` and the n-th `#`, and the first round that finds a comment ends the search.
 * Therefore in `a#b #c ;d` the comment starts at `;`, not at the second `#`.
 */
function commentStart(line: string): number | null {
  if (/^\s*[#;]/.test(line)) return 0;
  let places = [line.indexOf(";"), line.indexOf("#")];
  for (;;) {
    const starts = places.filter((at) => at === 0 || (at > 0 && /\s/.test(line[at - 1]!)));
    if (starts.length > 0) return Math.min(...starts);
    places = places.filter((at) => at >= 0).map((at) => line.indexOf(line[at]!, at + 1));
    if (places.length === 0) return null;
  }
}

const strip = (text: string): string => text.trim();

function isOpenQuote(text: string): boolean {
  let open = "";
  for (const char of text) {
    if (open !== "") open = char === open ? "" : open;
    else if (char === '"' || char === "'") open = char;
  }
  return open !== "";
}

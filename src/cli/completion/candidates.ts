import { SIGNALS } from "../../base/signals.ts";
import { findRow, type CommandRow } from "../table/command-row.ts";
import { TOPICS } from "../help/about.ts";
import { GLOBAL, OPTIONS, spellings, type OptionName, type OptionRow } from "../table/options.ts";

/**
 * The candidates for completion at the cursor. They come from `sup complete`, not from the shell's script, so they are correct
 * even if another version of sup wrote the script.
 */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** The kind of candidates that the shell itself adds, or null. */
  readonly also: "files" | "directories" | null;
}

export interface Candidate {
  readonly value: string;
  readonly about: string;
}

export interface KnownUnit {
  readonly id: string;
  readonly about: string;
  readonly groups: readonly string[];
}

/**
 * Returns the candidates for the last word. `words` are the words after the program's name, up to the cursor. The last word is
 * incomplete and may be empty. `units` is called only if the last word can be the name of a unit.
 */
export async function complete(
  words: readonly string[],
  rows: readonly CommandRow[],
  units: () => Promise<readonly KnownUnit[]>,
): Promise<Completion> {
  const line = readLine(words.slice(0, -1), rows);
  const current = words.at(-1) ?? "";
  const inline = /^(--[a-z-]+)=(.*)$/.exec(current);
  if (inline) {
    const { candidates, also } = valuesOf(optionNamed(inline[1]!, line.row)?.[0]);
    return { candidates: startingWith(current, candidates.map(({ value, about }) => ({ value: `${inline[1]}=${value}`, about }))), also }; // prettier-ignore
  }
  if (line.pending !== null) return narrowed(current, valuesOf(line.pending));
  if (line.literal) return { candidates: [], also: "files" };
  if (current.startsWith("-")) return narrowed(current, { candidates: optionsFor(line), also: null });
  if (line.row === null)
    return narrowed(current, { candidates: line.isHelp || line.args.length === 0 ? commandNames(rows, line.isHelp) : [], also: null });
  return narrowed(current, await argumentsOf(line.row, line.args, units));
}

interface Line {
  readonly row: CommandRow | null;
  readonly isHelp: boolean;
  readonly args: readonly string[];
  readonly given: ReadonlySet<OptionName>;
  /** The option whose value is being typed, or null. */
  readonly pending: OptionName | null;
  /** True if the words contain `--`. */
  readonly literal: boolean;
}

function readLine(words: readonly string[], rows: readonly CommandRow[]): Line {
  const args: string[] = [];
  const given = new Set<OptionName>();
  let pending: OptionName | null = null;
  for (const word of words) {
    if (pending !== null) pending = null;
    else if (word === "--") return { ...commandOf(args, rows), given, pending: null, literal: true };
    else if (word.startsWith("-") && word !== "-") {
      const found = optionNamed(word.split("=")[0]!, commandOf(args, rows).row);
      if (!found) continue;
      given.add(found[0]);
      if (found[1].kind !== "flag" && !word.includes("=")) pending = found[0];
    } else args.push(word);
  }
  return { ...commandOf(args, rows), given, pending, literal: false };
}

function commandOf([name, ...args]: readonly string[], rows: readonly CommandRow[]): Pick<Line, "row" | "isHelp" | "args"> {
  if (name === undefined) return { row: null, isHelp: false, args: [] };
  if (name === "help") return { row: null, isHelp: args.length === 0, args };
  const row = findRow(rows, name);
  return row ? { row, isHelp: false, args } : { row: null, isHelp: false, args: [name] };
}

const OPTION_ROWS = Object.entries(OPTIONS) as Array<[OptionName, OptionRow]>;

/** Finds an option by its spelling. If several options share the spelling, prefers the one that the command accepts. */
function optionNamed(spelling: string, command: CommandRow | null): [OptionName, OptionRow] | undefined {
  const named = OPTION_ROWS.filter(([, row]) => spellings(row).long === spelling || spellings(row).short === spelling);
  return named.find(([name]) => command?.options.includes(name)) ?? named[0];
}

function optionsFor({ row, given }: Line): Candidate[] {
  const allowed = OPTION_ROWS.filter(
    ([name, option]) => !option.hidden && (GLOBAL.includes(name) || (row?.options.includes(name) ?? false)),
  );
  const available = allowed.filter(([name, option]) => option.kind === "list" || !given.has(name));
  return [
    ...available.map(([, option]) => ({ value: spellings(option).long, about: option.words })),
    { value: "--help", about: "show help" },
  ];
}

const commandNames = (rows: readonly CommandRow[], isHelp: boolean): Candidate[] => [
  ...rows.filter((row) => !row.hidden).map((row) => ({ value: row.name, about: row.summary })),
  ...(isHelp
    ? TOPICS.map((value) => ({ value, about: "the keys of the file" }))
    : [{ value: "help", about: "show help for sup or a command" }]),
];

async function argumentsOf(row: CommandRow, args: readonly string[], units: () => Promise<readonly KnownUnit[]>): Promise<Completion> {
  const isMany = row.takes.includes("...");
  if (row.takes === "" || (args.length > 0 && !isMany)) return { candidates: [], also: null };
  if (row.choices) return { candidates: row.choices.map((value) => ({ value, about: "" })), also: null };
  if (row.takes.includes("file") || row.takes.includes("command")) return { candidates: [], also: "files" };
  if (row.takes.includes("dir")) return { candidates: [], also: "directories" };
  if (!row.takes.includes("unit")) return { candidates: [], also: null };
  const known = await units();
  const groups = isMany ? [...new Set(known.flatMap((unit) => unit.groups))].sort() : [];
  const all = [...known.map(({ id, about }) => ({ value: id, about })), ...groups.map((name) => ({ value: `@${name}`, about: "group" }))];
  return { candidates: all.filter(({ value }) => !args.includes(value)), also: null };
}

/** Returns the candidates for an option's value. */
function valuesOf(name: OptionName | undefined): Completion {
  const row: OptionRow | undefined = name && OPTIONS[name];
  if (name === "units" || name === "dir") return { candidates: [], also: "directories" };
  if (name === "signal") return { candidates: Object.keys(SIGNALS).map((value) => ({ value: value.slice(3), about: "" })), also: null };
  return { candidates: (row?.values ?? []).map((value) => ({ value, about: "" })), also: null };
}

const narrowed = (current: string, { candidates, also }: Completion): Completion => ({
  candidates: startingWith(current, candidates),
  also,
});

const startingWith = (current: string, candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(({ value }) => value.startsWith(current));

import type { OptionName } from "./options.ts";

/** What the parsers, `sup help`, completion and the manual page know about one command. Its code is in `command.ts`'s `load`. */
export interface CommandRow {
  readonly name: string;
  readonly theme: Theme;
  readonly aliases?: readonly string[];
  /** In commander's notation: `<unit...>` needs at least one, `[unit...]` takes any number, "" takes none. */
  readonly takes: string;
  /** The only values allowed as argument. */
  readonly choices?: readonly string[];
  readonly summary: string;
  readonly details?: string;
  readonly options: readonly OptionName[];
  readonly examples: readonly string[];
  /** Not shown in the list of commands. */
  readonly hidden?: true;
}

/** The headings of `sup help`, in order. */
export const THEMES = ["Look", "Act", "For scripts", "Logs and history", "Unit files", "The daemon"] as const;
export type Theme = (typeof THEMES)[number];

/** How many arguments a command takes. */
export function arity(row: CommandRow): { readonly least: number; readonly most: number } {
  if (row.takes === "") return { least: 0, most: 0 };
  return { least: row.takes.startsWith("<") ? 1 : 0, most: row.takes.includes("...") ? Infinity : 1 };
}

/** The row with this name or alias. */
export const findRow = <Row extends CommandRow>(rows: readonly Row[], name: string | undefined): Row | undefined =>
  rows.find((row) => row.name === name || row.aliases?.includes(name ?? ""));

import type { OptionName } from "./options.ts";

/**
 * The part of a command that the parsers, `sup help`, completion and the manual page use. The code of the command is loaded by
 * `load` in `command.ts`.
 */
export interface CommandRow {
  readonly name: string;
  readonly theme: Theme;
  readonly aliases?: readonly string[];
  /** The arguments in commander's notation: `<unit...>` needs at least one, `[unit...]` takes any number, "" takes none. */
  readonly takes: string;
  /** The values that the command accepts as its argument. Absent if it accepts any value. */
  readonly choices?: readonly string[];
  readonly summary: string;
  readonly details?: string;
  readonly options: readonly OptionName[];
  readonly examples: readonly string[];
  /** True if the list of commands does not show this command. */
  readonly hidden?: true;
}

/** The headings of `sup help`, in order. */
export const THEMES = ["Look", "Act", "For scripts", "Logs and history", "Unit files", "The daemon"] as const;
export type Theme = (typeof THEMES)[number];

/** Returns the minimum and maximum number of arguments of a command. */
export function arity(row: CommandRow): { readonly least: number; readonly most: number } {
  if (row.takes === "") return { least: 0, most: 0 };
  return { least: row.takes.startsWith("<") ? 1 : 0, most: row.takes.includes("...") ? Infinity : 1 };
}

/** Finds the row with this name or alias. */
export const findRow = <Row extends CommandRow>(rows: readonly Row[], name: string | undefined): Row | undefined =>
  rows.find((row) => row.name === name || row.aliases?.includes(name ?? ""));

/** The text about sup itself in `sup help` and in the manual page. */

export const ABOUT = "Keeps services running: starts them, checks their health, restarts them, and records what happened.";

/** The topics of `sup help` that are not commands. Each is a kind of file. */
export const TOPICS = ["unit", "settings"] as const;

export const EXAMPLES: ReadonlyArray<readonly [line: string, meaning: string]> = [
  ["sup daemon start", "start the daemon in the background"],
  ["sup status", "all units; problems first"],
  ["sup start web && sup logs -f web", ""],
  ["sup stop @shop --dry-run", "show what would be stopped"],
  ["sup verify units/*.json", "check unit files before deploying them"],
];

export const EXIT_CODES: ReadonlyArray<readonly [code: number, meaning: string]> = [
  [0, "done"],
  [1, "failed"],
  [2, "usage"],
  [3, "not running"],
  [4, "no such unit"],
  [5, "the daemon cannot be reached"],
];

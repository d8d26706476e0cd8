/**
 * The shells for which sup has completion scripts (`sup.bash` and so on). A script passes the words of the command line to
 * `sup complete`, which prints one candidate per line, followed by a tab and a description. The lines `:files` and `:directories`
 * tell the shell to add its own candidates. The scripts contain no list of commands, so they never become outdated.
 */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Splits the value of SUP_WORDS into words. It contains one word per line, and a dot at the end that preserves an empty last word. */
export const wordsOf = (text: string): string[] => text.replace(/\n?\.$/, "").split("\n");

/**
 * The shells with completion. Their scripts (`sup.bash` and so on) pass the words of the line to `sup complete`, which prints
 * one candidate a line, followed by a tab and a description. `:files` and `:directories` tell the shell to add its own
 * candidates. The scripts hold no list of commands, so they never go out of date.
 */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Reads the words from SUP_WORDS: one per line, then a dot, so that an empty last word is preserved. */
export const wordsOf = (text: string): string[] => text.replace(/\n?\.$/, "").split("\n");

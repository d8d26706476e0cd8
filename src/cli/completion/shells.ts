/**
 * The shells that have completion. Their scripts (`sup.bash` and so on) pass the words of the line to `sup complete`. It prints
 * one candidate per line, followed by a tab and a description. `:files` and `:directories` tell the shell to add its own
 * candidates. The scripts contain no list of commands, so they never go out of date.
 */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Reads the words from SUP_WORDS, which has one word per line and then a dot. The dot preserves an empty last word. */
export const wordsOf = (text: string): string[] => text.replace(/\n?\.$/, "").split("\n");

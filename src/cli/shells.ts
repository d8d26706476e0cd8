/**
 * The shells that complete what is typed. Their scripts (`shells/`) hand the words of the line to `sup complete`, which
 * answers with a candidate a line, a tab and words about it; `:files` and `:directories` ask the shell for its own. So a
 * script never goes out of date.
 */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The words of the line in SUP_WORDS: one a line, with a dot at the end that keeps an empty last one. */
export const wordsOf = (text: string): string[] => text.replace(/\n?\.$/, "").split("\n");

import type { Pattern } from "../../base/pattern.ts";

/** Without a repetition, so that a match takes linear time. */
const WORDS = /error|fatal|panic|exception|traceback|critical/i;
/** Number of characters between two yields; they take about a millisecond. */
const SLICE_CHARACTERS = 200_000;

/** Matches the lines that say that they are about an error, in the words that most programs use. */
export function errorLines(): Pattern {
  let characters = 0;
  return {
    test: (text) => WORDS.test(text),
    *search(text) {
      characters += text.length;
      if (characters > SLICE_CHARACTERS) {
        characters = 0;
        yield;
      }
      return WORDS.test(text);
    },
  };
}

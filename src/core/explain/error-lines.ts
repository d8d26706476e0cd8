import type { Pattern } from "../../base/pattern.ts";

/** Contains no quantifier, so a match takes linear time. */
const WORDS = /error|fatal|panic|exception|traceback|critical/i;
/** Number of characters that are matched before the event loop gets a turn. Matching them takes about a millisecond. */
const SLICE_CHARACTERS = 200_000;

/** Matches lines that contain one of the words with which most programs report an error. */
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

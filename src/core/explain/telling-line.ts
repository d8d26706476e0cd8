/** Finds the line of a failed run's last output that says most about the cause. */

const MOST_CHARS = 300;

/** Words that a line about a failure usually contains. */
const FAILURE =
  /\b(?:error|err|fatal|panic|exception|critical|failed|failure|fail|cannot|can't|could not|missing|denied|refused|not found|invalid|unable|required|no such)\b/i;
/** The name of a class of errors, such as `KeyError`. */
const ERROR_NAME = /\w(?:Error|Exception)\b/;
/** A stack frame or another continuation of the line above it. */
const CONTINUATION = /^\s|^at |^\}|^\]|^\)|^note: /;

/**
 * Returns the last line that names a failure, or else the last line that is not empty. Returns null if all lines are empty.
 * Programs often print a stack trace or their version after the error, so the last line is often useless.
 */
export function tellingLine(lines: readonly string[]): string | null {
  const written = lines.filter((line) => line.trim() !== "");
  const telling = written.findLast((line) => (FAILURE.test(line) || ERROR_NAME.test(line)) && !CONTINUATION.test(line));
  return (telling ?? written.at(-1))?.trim().slice(0, MOST_CHARS) ?? null;
}

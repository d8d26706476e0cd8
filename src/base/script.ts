/** Functions for the first line of a script, which names the interpreter (execve(2)). */

/**
 * Returns true if the first line of a script has a Windows line ending. Its carriage return would become part of the
 * interpreter's name or argument.
 */
export const endsInCarriageReturn = (firstLine: string): boolean => /^#!.*\r$/.test(firstLine);

export const WINDOWS_LINE_ENDINGS = "its first line ends in a carriage return (Windows line endings); `sed -i 's/\\r$//' FILE` converts it";

/**
 * Returns the words that complete the message "cannot execute FILE: its interpreter" when the interpreter does not exist.
 * Returns "" for an ELF file.
 */
export function interpreterWords(firstLine: string): string {
  if (endsInCarriageReturn(firstLine)) return ` is not found, because ${WINDOWS_LINE_ENDINGS}`;
  return firstLine.startsWith("#!") ? ` ${firstLine.slice(2).trim().split(/\s/, 1)[0]}` : "";
}

/** The first line of a script, which names its interpreter (execve(2)). */

/** With Windows line endings the carriage return becomes part of the interpreter's name, or of its argument. */
export const endsInCarriageReturn = (firstLine: string): boolean => /^#!.*\r$/.test(firstLine);

export const WINDOWS_LINE_ENDINGS = "its first line ends in a carriage return (Windows line endings); `sed -i 's/\\r$//' FILE` converts it";

/** The end of "cannot execute FILE: its interpreter" for one that does not exist; "" for an ELF file. */
export function interpreterWords(firstLine: string): string {
  if (endsInCarriageReturn(firstLine)) return ` is not found, because ${WINDOWS_LINE_ENDINGS}`;
  return firstLine.startsWith("#!") ? ` ${firstLine.slice(2).trim().split(/\s/, 1)[0]}` : "";
}

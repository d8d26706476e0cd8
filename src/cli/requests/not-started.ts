import { EXIT } from "../../api/contract/errors.ts";

/**
 * Returns the exit code for a command that could not be started. As in a shell, it is 127 if the command was not found, and 126
 * if it cannot be executed.
 */
export function notStarted(words: string): number {
  const errno = /^cannot execute .*\((E[A-Z]+)\)/s.exec(words)?.[1];
  if (errno === undefined) return EXIT.failed;
  return errno === "ENOENT" ? 127 : 126;
}

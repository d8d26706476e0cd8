import { readlinkSync } from "node:fs";

/** Returns the name of the terminal of standard input, such as "pts/3", or null if it has no name. */
export function terminalName(): string | null {
  try {
    return readlinkSync("/proc/self/fd/0").replace(/^\/dev\//, "");
  } catch {
    return null;
  }
}

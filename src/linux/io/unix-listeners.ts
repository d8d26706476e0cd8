import { readFileSync } from "node:fs";

/** __SO_ACCEPTCON: it listens. */
const LISTENS = 0x10000;

/**
 * True when somebody listens on the unix socket with this path. Unlike a connection it needs no right to the socket: every
 * user sees the table (proc(5), /proc/net/unix), and the kernel takes a line out of it when the listener dies.
 */
export function hasListener(path: string): boolean {
  let table: string;
  try {
    table = readFileSync("/proc/net/unix", "utf8");
  } catch {
    return false;
  }
  return table.split("\n").some((line) => {
    if (!line.endsWith(` ${path}`)) return false;
    const [, , , flags] = line.split(/\s+/); // Num RefCount Protocol Flags Type St Inode Path
    return flags !== undefined && (Number.parseInt(flags, 16) & LISTENS) !== 0;
  });
}

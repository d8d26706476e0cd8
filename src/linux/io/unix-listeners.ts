import { readFileSync } from "node:fs";

/** The flag of a listening socket: __SO_ACCEPTCON. */
const SO_ACCEPTCON = 0x10000;

/**
 * True when a process listens on the unix socket with this path. Unlike connecting, this needs no permission on the socket: every
 * user can read the table (proc(5), /proc/net/unix). The kernel removes a socket from it when the listener ends.
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
    return flags !== undefined && (Number.parseInt(flags, 16) & SO_ACCEPTCON) !== 0;
  });
}

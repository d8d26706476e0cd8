import { readFileSync } from "node:fs";

/** The kernel's flag for a listening socket (__SO_ACCEPTCON). */
const SO_ACCEPTCON = 0x10000;

/**
 * Returns true if a process listens on the unix socket with this path. The check needs no permission on the socket, because
 * every user can read /proc/net/unix (proc(5)). The kernel removes a socket from that table when the listener ends.
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
    const [, , , flags] = line.split(/\s+/); // the columns are Num RefCount Protocol Flags Type St Inode Path
    return flags !== undefined && (Number.parseInt(flags, 16) & SO_ACCEPTCON) !== 0;
  });
}

import { readFileSync } from "node:fs";

const ESTABLISHED = "01";

/**
 * Returns the number of established connections for each local TCP port that has any. Connections that wait to be accepted
 * count. The source is /proc/net/tcp (proc(5)), which lists the connections of the daemon's network namespace.
 */
export function countConnections(): Map<number, number> {
  const counts = new Map<number, number>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"])
    for (const line of readOrEmpty(table).split("\n")) {
      const [, local, , state] = line.trim().split(/\s+/, 4);
      if (state !== ESTABLISHED || local === undefined) continue;
      const port = Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16);
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
  return counts;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // the kernel has no IPv6, or /proc/net is missing
  }
}

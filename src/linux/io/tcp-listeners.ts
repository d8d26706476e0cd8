import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { listPids, readStat } from "../proc/proc.ts";

const LISTEN = "0A";

/**
 * Returns the process that listens on a TCP port of this machine, such as `nginx (pid 812)`. Returns null if there is no such
 * process, or if it cannot be identified. The source is /proc/net/tcp (proc(5)).
 */
export function findPortOwner(port: number): string | null {
  const owner = ownerOf(findListeners(port));
  return owner === null ? null : nameOf(owner);
}

/** Returns the sockets that listen on a TCP port, as the links in /proc/PID/fd name them: `socket:[INODE]` (proc(5)). */
export function findListeners(port: number): ReadonlySet<string> {
  return new Set([...listeners("/proc/net/tcp", port), ...listeners("/proc/net/tcp6", port)].map((inode) => `socket:[${inode}]`));
}

interface SocketOwner {
  readonly pid: number;
  readonly name: string;
}

/** Returns a process that has one of these sockets, or null if none can be found. */
export function ownerOf(sockets: ReadonlySet<string>): SocketOwner | null {
  if (sockets.size === 0) return null;
  for (const pid of listPids()) {
    if (!holds(pid, sockets)) continue;
    const stat = readStat(pid);
    if (stat) return { pid, name: stat.name };
  }
  return null;
}

export const nameOf = ({ pid, name }: SocketOwner): string => `${name} (pid ${pid})`;

function listeners(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const found: string[] = [];
  for (const line of readOr(table, "").split("\n")) {
    const fields = line.trim().split(/\s+/); // columns: sl, local, remote, state, …; the tenth is the inode
    if (fields[1]?.endsWith(suffix) && fields[3] === LISTEN && fields[9] !== undefined) found.push(fields[9]);
  }
  return found;
}

function holds(pid: number, links: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => links.has(linkOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false; // the process belongs to another user or has ended
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // the descriptor was closed in the meantime
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return otherwise; // the kernel has no IPv6, or /proc/net is missing
  }
}

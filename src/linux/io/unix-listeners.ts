import { readFileSync } from "node:fs";

/** The kernel's flag for a listening socket (__SO_ACCEPTCON). */
const SO_ACCEPTCON = 0x10000;

/**
 * Returns true if a process listens on the unix socket with this path. The check needs no permission on the socket, because
 * every user can read /proc/net/unix (proc(5)). The kernel removes a socket from that table when the listener ends.
 */
export const hasListener = (path: string): boolean => unixSockets().some((socket) => socket.path === path && socket.isListener);

/**
 * Returns the number of connections to each unix socket that has any, by its path. Connections that wait to be accepted count. The
 * server's end of a connection has the path of the listener, and the client's end has none unless the client has bound it.
 */
export function countUnixConnections(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { path, isListener, isConnected } of unixSockets())
    if (path !== "" && !isListener && isConnected) counts.set(path, (counts.get(path) ?? 0) + 1);
  return counts;
}

export interface UnixSocket {
  readonly inode: number;
  /** Empty if the socket has no name. */
  readonly path: string;
  readonly isListener: boolean;
  readonly isConnected: boolean;
}

/** Lists the unix sockets of this network namespace. */
export function unixSockets(): UnixSocket[] {
  return readTable()
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const columns = COLUMNS.exec(line);
      if (columns === null) return [];
      const [, flags, state, inode, path] = columns;
      const isListener = (Number.parseInt(flags!, 16) & SO_ACCEPTCON) !== 0;
      return [{ inode: Number(inode), path: path!, isListener, isConnected: state === CONNECTED || state === UNACCEPTED }];
    });
}

/** The columns are Num RefCount Protocol Flags Type St Inode Path. The path may contain spaces. */
const COLUMNS = /^\S+ \S+ \S+ (\S+) \S+ (\S+) +(\d+) ?(.*)$/;
/** The states of a connection that was accepted, and of one that was not (SS_CONNECTED and SS_CONNECTING of the kernel). */
const CONNECTED = "03";
const UNACCEPTED = "02";

function readTable(): string {
  try {
    return readFileSync("/proc/net/unix", "utf8");
  } catch {
    return ""; // /proc/net is missing
  }
}

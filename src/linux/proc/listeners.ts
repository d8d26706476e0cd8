/** The listening sockets of this network namespace: /proc/net/tcp, tcp6 and unix (proc(5)). */
import { readFileSync } from "node:fs";
import { unixSockets } from "../io/unix-listeners.ts";

export interface Listener {
  readonly inode: number;
  /** Such as `127.0.0.1:8080`, `[::1]:8080`, `*:8080` or the path of a unix socket. */
  readonly address: string;
}

export const listListeners = (): Listener[] => [...tcpListeners("tcp"), ...tcpListeners("tcp6"), ...unixListeners()];

const LISTEN = "0A";

function tcpListeners(table: "tcp" | "tcp6"): Listener[] {
  return readTable(table).flatMap((line) => {
    const fields = line.trim().split(/\s+/); // columns: sl, local, remote, state, …; the tenth is the inode
    if (fields[3] !== LISTEN || fields[9] === undefined) return [];
    return [{ inode: Number(fields[9]), address: formatTcp(fields[1]!) }];
  });
}

/** The address is hexadecimal, in words of 32 bits in the byte order of the machine. */
function formatTcp(hex: string): string {
  const [host, port] = hex.split(":") as [string, string];
  const bytes = [...Buffer.from(host, "hex")];
  const number = Number.parseInt(port, 16);
  if (bytes.every((byte) => byte === 0)) return `*:${number}`;
  return bytes.length === 4 ? `${bytes.toReversed().join(".")}:${number}` : `[${formatV6(bytes)}]:${number}`;
}

function formatV6(bytes: readonly number[]): string {
  const ordered = [0, 4, 8, 12].flatMap((at) => bytes.slice(at, at + 4).toReversed());
  const groups = Array.from({ length: 8 }, (_, index) => ((ordered[2 * index]! << 8) | ordered[2 * index + 1]!).toString(16)).join(":");
  return groups
    .replace(/(^|:)0(:0)+(?=:|$)/, ":")
    .replace(/^:(?!:)/, "::")
    .replace(/([^:]):$/, "$1::");
}

const unixListeners = (): Listener[] =>
  unixSockets().flatMap(({ inode, path, isListener }) => (isListener && path !== "" ? [{ inode, address: path }] : []));

function readTable(name: "tcp" | "tcp6"): string[] {
  try {
    return readFileSync(`/proc/net/${name}`, "latin1").split("\n").slice(1);
  } catch {
    return []; // the kernel has no IPv6, or /proc/net is missing
  }
}

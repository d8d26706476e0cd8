import { ptr } from "bun:ffi";
import type { PortHolder } from "../../ports/port-holder.ts";
import { errno, libc } from "../ffi/libc.ts";
import { environmentVariable } from "../proc/proc.ts";
import { findListeners, nameOf, ownerOf } from "./tcp-listeners.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const EADDRINUSE = 98;

/**
 * Returns the process that listens on a TCP port of this machine. Returns null if the port is free, or if the process cannot be
 * identified.
 */
export function findPortHolder(port: number): PortHolder | null {
  if (isFree(port)) return null; // the usual case, without a look at /proc/net/tcp
  const before = findListeners(port);
  const owner = ownerOf(before);
  if (owner === null) return null;
  const unit = environmentVariable(owner.pid, "SUP_UNIT") ?? null;
  return { pid: owner.pid, name: nameOf(owner), unit, isAlone: () => isSubset(findListeners(port), before) };
}

/** Binds a socket to the port, without listening, and closes it again. With SO_REUSEADDR, only a listener prevents that (socket(7)). */
function isFree(port: number): boolean {
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  const name = Buffer.alloc(16); // struct sockaddr_in for 0.0.0.0, ip(7)
  name.writeUInt16LE(AF_INET, 0);
  name.writeUInt16BE(port, 2);
  libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ptr(new Int32Array([1])), 4);
  const isUsed = libc.bind(fd, ptr(name), name.length) !== 0 && errno() === EADDRINUSE;
  libc.close(fd);
  return !isUsed;
}

const isSubset = (now: ReadonlySet<string>, before: ReadonlySet<string>): boolean => now.size > 0 && now.isSubsetOf(before);

/**
 * Makes listening sockets that services inherit. It uses libc, because Bun does not expose the descriptors of its own sockets:
 * socket(2), bind(2), listen(2), pidfd_getfd(2).
 */
import { ptr } from "bun:ffi";
import { fstatSync, linkSync, lstatSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoWords } from "../../base/errno.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { Sockets } from "../../ports/sockets.ts";
import type { ListenAddress } from "../../spec/schema/listen.ts";
import { errno, libc, O, SYSCALL, syscall } from "../ffi/libc.ts";
import type { Epoll } from "./epoll.ts";
import type { Inotify } from "./inotify.ts";
import { pidfdOpen } from "../processes/pidfd.ts";
import { socketFileAt } from "./socket-file.ts";
import { findPortOwner } from "./tcp-listeners.ts";
import { listenerUse } from "../proc/listener-use.ts";
import { readStat } from "../proc/proc.ts";

const AF = { unix: 1, inet: 2, inet6: 10 } as const;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SHUT_RDWR = 2;
const SOL_SOCKET = 1;
const SO = { reuseAddr: 2, reusePort: 15, acceptConn: 30 } as const;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const F_SETFD = 2;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
/** The length of the accept queue. The kernel reduces it to net.core.somaxconn. */
const BACKLOG = 4096;

export const openSockets = ({ epoll, inotify }: { readonly epoll: Epoll; readonly inotify: Inotify }): Sockets => ({
  ...{ listen, fileOf, borrow, linkAgain, restoreFile, unblock, close, keep: keepOpen },
  drop: (fd) => void libc.close(fd),
  useOf: (fds, pids) => listenerUse(new Set(fds.map((fd) => fstatSync(fd).ino)), pids),
  watch: (fd, callback) => {
    const handle = epoll.add(fd, "in", false, callback);
    return () => handle.remove();
  },
  watchFile: (address, callback) => {
    if (address.family !== "unix") return () => {};
    const name = basename(address.path);
    const stop = inotify.watch(dirname(address.path), "names", (changed) => (changed === null || changed === name) && callback());
    return stop.ok ? stop.value : () => {}; // the next start of a unit checks the file
  },
});

function listen(address: ListenAddress, reusePort: boolean): Result<number, string> {
  if (address.family === "unix") removeStale(address.path);
  const fd = libc.socket(AF[address.family], SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return err(`cannot listen on ${formatAddress(address)}: ${errnoWords(errno())}`);
  if (address.family !== "unix") setOption(fd, SOL_SOCKET, SO.reuseAddr, 1);
  if (reusePort) setOption(fd, SOL_SOCKET, SO.reusePort, 1);
  if (address.family === "inet6") setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, Number(address.host.some((byte) => byte !== 0)));
  const name = sockaddr(address);
  // Every user who can enter the directory of a unix socket may use the socket, as with systemd (SocketMode=0666).
  const mask = libc.umask(0o111);
  const bound = libc.bind(fd, ptr(name), name.length);
  const number = bound === 0 ? 0 : errno();
  libc.umask(mask);
  if (bound === 0 && libc.listen(fd, BACKLOG) === 0) return ok(fd);
  const cause = number || errno();
  libc.close(fd);
  const owner = address.family === "unix" ? null : findPortOwner(address.port);
  return err(`cannot listen on ${formatAddress(address)}: ${errnoWords(cause)}${owner === null ? "" : `, by ${owner}`}`);
}

const fileOf = (address: ListenAddress): string | null => (address.family === "unix" ? socketFileAt(address.path) : null);

/** A service that outlived its daemon still has the listening socket, so a copy of it can be taken. */
function borrow(owner: ProcessRef, fd: number): number | null {
  const pidfd = pidfdOpen(owner.pid);
  if (pidfd < 0) return null;
  try {
    if (readStat(owner.pid)?.startTicks !== owner.startTicks) return null;
    const copy = syscall(SYSCALL.pidfd_getfd, pidfd, fd);
    if (copy < 0) return null;
    if (isListening(copy)) return copy;
    libc.close(copy);
    return null;
  } finally {
    libc.close(pidfd);
  }
}

function unblock(fd: number): void {
  libc.fcntl(fd, F_SETFL, O.NONBLOCK); // the flags that F_SETFL could clear are not set on a socket of the daemon
}

const keepOpen = (fd: number, kept: boolean): void => void libc.fcntl(fd, F_SETFD, kept ? 0 : FD_CLOEXEC);

function close(fd: number, address: ListenAddress): void {
  libc.shutdown(fd, SHUT_RDWR); // this affects all copies, including the keeper's, so new connections are refused
  libc.close(fd);
  if (address.family !== "unix") return;
  removeStale(address.path);
  removeStale(secondLink(address.path));
}

function linkAgain(address: ListenAddress): boolean {
  if (address.family !== "unix") return false;
  const { path } = address;
  const link = secondLink(path);
  try {
    if (socketFileAt(path) === null && socketFileAt(link) !== null) linkSync(link, path);
    removeStale(link);
    linkSync(path, link);
    return true;
  } catch {
    return false; // the file system has no hard links, or the file is gone
  }
}

/** The name is replaced by rename(2), so that there is no moment without a file if another socket has taken the name. */
function restoreFile(address: ListenAddress): boolean {
  if (address.family !== "unix") return false;
  const link = secondLink(address.path);
  try {
    if (socketFileAt(link) === null) return false;
    removeStale(`${link}~`);
    linkSync(link, `${link}~`);
    renameSync(`${link}~`, address.path);
    return true;
  } catch {
    return false; // the directory was deleted, or cannot be written any more
  }
}

const secondLink = (path: string): string => join(dirname(path), `.${basename(path)}.sup`);

function removeStale(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true });
}

function isListening(fd: number): boolean {
  const value = new Int32Array(1);
  const length = new Uint32Array([4]);
  return libc.getsockopt(fd, SOL_SOCKET, SO.acceptConn, ptr(value), ptr(length)) === 0 && value[0] === 1;
}

function setOption(fd: number, level: number, option: number, value: number): void {
  const word = new Int32Array([value]);
  libc.setsockopt(fd, level, option, ptr(word), 4);
}

/** Returns a struct sockaddr_un, sockaddr_in or sockaddr_in6: unix(7), ip(7), ipv6(7). */
function sockaddr(address: ListenAddress): Buffer {
  if (address.family === "unix") {
    const path = Buffer.from(address.path);
    const name = Buffer.alloc(2 + path.length + 1);
    name.writeUInt16LE(AF.unix, 0);
    path.copy(name, 2);
    return name;
  }
  const name = Buffer.alloc(address.family === "inet" ? 16 : 28);
  name.writeUInt16LE(AF[address.family], 0);
  name.writeUInt16BE(address.port, 2);
  name.set(address.host, address.family === "inet" ? 4 : 8);
  return name;
}

function formatAddress(address: ListenAddress): string {
  if (address.family === "unix") return address.path;
  if (address.family === "inet") return `${address.host.join(".")}:${address.port}`;
  return address.host.every((byte) => byte === 0) ? `*:${address.port}` : `[…]:${address.port}`;
}

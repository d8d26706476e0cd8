/**
 * Implements both ends of sd_notify(3). It receives messages from services, and sends the daemon's own messages to its
 * supervisor.
 */
import { ptr } from "bun:ffi";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoWords } from "../../base/errno.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { keeperKey } from "../keeper/keys.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { HeldSdNotify, SdNotifyMessage, SdNotifySockets } from "../../ports/sd-notify.ts";
import type { Epoll, EpollHandle } from "./epoll.ts";
import { errno, libc } from "../ffi/libc.ts";
import { CMSGHDR, fillMsghdr, MSGHDR, SCM_RIGHTS, SOL_SOCKET } from "../ffi/msghdr.ts";
import { socketFileAt } from "./socket-file.ts";

export interface SdNotifyOptions {
  readonly epoll: Epoll;
  /** Holds the sockets while the daemon is down, so that messages wait for the next daemon. */
  readonly keeper: Keeper;
  /** The directory of the sockets. Only the daemon's user can enter it; it is created when needed. */
  readonly directory: string;
  /** Returns a unit's socket name in the abstract namespace (unix(7)). It is the same for every daemon of this state directory. */
  readonly abstractName: (unit: string) => string;
}

export const openSdNotify = (options: SdNotifyOptions): SdNotifySockets => new LinuxSdNotify(options);

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SO_PASSCRED = 16;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** The size of sun_path without the terminating zero byte. */
const MAX_PATH_BYTES = 107;
/** The number of messages that are read from one unit at a time, so that a flood from one unit does not delay the others. */
const MAX_PER_WAKE = 64;

interface OpenSocket extends HeldSdNotify {
  /** Identifies the file of a socket with a path at the time when the socket was created or restored; otherwise null. */
  readonly file: string | null;
  listener: ((message: SdNotifyMessage) => void) | null;
  watch: EpollHandle | null;
}

class LinuxSdNotify implements SdNotifySockets {
  readonly #options: SdNotifyOptions;
  readonly #sockets = new Map<string, OpenSocket>();

  constructor(options: SdNotifyOptions) {
    this.#options = options;
  }

  open(unit: string, shared: boolean, listener: (message: SdNotifyMessage) => void): Result<string, string> {
    const address = this.#addressOf(unit, shared);
    const known = this.#sockets.get(unit);
    if (known !== undefined && (known.address !== address || isFileLost(known))) this.close(unit);
    let socket = this.#sockets.get(unit);
    if (socket === undefined) {
      const fd = this.#options.keeper.takeBack(keeperKey.notify(unit, address)) ?? this.#bind(address);
      if (fd < 0) return err(`cannot listen for notifications on ${address}: ${errnoWords(-fd)}`);
      this.#options.keeper.keep(keeperKey.notify(unit, address), fd);
      socket = { address, fd, file: socketFileAt(address), listener: null, watch: null };
      this.#sockets.set(unit, socket);
    }
    socket.listener = listener;
    try {
      socket.watch ??= this.#options.epoll.add(socket.fd, "in", false, () => this.drain(unit));
    } catch (error) {
      this.close(unit);
      return err(`cannot listen for notifications: ${errnoWords((error as { errno?: number }).errno ?? 0)}`);
    }
    return ok(address);
  }

  drain(unit: string): void {
    const socket = this.#sockets.get(unit);
    if (socket?.listener == null) return;
    for (let count = 0; count < MAX_PER_WAKE; count++) {
      const received = receive(socket.fd);
      if (received === null) return;
      if (received.text !== null) socket.listener({ pid: received.pid, text: received.text });
      // The sender of BARRIER=1 waits until we close its pipe. The close means that all earlier messages were processed.
      // Therefore the pipe is closed after the listener has run.
      if (received.fds.length > 0) queueMicrotask(() => received.fds.forEach((fd) => libc.close(fd)));
    }
  }

  close(unit: string): void {
    const socket = this.#sockets.get(unit);
    if (socket === undefined) return;
    this.#sockets.delete(unit);
    socket.watch?.remove();
    this.#options.keeper.drop(keeperKey.notify(unit, socket.address));
    libc.close(socket.fd);
    if (!socket.address.startsWith("@")) rmSync(socket.address, { force: true });
  }

  all(): Record<string, HeldSdNotify> {
    return Object.fromEntries([...this.#sockets].map(([unit, { address, fd }]) => [unit, { address, fd }]));
  }

  restore(all: Readonly<Record<string, HeldSdNotify>>): void {
    for (const [unit, { address, fd }] of Object.entries(all)) {
      libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
      this.#options.keeper.keep(keeperKey.notify(unit, address), fd);
      this.#sockets.set(unit, { address, fd, file: socketFileAt(address), listener: null, watch: null });
    }
  }

  /**
   * Prefers a path to an abstract name, because a path works across network namespaces and only the daemon's user may write to
   * it. A service that cannot reach the path (`shared`) gets an abstract name.
   */
  #addressOf(unit: string, shared: boolean): string {
    const path = join(this.#options.directory, unit);
    return shared || Buffer.byteLength(path) > MAX_PATH_BYTES ? `@${this.#options.abstractName(unit)}` : path;
  }

  /** Makes a socket with this address. Returns a descriptor, or -errno. */
  #bind(address: string): number {
    if (!address.startsWith("@")) {
      mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
      rmSync(address, { force: true }); // a killed daemon may have left the socket behind
    }
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno();
    const yes = new Int32Array([1]);
    libc.setsockopt(fd, SOL_SOCKET, SO_PASSCRED, ptr(yes), 4);
    const name = sockaddr(address);
    const mask = libc.umask(0o177);
    const bound = libc.bind(fd, ptr(name), name.length);
    const number = errno();
    libc.umask(mask);
    if (bound === 0) return fd;
    libc.close(fd);
    return -number;
  }
}

const isFileLost = ({ address, file }: OpenSocket): boolean =>
  !address.startsWith("@") && (file === null || socketFileAt(address) !== file);

/** struct sockaddr_un: an abstract name starts with a zero byte and has none at its end (unix(7)). */
function sockaddr(address: string): Buffer {
  const abstract = address.startsWith("@");
  const path = Buffer.from(abstract ? `\0${address.slice(1)}` : `${address}\0`);
  const name = Buffer.alloc(2 + path.length);
  name.writeUInt16LE(AF_UNIX, 0);
  path.copy(name, 2);
  return name;
}

interface Received {
  readonly pid: number;
  /** The text of the message, or null if it was too long and was truncated. */
  readonly text: string | null;
  readonly fds: readonly number[];
}

/** systemd's own limit is one page (NOTIFY_BUFFER_MAX). */
const TEXT_BYTES = 4096;
/** Room for credentials and the maximum number of descriptors in a message (SCM_MAX_FD, 253). */
const CONTROL_BYTES = 1152;
const SCM_CREDENTIALS = 2;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;

const payload = Buffer.alloc(TEXT_BYTES);
const control = Buffer.alloc(CONTROL_BYTES);
const header = Buffer.alloc(MSGHDR.sizeBytes);
/** A struct iovec that points to `payload`. */
const part = new BigUint64Array(2);

/** Receives one datagram. Returns null if none is waiting. */
function receive(fd: number): Received | null {
  part[0] = BigInt(ptr(payload));
  part[1] = BigInt(TEXT_BYTES);
  fillMsghdr(header, part, control);
  const length = Number(libc.recvmsg(fd, ptr(header), MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (length < 0) return null;
  const isTruncated = (header.readInt32LE(MSGHDR.flags) & MSG_TRUNC) !== 0;
  return {
    ...readControl(Number(header.readBigUInt64LE(MSGHDR.controlLength))),
    text: isTruncated ? null : payload.toString("utf8", 0, length),
  };
}

/** Reads the credentials and descriptors from `control` (cmsg(3)). */
function readControl(bytes: number): { readonly pid: number; readonly fds: readonly number[] } {
  const fds: number[] = [];
  let pid = 0;
  for (let at = 0; at + CMSGHDR.sizeBytes <= bytes;) {
    const length = Number(control.readBigUInt64LE(at + CMSGHDR.length));
    if (length < CMSGHDR.sizeBytes) break;
    const type = control.readInt32LE(at + CMSGHDR.type);
    const isSocketLevel = control.readInt32LE(at + CMSGHDR.level) === SOL_SOCKET;
    const data = at + CMSGHDR.sizeBytes;
    if (isSocketLevel && type === SCM_CREDENTIALS) pid = control.readInt32LE(data);
    if (isSocketLevel && type === SCM_RIGHTS) for (let i = data; i + 4 <= at + length; i += 4) fds.push(control.readInt32LE(i));
    at += (length + 7) & ~7;
  }
  return { pid, fds };
}

/** Sends a message to this process's own supervisor at `address` (NOTIFY_SOCKET). Returns false if nothing listens there. */
export function sendSdNotify(address: string, message: string): boolean {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const name = sockaddr(address);
  const bytes = Buffer.from(`${message}\0`); // the zero byte keeps the buffer non-empty: an empty buffer has no address
  const length = bytes.length - 1;
  const sent = Number(libc.sendto(fd, ptr(bytes), length, 0, ptr(name), name.length));
  libc.close(fd);
  return sent === length;
}

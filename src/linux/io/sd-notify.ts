/** Both ends of sd_notify(3): the sockets of the services, and what the daemon says to whoever supervises it. */
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

export interface SdNotifyOptions {
  readonly epoll: Epoll;
  /** What is said while no daemon runs waits there for the next one. */
  readonly keeper: Keeper;
  /** Private to the daemon's user; made when it is needed. */
  readonly directory: string;
  /** A name in the abstract namespace for a unit's socket (unix(7)), the same in every daemon of this state directory. */
  readonly abstractName: (unit: string) => string;
}

export const openSdNotify = (options: SdNotifyOptions): SdNotifySockets => new LinuxSdNotify(options);

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PASSCRED = 16;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** sizeof sun_path, less the zero byte at the end of a path. */
const LONGEST_PATH = 107;
/** What one wake takes of one unit: a flood of one must not keep the others waiting. */
const AT_ONCE = 64;

interface Open extends HeldSdNotify {
  listener: ((message: SdNotifyMessage) => void) | null;
  watch: EpollHandle | null;
}

class LinuxSdNotify implements SdNotifySockets {
  readonly #options: SdNotifyOptions;
  readonly #sockets = new Map<string, Open>();

  constructor(options: SdNotifyOptions) {
    this.#options = options;
  }

  open(unit: string, shared: boolean, listener: (message: SdNotifyMessage) => void): Result<string, string> {
    const address = this.#addressOf(unit, shared);
    if (this.#sockets.get(unit)?.address !== address) this.close(unit);
    let socket = this.#sockets.get(unit);
    if (socket === undefined) {
      const fd = this.#options.keeper.takeBack(keeperKey.notify(unit, address)) ?? this.#bind(address);
      if (fd < 0) return err(`cannot listen for notifications on ${address}: ${errnoWords(-fd)}`);
      this.#options.keeper.keep(keeperKey.notify(unit, address), fd);
      socket = { address, fd, listener: null, watch: null };
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
    for (let count = 0; count < AT_ONCE; count++) {
      const got = receive(socket.fd);
      if (got === null) return;
      if (got.text !== null) socket.listener({ pid: got.pid, text: got.text });
      // Closing the pipe of BARRIER=1 tells the sender that all before it was heard: not before it was acted upon.
      if (got.fds.length > 0) queueMicrotask(() => got.fds.forEach((fd) => libc.close(fd)));
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
      this.#sockets.set(unit, { address, fd, listener: null, watch: null });
    }
  }

  /** A path where the service can get at it: it works across network namespaces, and only its user may write to it. */
  #addressOf(unit: string, shared: boolean): string {
    const path = join(this.#options.directory, unit);
    return shared || Buffer.byteLength(path) > LONGEST_PATH ? `@${this.#options.abstractName(unit)}` : path;
  }

  /** A descriptor, or -errno. */
  #bind(address: string): number {
    if (!address.startsWith("@")) {
      mkdirSync(this.#options.directory, { recursive: true, mode: 0o700 });
      rmSync(address, { force: true }); // of a daemon that was killed
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

/** struct sockaddr_un: an abstract name begins with a zero byte and has none at its end (unix(7)). */
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
  /** Null: too long, and so not to be trusted. */
  readonly text: string | null;
  readonly fds: readonly number[];
}

/** struct msghdr of a 64-bit machine: the address of its name at 0, of its vector at 16, of its control data at 32. */
const MSGHDR_BYTES = 56;
/** A line of systemd's own is at most a page long (NOTIFY_BUFFER_MAX). */
const TEXT_BYTES = 4096;
/** Room for credentials and as many descriptors as the kernel passes at once (SCM_MAX_FD, 253). */
const CONTROL_BYTES = 1152;
const CMSG_HEADER = 16;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;

const text = Buffer.alloc(TEXT_BYTES);
const control = Buffer.alloc(CONTROL_BYTES);
const header = Buffer.alloc(MSGHDR_BYTES);
const vector = new BigUint64Array(2);

/** One datagram, or null when none waits. */
function receive(fd: number): Received | null {
  vector[0] = BigInt(ptr(text));
  vector[1] = BigInt(TEXT_BYTES);
  header.fill(0);
  header.writeBigUInt64LE(BigInt(ptr(vector)), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(BigInt(ptr(control)), 32);
  header.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
  const length = Number(libc.recvmsg(fd, ptr(header), MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (length < 0) return null;
  const cut = (header.readInt32LE(48) & MSG_TRUNC) !== 0;
  return { ...ancillary(Number(header.readBigUInt64LE(40))), text: cut ? null : text.toString("utf8", 0, length) };
}

/** struct cmsghdr: length (8), level (4), type (4), data, to the next multiple of 8; cmsg(3). */
function ancillary(bytes: number): { readonly pid: number; readonly fds: readonly number[] } {
  const fds: number[] = [];
  let pid = 0;
  for (let at = 0; at + CMSG_HEADER <= bytes;) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CMSG_HEADER) break;
    const type = control.readInt32LE(at + 12);
    const data = at + CMSG_HEADER;
    if (control.readInt32LE(at + 8) === SOL_SOCKET && type === SCM_CREDENTIALS) pid = control.readInt32LE(data);
    if (control.readInt32LE(at + 8) === SOL_SOCKET && type === SCM_RIGHTS)
      for (let i = data; i + 4 <= at + length; i += 4) fds.push(control.readInt32LE(i));
    at += (length + 7) & ~7;
  }
  return { pid, fds };
}

/** Says something to the supervisor of the daemon at `address` (NOTIFY_SOCKET). False when nobody listens. */
export function sendSdNotify(address: string, message: string): boolean {
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const name = sockaddr(address);
  const bytes = Buffer.from(`${message}\0`); // an empty buffer has no address
  const length = bytes.length - 1;
  const sent = Number(libc.sendto(fd, ptr(bytes), length, 0, ptr(name), name.length));
  libc.close(fd);
  return sent === length;
}

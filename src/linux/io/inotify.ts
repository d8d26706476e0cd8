/**
 * Reports changes in directories (inotify(7)). One inotify instance serves all watches, because the kernel allows a user only
 * 128 instances. `fs.watch` is not used, because it subscribes to all kinds of changes. Each write to any file in a directory
 * such as a home directory would then wake the daemon.
 */
import { ptr } from "bun:ffi";
import { err, ok, type Result } from "../../base/result.ts";
import { errno, libc, O } from "../ffi/libc.ts";
import type { Epoll, EpollHandle } from "./epoll.ts";
import { readFifo } from "./fifo.ts";

/**
 * The changes to report. `names` reports names that appear, disappear or lead to another file, and changes of permissions.
 * `contents` additionally reports writes to the files in the directory.
 */
export type WatchDepth = "names" | "contents";

/** Called with the changed name, or with null if the directory itself was deleted or moved, or if events were lost. */
export type WatchListener = (name: string | null) => void;

export interface Inotify {
  /** Watches a directory. Returns a function that stops the watch. The error is an errno. */
  watch(directory: string, depth: WatchDepth, listener: WatchListener): Result<() => void, number>;
  close(): void;
}

export function openInotify(epoll: Epoll): Inotify {
  return new LinuxInotify(epoll);
}

const IN = {
  MODIFY: 0x2,
  ATTRIB: 0x4,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  IGNORED: 0x8000,
  ONLYDIR: 0x01000000,
  MASK_ADD: 0x20000000,
} as const;
const NAMES = IN.ATTRIB | IN.MOVED_FROM | IN.MOVED_TO | IN.CREATE | IN.DELETE | IN.DELETE_SELF | IN.MOVE_SELF | IN.ONLYDIR | IN.MASK_ADD;
const MASKS: Readonly<Record<WatchDepth, number>> = { names: NAMES, contents: NAMES | IN.MODIFY };
const SELF = IN.DELETE_SELF | IN.MOVE_SELF | IN.IGNORED;

// struct inotify_event: wd, mask, cookie, len (32 bits each), then the name, padded with zeros to `len` bytes.
const HEAD_BYTES = 16;
const BUFFER_BYTES = 64 * 1024;
const EMFILE = 24;

class LinuxInotify implements Inotify {
  readonly #epoll: Epoll;
  /** Null until the first watch, and after `close`. */
  #instance: { readonly fd: number; readonly handle: EpollHandle } | null = null;
  /** The kernel gives all watches of one directory the same number, so each number has a set of listeners. */
  readonly #listeners = new Map<number, Set<WatchListener>>();
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);

  constructor(epoll: Epoll) {
    this.#epoll = epoll;
  }

  watch(directory: string, depth: WatchDepth, listener: WatchListener): Result<() => void, number> {
    const fd = this.#fd();
    if (fd < 0) return err(-fd);
    const wd = libc.inotify_add_watch(fd, ptr(Buffer.from(`${directory}\0`)), MASKS[depth]);
    if (wd < 0) return err(errno());
    const listeners = this.#listeners.get(wd) ?? new Set();
    // Each call creates its own function, so that one listener can watch the same directory twice.
    const own: WatchListener = (name) => listener(name);
    this.#listeners.set(wd, listeners.add(own));
    return ok(() => this.#remove(wd, own));
  }

  close(): void {
    const instance = this.#instance;
    this.#instance = null;
    this.#listeners.clear();
    if (instance === null) return;
    instance.handle.remove();
    libc.close(instance.fd);
  }

  /** Returns the inotify descriptor, or a negative errno. */
  #fd(): number {
    if (this.#instance !== null) return this.#instance.fd;
    const fd = libc.inotify_init1(O.CLOEXEC | O.NONBLOCK);
    if (fd < 0) return -errno();
    try {
      this.#instance = { fd, handle: this.#epoll.add(fd, "in", false, () => this.#read(fd)) };
    } catch {
      libc.close(fd);
      return -EMFILE;
    }
    return fd;
  }

  #remove(wd: number, listener: WatchListener): void {
    const listeners = this.#listeners.get(wd);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(wd);
    if (this.#instance !== null) libc.inotify_rm_watch(this.#instance.fd, wd);
  }

  #read(fd: number): void {
    const buffer = this.#buffer;
    const bytes = readFifo(fd, buffer, 0, buffer.length);
    for (let at = 0; at + HEAD_BYTES <= bytes;) {
      const length = buffer.readUInt32LE(at + 12);
      const name = buffer.toString("utf8", at + HEAD_BYTES, at + HEAD_BYTES + length).replace(/\0+$/, "");
      this.#report(buffer.readInt32LE(at), buffer.readUInt32LE(at + 4), name);
      at += HEAD_BYTES + length;
    }
  }

  #report(wd: number, mask: number, name: string): void {
    // The number is -1 if the kernel's queue was full.
    const told = wd < 0 ? [...this.#listeners.values()].flatMap((set) => [...set]) : [...(this.#listeners.get(wd) ?? [])];
    if ((mask & IN.IGNORED) !== 0) this.#listeners.delete(wd);
    for (const listener of told) listener((mask & SELF) !== 0 || name === "" ? null : name);
  }
}

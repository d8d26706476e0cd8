/** Copies the standard input of this process to a unit (stdin-fifo.ts). */
import { ptr } from "bun:ffi";
import { close, fstatSync, readFileSync, statSync, write } from "node:fs";
import { isatty } from "node:tty";
import { ok, type Result } from "../../base/result.ts";
import { libc } from "../ffi/libc.ts";
import { bytesWaiting } from "./fifo.ts";
import { makeStdinFifo } from "./stdin-fifo.ts";

export interface StdinPassage {
  /** The name of the FIFO, for the daemon. */
  readonly name: string;
  /** Starts the copy. Called after the daemon has opened its end. */
  begin(): void;
  /** Stops reading, and removes the FIFO if it still exists. */
  end(): void;
}

/** Returns null if there is nothing to pass on. The error is a message. */
export function passStdin(directory: string): Result<StdinPassage | null, string> {
  if (!hasInput()) return ok(null);
  const fifo = makeStdinFifo(directory);
  if (!fifo.ok || fifo.value === null) return fifo as Result<null, string>;
  const { name, writer, opened, remove } = fifo.value;
  const stop = new AbortController();
  return ok({
    name,
    begin() {
      opened();
      void copy(writer, stop.signal);
    },
    end() {
      stop.abort();
      opened();
      remove();
    },
  });
}

/**
 * Returns true if there may be input to pass on. There is none from /dev/null or a closed descriptor. A terminal that another
 * job uses is not read, because the kernel would suspend this process (SIGTTIN).
 */
function hasInput(): boolean {
  try {
    const stat = fstatSync(0);
    if (stat.isCharacterDevice() && stat.rdev === statSync("/dev/null").rdev) return false;
    if (stat.isFIFO() && hasEnded(0)) return false;
    if (stat.isFile() && stat.size === 0) return false;
    return !isatty(0) || isForeground();
  } catch {
    return false;
  }
}

/**
 * Returns true if a pipe is empty and has no writer any more. Such an input is not passed on, because a service that reopens
 * /dev/stdin would wait for a writer forever.
 */
function hasEnded(fd: number): boolean {
  return stateOf(fd) === POLLHUP;
}

/** Returns what poll(2) reports for the descriptor now. */
function stateOf(fd: number): number {
  const record = new Int32Array([fd, POLLIN]); // struct pollfd: the 16-bit fields events and revents share the second word
  return libc.poll(ptr(record), 1, 0) > 0 ? record[1]! >>> 16 : 0;
}

const POLLIN = 1;
const POLLERR = 8;
const POLLHUP = 16;

/** Compares the process group with the foreground group of the terminal: fields 5 and 8 of /proc/self/stat (proc(5)). */
function isForeground(): boolean {
  const text = readFileSync("/proc/self/stat", "latin1");
  const [, , group, , , foreground] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return group === foreground;
}

/**
 * Copies until the end of the input, or until the service has closed its standard input. The writes block, so they run
 * outside the event loop, one at a time. Therefore a service that does not read delays only this copy.
 */
async function copy(writer: number, stopped: AbortSignal): Promise<void> {
  const reader = Bun.stdin.stream().getReader();
  const cancel = (): void => void reader.cancel().catch(() => {});
  stopped.addEventListener("abort", cancel);
  try {
    for (let part = await reader.read(); !part.done && !stopped.aborted; part = await reader.read())
      if (!(await writeAll(writer, part.value))) break;
  } catch {
    // An input that cannot be read counts as ended.
  } finally {
    stopped.removeEventListener("abort", cancel);
    cancel();
    await untilRead(writer, stopped);
    close(writer, () => {}); // the service reads the end of its input
  }
}

/**
 * Waits until the service has read everything. If a service reopens /dev/stdin, as `cat /dev/stdin` does, and there is no
 * writer at that moment, it waits for a writer forever (fifo(7)). No event announces that a pipe has become empty, so this
 * function polls at longer and longer intervals. It is called only after the end of the input.
 */
async function untilRead(writer: number, stopped: AbortSignal): Promise<void> {
  const isUnread = (): boolean => bytesWaiting(writer) > 0 && (stateOf(writer) & POLLERR) === 0;
  for (let waitMs = 1; isUnread() && !stopped.aborted; waitMs = Math.min(100, waitMs * 2)) await Bun.sleep(waitMs);
}

/** Writes the bytes. Returns false if there is no reader any more. */
async function writeAll(fd: number, bytes: Uint8Array): Promise<boolean> {
  for (let done = 0; done < bytes.length;) {
    const written = await new Promise<number>((resolve) => {
      write(fd, bytes, done, bytes.length - done, null, (error, count) => resolve(error === null ? count : 0));
    });
    if (written === 0) return false;
    done += written;
  }
  return true;
}

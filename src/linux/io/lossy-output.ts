/**
 * Standard output or standard error of a process that supervises others. The process must not wait for a reader, and must not
 * end when the reader is gone. Output that a slow reader has not read yet waits in memory, up to a limit. Beyond the limit,
 * lines are dropped and counted.
 */
import { closeSync, fstatSync, type Stats, writeSync } from "node:fs";
import { ptr } from "bun:ffi";
import { errno, libc, O, open } from "../ffi/libc.ts";

/** The limit is that of a slow page (api/server/streams.ts). */
const MOST_BYTES = 4 << 20;
const RETRY_MS = 50;
const O_NOCTTY = 0o400;
const EAGAIN = 11;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** Errors that mean that the reader is gone. A closed terminal reports EIO. */
const READER_GONE = ["EPIPE", "EIO"];

export class LossyOutput {
  readonly #write: (bytes: Buffer) => number;
  readonly #close: () => void;
  readonly #gap: (lines: number) => string;
  #waiting: Buffer[] = [];
  #bytes = 0;
  /** Number of lines that were dropped after the waiting ones. */
  #lost = 0;
  #isGone = false;
  #timer: Timer | null = null;

  /** `gap` returns the text that replaces dropped lines. */
  constructor(fd: number, gap: (lines: number) => string) {
    this.#gap = gap;
    ({ write: this.#write, close: this.#close } = withoutWaiting(fd));
  }

  /** Accepts whole lines. Never waits and never throws. */
  write(text: string): void {
    if (this.#isGone) return;
    const bytes = Buffer.from(text);
    if (this.#lost > 0 || (this.#bytes > 0 && this.#bytes + bytes.length > MOST_BYTES)) this.#lost += linesIn(text);
    else this.#push(bytes);
    this.#flush();
  }

  /** Resolves when the reader has read everything, is gone, or has read nothing for `patienceMs`. */
  async finish(patienceMs: number): Promise<void> {
    let left = this.#bytes;
    for (let until = performance.now() + patienceMs; this.#bytes > 0 && performance.now() < until;) {
      await Bun.sleep(Math.min(RETRY_MS, patienceMs));
      this.#flush();
      if (this.#bytes < left) until = performance.now() + patienceMs;
      left = this.#bytes;
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#isGone = true;
    this.#close();
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  #flush(): void {
    if (this.#timer !== null) return; // the reader has just refused data
    while (this.#bytes > 0) {
      if (!this.#writeFirst()) return;
      if (this.#bytes > 0 || this.#lost === 0) continue;
      this.#push(Buffer.from(this.#gap(this.#lost)));
      this.#lost = 0;
    }
  }

  /** Writes the first waiting piece. Returns false if the reader cannot accept it now, or is gone. */
  #writeFirst(): boolean {
    const [first] = this.#waiting;
    let done: number;
    try {
      done = this.#write(first!);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (code === "EAGAIN") {
        this.#timer = setTimeout(() => {
          this.#timer = null;
          this.#flush();
        }, RETRY_MS);
        this.#timer.unref();
        return false;
      }
      if (READER_GONE.includes(code)) {
        this.#isGone = true;
        this.#waiting = [];
        this.#bytes = 0;
        return false;
      }
      // The write failed, for example because the disk is full.
      this.#lost += linesIn(first!.toString("latin1"));
      done = first!.length;
    }
    this.#bytes -= done;
    if (done === first!.length) this.#waiting.shift();
    else this.#waiting[0] = first!.subarray(done);
    return true;
  }
}

/**
 * Returns a function that writes to a descriptor and throws EAGAIN instead of waiting. The flag O_NONBLOCK belongs to the
 * open file description, which other processes (such as a shell) may share. Therefore the file is opened again. A regular
 * file is not opened again, because its readers do not matter, and all processes that share it must continue at the same
 * offset.
 */
function withoutWaiting(fd: number): { readonly write: (bytes: Buffer) => number; readonly close: () => void } {
  const close = (): void => {};
  const kind = statusOf(fd);
  if (kind === null) return { write: (bytes) => bytes.length, close };
  if (kind.isSocket()) return { write: (bytes) => send(fd, bytes), close };
  const own = kind.isFIFO() || kind.isCharacterDevice() ? open(`/proc/self/fd/${fd}`, O.WRONLY | O.NONBLOCK | O_NOCTTY) : -1;
  if (own < 0) return { write: (bytes) => writeSync(fd, bytes), close };
  return { write: (bytes) => writeSync(own, bytes), close: () => closeSync(own) };
}

/** Returns null if the process was started without this descriptor. */
function statusOf(fd: number): Stats | null {
  try {
    return fstatSync(fd);
  } catch {
    return null;
  }
}

function send(fd: number, bytes: Buffer): number {
  const sent = Number(libc.sendto(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, null, 0));
  if (sent >= 0) return sent;
  throw Object.assign(new Error("cannot write to a socket"), { code: errno() === EAGAIN ? "EAGAIN" : "EPIPE" });
}

const linesIn = (text: string): number => text.split("\n").length - 1;

import { readFifo } from "../../linux/io/fifo.ts";

const KEPT_BYTES = 4096;

/** Keeps the end of the command's output. */
export class CommandOutput {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(2 * KEPT_BYTES);
  #length = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Reads the available output, at most 256 KiB, so that it does not block the event loop. Returns "ended" at the end of the pipe. */
  read(): "ended" | "open" {
    for (let i = 0; i < 64; i++) {
      if (this.#length > KEPT_BYTES) {
        this.#buffer.copyWithin(0, this.#length - KEPT_BYTES, this.#length);
        this.#length = KEPT_BYTES;
      }
      const bytes = readFifo(this.#fd, this.#buffer, this.#length, this.#buffer.length - this.#length);
      if (bytes === 0) return "ended";
      if (bytes < 0) return "open";
      this.#length += bytes;
    }
    return "open";
  }

  lastLine(): string {
    return this.#buffer.toString("utf8", 0, this.#length).trimEnd().split("\n").at(-1)!.trim().slice(-500);
  }
}

import { closeSync } from "node:fs";
import { ok, type Result } from "../../base/result.ts";

/** The descriptors that become the standard input of transient units. Each descriptor is used only by the first run of its unit. */
export class Stdins {
  readonly #open: (name: string) => Result<number, string>;
  readonly #fds = new Map<string, number>();

  /** `open` opens the FIFO with this name. Its error is a message. */
  constructor(open: (name: string) => Result<number, string>) {
    this.#open = open;
  }

  /** Opens the FIFO for a unit that was not started yet. */
  open(id: string, name: string): Result<void, string> {
    const fd = this.#open(name);
    if (!fd.ok) return fd;
    this.forget(id);
    this.#fds.set(id, fd.value);
    return ok(undefined);
  }

  /** Calls the action with the descriptor, or with null if there is none, and closes the descriptor afterwards. */
  pass<T>(id: string, action: (fd: number | null) => T): T {
    try {
      return action(this.#fds.get(id) ?? null);
    } finally {
      this.forget(id);
    }
  }

  /** Closes the descriptor of a unit that will no longer be started. */
  forget(id: string): void {
    const fd = this.#fds.get(id);
    this.#fds.delete(id);
    if (fd !== undefined) closeSync(fd);
  }
}

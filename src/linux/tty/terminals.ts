/** The terminals of units with `tty`. */
import { closeSync } from "node:fs";
import { errnoWords } from "../../base/errno.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { TerminalProblem, Terminals, TerminalSize } from "../../ports/terminals.ts";
import { duplicate, libc } from "../ffi/libc.ts";
import type { Epoll, EpollHandle } from "../io/epoll.ts";
import { bytesWaiting } from "../io/fifo.ts";
import { keeperKey } from "../keeper/keys.ts";
import { openPty, setWindowSize, spliceToPipe, typeInto } from "./pty.ts";

export interface TerminalsOptions {
  readonly epoll: Pick<Epoll, "add">;
  /** Holds the controlling ends while the daemon is down. Without a controlling end, the programs would get SIGHUP. */
  readonly keeper: Pick<Keeper, "keep" | "drop" | "takeBack">;
  /** Reads the FIFO of a unit's log. Called when the FIFO has no room. */
  readonly drainLog: (unit: string) => void;
}

export const openTerminals = (options: TerminalsOptions): Terminals => new LinuxTerminals(options);

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const EAGAIN = 11;
const EINVAL = 22;
/** Input that a program has not read yet. More is refused. */
const MAX_WAITING_BYTES = 1 << 20;
/** How often to offer input to a terminal that is full. No event announces room in the input queue of a terminal. */
const RETRY_MS = 10;
/** Maximum number of times that one drain fills the FIFO. A program may write without end. */
const MAX_FILLS = 64;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly done: (isTaken: boolean) => void;
}

interface OpenTerminal {
  readonly control: number;
  /** The write end of the FIFO of the log. */
  readonly output: number;
  readonly watch: EpollHandle;
  readonly input: Waiting[];
  timer: Timer | null;
}

class LinuxTerminals implements Terminals {
  readonly #o: TerminalsOptions;
  readonly #open = new Map<string, OpenTerminal>();
  /** Controlling ends that the previous image of this daemon passed on. */
  readonly #passed = new Map<string, number>();

  constructor(options: TerminalsOptions) {
    this.#o = options;
  }

  open(unit: string, output: number, size: TerminalSize): Result<number, TerminalProblem> {
    this.close(unit);
    const pty = openPty();
    if (!pty.ok) return err(problemOf(pty.error));
    const { control, terminal } = pty.value;
    setWindowSize(control, size);
    const problem = spliceToPipe(control, output) === -EINVAL ? EINVAL : this.#add(unit, control, output);
    if (problem === 0) return ok(terminal);
    for (const fd of [control, terminal]) closeSync(fd);
    return err(problemOf(problem));
  }

  takeBack(unit: string, output: number): boolean {
    if (this.#open.has(unit)) return true;
    const passed = this.#passed.get(unit);
    this.#passed.delete(unit);
    const control = passed ?? this.#o.keeper.takeBack(keeperKey.terminal(unit));
    if (control === null) return false;
    if (this.#add(unit, control, output) === 0) return true;
    closeSync(control);
    return false;
  }

  has(unit: string): boolean {
    return this.#open.has(unit);
  }

  drain(unit: string): void {
    for (let fills = 0; fills < MAX_FILLS && this.#pump(unit) === "full"; fills++) this.#o.drainLog(unit);
  }

  async type(unit: string, bytes: Uint8Array): Promise<boolean> {
    const terminal = this.#open.get(unit);
    if (terminal === undefined) return false;
    const waiting = terminal.input.reduce((sum, one) => sum + one.bytes.length, 0);
    if (waiting + bytes.length > MAX_WAITING_BYTES) return false;
    return await new Promise((done) => {
      terminal.input.push({ bytes, done });
      if (terminal.input.length === 1) offer(terminal);
    });
  }

  resize(unit: string, size: TerminalSize): void {
    const terminal = this.#open.get(unit);
    if (terminal !== undefined) setWindowSize(terminal.control, size);
  }

  close(unit: string): void {
    const terminal = this.#open.get(unit);
    if (terminal === undefined) return;
    this.#open.delete(unit);
    terminal.watch.remove();
    if (terminal.timer !== null) clearTimeout(terminal.timer);
    for (const { done } of terminal.input.splice(0)) done(false);
    this.#o.keeper.drop(keeperKey.terminal(unit));
    for (const fd of [terminal.control, terminal.output]) closeSync(fd);
  }

  all(): Record<string, number> {
    return Object.fromEntries([...this.#open].map(([unit, { control }]) => [unit, control]));
  }

  restore(all: Readonly<Record<string, number>>): void {
    for (const [unit, control] of Object.entries(all)) {
      libc.fcntl(control, F_SETFD, FD_CLOEXEC);
      this.#passed.set(unit, control);
    }
  }

  /** Begins to pass output to the log. Returns 0, or an errno if that is not possible; the caller then closes `control`. */
  #add(unit: string, control: number, output: number): number {
    const copy = duplicate(output);
    if (copy < 0) return -copy;
    try {
      const watch = this.#o.epoll.add(control, "in", true, () => this.drain(unit));
      this.#open.set(unit, { control, output: copy, watch, input: [], timer: null });
      this.#o.keeper.keep(keeperKey.terminal(unit), control);
      return 0;
    } catch (error) {
      closeSync(copy);
      return (error as { errno?: number }).errno ?? EINVAL;
    }
  }

  /** Moves output to the FIFO until there is no more, or until the FIFO is full. */
  #pump(unit: string): "empty" | "full" {
    const terminal = this.#open.get(unit);
    if (terminal === undefined) return "empty";
    const { control, output } = terminal;
    let moved: number;
    do moved = spliceToPipe(control, output);
    while (moved > 0);
    // EAGAIN does not tell whether the terminal is empty or the FIFO is full.
    return moved === -EAGAIN && bytesWaiting(control) > 0 ? "full" : "empty";
  }
}

/** EAGAIN, ENOMEM, ENFILE, EMFILE and ENOSPC, which means that all terminals of the system are in use. */
const SHORTAGES = [11, 12, 23, 24, 28];

/** A kernel that cannot splice from a terminal (Linux 5.10 before its stable updates) reports EINVAL. */
function problemOf(errno: number): TerminalProblem {
  const cause = errno === EINVAL ? "this kernel cannot move the output of a terminal to a pipe" : errnoWords(errno);
  return { message: `cannot open a terminal: ${cause}`, isShortage: SHORTAGES.includes(errno) };
}

/** Passes waiting input to the program, as much as the terminal takes, and tries again later if some is left. */
function offer(terminal: OpenTerminal): void {
  terminal.timer = null;
  for (let first = terminal.input[0]; first !== undefined; first = terminal.input[0]) {
    const taken = first.bytes.length === 0 ? 0 : typeInto(terminal.control, first.bytes);
    if (taken >= 0 && taken < first.bytes.length) {
      terminal.input[0] = { bytes: first.bytes.subarray(taken), done: first.done };
      terminal.timer = setTimeout(() => offer(terminal), RETRY_MS);
      return;
    }
    terminal.input.shift();
    first.done(taken >= 0);
  }
}

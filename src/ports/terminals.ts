import type { Result } from "../base/result.ts";

/** The size of a terminal in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface TerminalProblem {
  readonly message: string;
  /** True if the machine has no terminal, descriptor or memory left, so that a later attempt may succeed. */
  readonly isShortage: boolean;
}

/**
 * The pseudo-terminals of units with `tty`: pty(7). The daemon holds the controlling end. What the program writes goes to the log of
 * its unit inside the kernel, so that none of it is lost if the daemon is killed.
 */
export interface Terminals {
  /**
   * Makes a terminal for a new run and returns the descriptor for the program, which the caller closes after the spawn. Closes the
   * terminal of the previous run. `output` is a write end of the FIFO of the unit's log; it is duplicated.
   */
  open(unit: string, output: number, size: TerminalSize): Result<number, TerminalProblem>;
  /** Continues with the terminal of a run that an earlier daemon began. Returns false if that daemon left none. */
  takeBack(unit: string, output: number): boolean;
  has(unit: string): boolean;
  /** Passes what the program has written to the log. Called before the log is read for the last time. */
  drain(unit: string): void;
  /**
   * Types bytes into the terminal. Resolves when the terminal has taken all of them, which may take as long as the program does not
   * read. Resolves with false if there is no terminal, or if too much input waits already.
   */
  type(unit: string, bytes: Uint8Array): Promise<boolean>;
  /** Changes the size. The kernel sends SIGWINCH to the programs in the foreground. */
  resize(unit: string, size: TerminalSize): void;
  /** Closes the terminal. Processes that still use it get SIGHUP. */
  close(unit: string): void;
  /** Returns the descriptors that the daemon passes on when it re-executes itself. The caller keeps them open across execve. */
  all(): Record<string, number>;
  restore(all: Readonly<Record<string, number>>): void;
}

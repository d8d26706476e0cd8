/** System calls of pseudo-terminals: pty(7), ioctl_tty(2). */
import { ptr } from "bun:ffi";
import { err, ok, type Result } from "../../base/result.ts";
import type { TerminalSize } from "../../ports/terminals.ts";
import { errno, libc, O, open } from "../ffi/libc.ts";

const O_NOCTTY = 0o400;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const TIOCSWINSZ = 0x5414;
const SPLICE_F_NONBLOCK = 2;
const EINTR = 4;
const EAGAIN = 11;
/** The largest amount that one call moves. The buffer of a terminal has about 64 KiB. */
const SPLICE_BYTES = 1 << 16;

export interface Pty {
  /** The daemon's end, which does not block. */
  readonly control: number;
  /** The program's end, which blocks. */
  readonly terminal: number;
}

/** Makes a pseudo-terminal whose ends are both close-on-exec. The error is an errno. */
export function openPty(): Result<Pty, number> {
  const control = open("/dev/ptmx", O.RDWR | O.NONBLOCK | O_NOCTTY);
  if (control < 0) return err(-control);
  const unlock = new Int32Array(1);
  // TIOCGPTPEER needs no path, so it works where /dev/pts is not mounted (Linux 4.13).
  const isUnlocked = libc.ioctl(control, TIOCSPTLCK, ptr(unlock)) === 0;
  const terminal = isUnlocked ? libc.ioctl(control, TIOCGPTPEER, (O.RDWR | O_NOCTTY | O.CLOEXEC) as never) : -1;
  if (terminal >= 0) return ok({ control, terminal });
  const error = errno();
  libc.close(control);
  return err(error);
}

/** Sets the size of the terminal: struct winsize has four 16-bit fields, of which the last two are unused. */
export function setWindowSize(control: number, { columns, rows }: TerminalSize): void {
  libc.ioctl(control, TIOCSWINSZ, ptr(new Uint16Array([rows, columns, 0, 0])));
}

/**
 * Moves output of a terminal to a pipe, inside the kernel. Returns the number of bytes, or a negative errno: EAGAIN if there is no
 * output or no room in the pipe, EIO if no process has the terminal open any more.
 */
export function spliceToPipe(control: number, pipe: number): number {
  return repeated(() => Number(libc.splice(control, null, pipe, null, SPLICE_BYTES, SPLICE_F_NONBLOCK)));
}

/** Types bytes into the terminal. Returns how many it has taken, 0 if it takes none at present, or a negative errno. */
export function typeInto(control: number, bytes: Uint8Array): number {
  const taken = repeated(() => Number(libc.write(control, ptr(bytes), bytes.length)));
  return taken === -EAGAIN ? 0 : taken;
}

function repeated(action: () => number): number {
  for (;;) {
    const result = action();
    if (result >= 0) return result;
    const number = errno();
    if (number !== EINTR) return -number;
  }
}

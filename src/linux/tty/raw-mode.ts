/** The raw mode of this process's terminal: termios(3), ioctl_tty(2). */
import { ptr } from "bun:ffi";
import { libc } from "../ffi/libc.ts";

const TCGETS = 0x5401;
const TCSETSW = 0x5403;
/** Offsets in the kernel's struct termios: four words with flags, c_line, and 19 control characters. */
const [IFLAG, OFLAG, CFLAG, LFLAG] = [0, 1, 2, 3];
const TERMIOS_BYTES = 60;
const CC_AT = 17;
const [VTIME, VMIN] = [5, 6];

// The flags that cfmakeraw(3) clears.
const IGNBRK_BRKINT_PARMRK_ISTRIP_INLCR_IGNCR_ICRNL_IXON = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000;
const OPOST = 0o1;
const ECHO_ECHONL_ICANON_ISIG_IEXTEN = 0o10 | 0o100 | 0o2 | 0o1 | 0o100000;
const CSIZE_PARENB = 0o60 | 0o400;
const CS8 = 0o60;

/**
 * Passes every key of the terminal to this process unchanged, and every byte of its output to the terminal. Bun's own raw mode still
 * changes line feeds in the output, which breaks programs that move the cursor with them. Returns a function that restores the mode.
 */
export function makeRaw(fd: number): () => void {
  const before = Buffer.alloc(TERMIOS_BYTES);
  if (libc.ioctl(fd, TCGETS, ptr(before)) !== 0) return () => {};
  const bytes = Buffer.from(before);
  const clear = (index: number, bits: number): void => void bytes.writeUInt32LE((bytes.readUInt32LE(index * 4) & ~bits) >>> 0, index * 4);
  clear(IFLAG!, IGNBRK_BRKINT_PARMRK_ISTRIP_INLCR_IGNCR_ICRNL_IXON);
  clear(OFLAG!, OPOST);
  clear(LFLAG!, ECHO_ECHONL_ICANON_ISIG_IEXTEN);
  clear(CFLAG!, CSIZE_PARENB);
  bytes.writeUInt32LE(bytes.readUInt32LE(CFLAG! * 4) | CS8, CFLAG! * 4);
  bytes[CC_AT + VMIN!] = 1;
  bytes[CC_AT + VTIME!] = 0;
  libc.ioctl(fd, TCSETSW, ptr(bytes));
  let isRaw = true;
  return () => {
    if (isRaw) libc.ioctl(fd, TCSETSW, ptr(before));
    isRaw = false;
  };
}

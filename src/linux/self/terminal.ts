import { libc, O, open } from "../ffi/libc.ts";

/**
 * Returns a function that checks whether this process has lost its controlling terminal since this call (tty(4)). The function
 * returns false if the process had no terminal.
 */
export function watchTerminal(): () => boolean {
  const had = hasTerminal();
  return () => had && !hasTerminal();
}

function hasTerminal(): boolean {
  const fd = open("/dev/tty", O.RDWR | O.NONBLOCK);
  if (fd < 0) return false;
  libc.close(fd);
  return true;
}

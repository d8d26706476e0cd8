import { libc, O, open } from "../ffi/libc.ts";

/**
 * Returns a function that returns true if this process has lost its controlling terminal since this call (tty(4)). If the process had
 * no terminal at this call, the function always returns false.
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

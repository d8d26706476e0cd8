import { libc, O, open } from "../ffi/libc.ts";

/** The function answers true when this process had a controlling terminal at the time of the call and has lost it since (tty(4)). */
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

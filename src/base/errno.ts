/** The error numbers that a supervisor may get (Linux, asm-generic), with descriptions for users. */
const ERRNO: Record<number, readonly [name: string, words: string]> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory"],
  3: ["ESRCH", "no such process"],
  4: ["EINTR", "interrupted"],
  5: ["EIO", "input/output error"],
  7: ["E2BIG", "arguments and environment too long"],
  8: ["ENOEXEC", "not an executable format (a script needs a #! line)"],
  9: ["EBADF", "bad file descriptor"],
  10: ["ECHILD", "no child processes"],
  11: ["EAGAIN", "resource temporarily unavailable (a process limit was reached)"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  16: ["EBUSY", "device or resource busy"],
  17: ["EEXIST", "file exists"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "is a directory"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files in the system"],
  24: ["EMFILE", "too many open files"],
  26: ["ETXTBSY", "the file is being written"],
  27: ["EFBIG", "file too large"],
  28: ["ENOSPC", "no space left on device"],
  30: ["EROFS", "read-only file system"],
  32: ["EPIPE", "broken pipe"],
  36: ["ENAMETOOLONG", "name too long"],
  40: ["ELOOP", "too many symbolic links"],
  98: ["EADDRINUSE", "address already in use"],
  99: ["EADDRNOTAVAIL", "address not available"],
  104: ["ECONNRESET", "connection reset by peer"],
  110: ["ETIMEDOUT", "timed out"],
  111: ["ECONNREFUSED", "connection refused"],
  122: ["EDQUOT", "disk quota exceeded"],
  125: ["ECANCELED", "given up before it was executed"],
};

export const errnoName = (errno: number): string => ERRNO[errno]?.[0] ?? `errno ${errno}`;

/** Describes an error number for users, for example `no such file or directory (ENOENT)`. */
export function errnoWords(errno: number): string {
  const known = ERRNO[errno];
  return known ? `${known[1]} (${known[0]})` : `error ${errno}`;
}

/** Describes an error by its name, such as the `code` of an exception of Node.js. Returns any other text unchanged. */
export function errnoNameWords(name: string): string {
  const known = Object.values(ERRNO).find(([one]) => one === name);
  return known ? `${known[1]} (${name})` : name;
}

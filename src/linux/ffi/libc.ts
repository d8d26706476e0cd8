/**
 * All calls to libc go through this table. After a failed call, call `errno()` before anything else runs on this thread, because
 * any other call may overwrite the error number.
 *
 * Call `ptr` for each call of C. The memory of a small typed array can move, so an address that was computed earlier may be wrong.
 */
import { dlopen, FFIType as T, type Pointer, ptr, read } from "bun:ffi";

const I = T.i32;
const U = T.u32;
const P = T.ptr;
/** A 64-bit integer. The FFI returns it as a number if it fits into 53 bits, as all results here do. */
const L = T.i64_fast;

// musl's loader resolves every name that starts with "libc." to itself (ldso/dynlink.c), so this name works for both libraries.
export const { symbols: libc } = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: P },
  syscall: { args: [L, L, L, L, L, L, L], returns: L },
  open: { args: [P, I, U], returns: I },
  close: { args: [I], returns: I },
  read: { args: [I, P, T.u64_fast], returns: L },
  write: { args: [I, P, T.u64_fast], returns: L },
  pread: { args: [I, P, T.u64_fast, L], returns: L },
  fcntl: { args: [I, I, I], returns: I },
  ioctl: { args: [I, T.u64_fast, P], returns: I },
  flock: { args: [I, I], returns: I },
  pipe2: { args: [P, I], returns: I },
  poll: { args: [P, T.u64_fast, I], returns: I },
  splice: { args: [I, P, I, P, T.u64_fast, U], returns: L },
  mkfifo: { args: [P, U], returns: I },
  umask: { args: [U], returns: U },
  eventfd: { args: [U, I], returns: I },
  epoll_create1: { args: [I], returns: I },
  epoll_ctl: { args: [I, I, I, P], returns: I },
  epoll_wait: { args: [I, P, I, I], returns: I },
  prctl: { args: [I, T.u64_fast, T.u64_fast, T.u64_fast, T.u64_fast], returns: I },
  waitpid: { args: [I, P, I], returns: I },
  waitid: { args: [I, I, P, I], returns: I },
  kill: { args: [I, I], returns: I },
  sigprocmask: { args: [I, P, P], returns: I },
  getpwnam_r: { args: [P, P, P, T.u64_fast, P], returns: I },
  getpwuid_r: { args: [U, P, P, T.u64_fast, P], returns: I },
  getgrnam_r: { args: [P, P, P, T.u64_fast, P], returns: I },
  getgrouplist: { args: [P, U, P, P], returns: I },
  clock_gettime: { args: [I, P], returns: I },
  madvise: { args: [T.u64_fast, T.u64_fast, I], returns: I },
  mlock: { args: [P, T.u64_fast], returns: I },
  sysconf: { args: [I], returns: L },
  getrlimit: { args: [I, P], returns: I },
  geteuid: { args: [], returns: U },
  execve: { args: [P, P, P], returns: I },
  getxattr: { args: [P, P, P, T.u64_fast], returns: L },
  sigaction: { args: [I, P, P], returns: I },
  socket: { args: [I, I, I], returns: I },
  connect: { args: [I, P, U], returns: I },
  bind: { args: [I, P, U], returns: I },
  listen: { args: [I, I], returns: I },
  shutdown: { args: [I, I], returns: I },
  setsockopt: { args: [I, I, I, P, U], returns: I },
  getsockopt: { args: [I, I, I, P, P], returns: I },
  recvmsg: { args: [I, P, I], returns: L },
  sendmsg: { args: [I, P, I], returns: L },
  socketpair: { args: [I, I, I, P], returns: I },
  inotify_init1: { args: [I], returns: I },
  inotify_add_watch: { args: [I, P, U], returns: I },
  inotify_rm_watch: { args: [I, I], returns: I },
  sendto: { args: [I, P, T.u64_fast, I, P, U], returns: L },
});

/** Returns the error number of the last failed call. */
export function errno(): number {
  return read.i32(libc.__errno_location()!, 0);
}

/** System call numbers, for calls that musl or an old glibc may not wrap. */
export const SYSCALL =
  process.arch === "arm64"
    ? {
        memfd_create: 279,
        userfaultfd: 282,
        setresuid: 147,
        setresgid: 149,
        setfsuid: 151,
        setfsgid: 152,
        getgroups: 158,
        setgroups: 159,
        pidfd_send_signal: 424,
        pidfd_open: 434,
        pidfd_getfd: 438,
      }
    : {
        memfd_create: 319,
        userfaultfd: 323,
        setresuid: 117,
        setresgid: 119,
        setfsuid: 122,
        setfsgid: 123,
        getgroups: 115,
        setgroups: 116,
        pidfd_send_signal: 424,
        pidfd_open: 434,
        pidfd_getfd: 438,
      };

/** Makes a raw system call. Returns -1 on failure, as syscall(2) does. */
export function syscall(number: number, a: number | Pointer = 0, b: number | Pointer = 0, c = 0, d = 0): number {
  return Number(libc.syscall(number, Number(a), Number(b), c, d, 0, 0));
}

/** Returns a zero-terminated C string. Keep a reference to it as long as C may read it. */
export function cstring(string: string): Buffer {
  return Buffer.from(`${string}\0`);
}

/** Returns a NULL-terminated array of C strings. The addresses are valid while `keep` is referenced. */
export function cstrings(strings: readonly string[]): {
  readonly pointer: number;
  readonly addresses: readonly number[];
  readonly keep: unknown;
} {
  const bytes = strings.map(cstring);
  const addresses = bytes.map((string) => Number(ptr(string)));
  const vector = new BigUint64Array(strings.length + 1);
  addresses.forEach((address, i) => (vector[i] = BigInt(address)));
  return { pointer: ptr(vector), addresses, keep: [vector, bytes] };
}

export const O = { RDONLY: 0, WRONLY: 1, RDWR: 2, CREAT: 0o100, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** O_NOFOLLOW and O_DIRECTORY have other values on arm64 (asm/fcntl.h). */
export const O_NOFOLLOW = process.arch === "arm64" ? 0o100000 : 0o400000;

export const O_DIRECTORY = process.arch === "arm64" ? 0o40000 : 0o200000;

const EINTR = 4;

/** Calls open(2). Returns a descriptor, or -errno. */
export function open(path: string, flags: number, mode = 0): number {
  const name = cstring(path);
  for (;;) {
    const fd = libc.open(ptr(name), flags | O.CLOEXEC, mode);
    if (fd >= 0) return fd;
    const error = errno();
    if (error !== EINTR) return -error;
  }
}

const F_DUPFD_CLOEXEC = 1030;

/** Duplicates a descriptor with close-on-exec. The new number is `least` or higher. Returns -errno on failure. */
export function duplicate(fd: number, least = 3): number {
  const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, least);
  return copy >= 0 ? copy : -errno();
}

/**
 * Finds out whether processes use the listening sockets that they inherited. A server that ignores its inherited sockets still has
 * them open, so an open descriptor proves nothing. The server accepts connections if one of its epoll sets contains the socket, or if
 * one of its threads waits in accept, poll or select for the socket (proc(5): /proc/PID/fdinfo and /proc/PID/task/TID/syscall).
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import type { ListenerUse } from "../../ports/sockets.ts";
import { listListeners } from "./listeners.ts";

/** `inodes` are the inode numbers of the inherited sockets. `pids` are all processes of the service. */
export function listenerUse(inodes: ReadonlySet<number>, pids: readonly number[]): ListenerUse {
  const processes = pids.flatMap((pid) => descriptorsOf(pid) ?? []);
  const isComplete = processes.length === pids.length;
  const holders = processes.filter(({ sockets }) => [...sockets.values()].some((inode) => inodes.has(inode)));
  if (holders.length === 0) return { kind: isComplete && pids.length > 0 ? "closed" : "unknown" };
  if (holders.some((holder) => isInEpollSet(holder, inodes))) return { kind: "used" };
  const waits = holders.map((holder) => isAwaited(holder, inodes));
  if (waits.includes(true)) return { kind: "used" };
  if (waits.includes(null) || !isComplete || processes.some(({ usesIoUring }) => usesIoUring)) return { kind: "unknown" };
  const own = new Set(processes.flatMap(({ sockets }) => [...sockets.values()]).filter((inode) => !inodes.has(inode)));
  const instead = own.size === 0 ? [] : listListeners().flatMap(({ inode, address }) => (own.has(inode) ? [address] : []));
  return { kind: "unused", instead };
}

interface Descriptors {
  readonly pid: number;
  /** The inode numbers of sockets by their descriptors. */
  readonly sockets: ReadonlyMap<number, number>;
  readonly epolls: readonly number[];
  /** Requests to accept connections through io_uring are invisible. */
  readonly usesIoUring: boolean;
}

/** Returns null if the process has ended, or if it may not be inspected. */
function descriptorsOf(pid: number): Descriptors | null {
  const sockets = new Map<number, number>();
  const epolls: number[] = [];
  let usesIoUring = false;
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const link = linkOf(`/proc/${pid}/fd/${fd}`);
      const socket = /^socket:\[(\d+)\]$/.exec(link);
      if (socket !== null) sockets.set(Number(fd), Number(socket[1]));
      else if (link === "anon_inode:[eventpoll]") epolls.push(Number(fd));
      else if (link === "anon_inode:[io_uring]") usesIoUring = true;
    }
  } catch {
    return null;
  }
  return { pid, sockets, epolls, usesIoUring };
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // the descriptor was closed in the meantime
  }
}

/** The inode number is hexadecimal. Kernels before 5.4 do not show it, so the number of the descriptor counts there. */
function isInEpollSet({ pid, epolls, sockets }: Descriptors, inodes: ReadonlySet<number>): boolean {
  for (const epoll of epolls)
    for (const [, fd, inode] of readText(`/proc/${pid}/fdinfo/${epoll}`).matchAll(/^tfd: *(\d+) .*?(?:ino:([0-9a-f]+).*)?$/gm))
      if (inodes.has(inode === undefined ? (sockets.get(Number(fd)) ?? -1) : Number.parseInt(inode, 16))) return true;
  return false;
}

const SYSCALLS =
  process.arch === "x64" ? { accept: [43, 288], poll: [7, 271], select: [23, 270] } : { accept: [202, 242], poll: [73], select: [72] };

/** Returns true if a thread waits for one of the sockets, false if none does, and null if the threads may not be inspected. */
function isAwaited({ pid, sockets }: Descriptors, inodes: ReadonlySet<number>): boolean | null {
  const isInherited = (fd: number): boolean => inodes.has(sockets.get(fd) ?? -1);
  for (const thread of readNames(`/proc/${pid}/task`)) {
    const text = readText(`/proc/${pid}/task/${thread}/syscall`);
    if (text === "") return null;
    const [number, first, second] = text.split(" ").map(Number);
    if (number === undefined || first === undefined || second === undefined) continue; // it is running
    if (SYSCALLS.accept.includes(number) && isInherited(first)) return true;
    if (SYSCALLS.poll.includes(number) && polledAt(pid, first, second).some(isInherited)) return true;
    if (SYSCALLS.select.includes(number) && selectedAt(pid, first, second).some(isInherited)) return true;
  }
  return false;
}

/** The size of struct pollfd (poll(2)). It begins with the descriptor. */
const POLLFD_BYTES = 8;
const MAX_POLLED = 4096;

function polledAt(pid: number, address: number, count: number): number[] {
  const memory = readMemory(pid, address, Math.min(count, MAX_POLLED) * POLLFD_BYTES);
  return Array.from({ length: Math.floor(memory.length / POLLFD_BYTES) }, (_, index) => memory.readInt32LE(index * POLLFD_BYTES));
}

/** An fd_set (select(2)) has one bit for each descriptor. */
function selectedAt(pid: number, count: number, address: number): number[] {
  const memory = readMemory(pid, address, Math.ceil(Math.min(count, MAX_POLLED) / 8));
  return Array.from({ length: memory.length * 8 }, (_, fd) => fd).filter((fd) => ((memory[fd >> 3]! >> (fd & 7)) & 1) === 1);
}

function readMemory(pid: number, address: number, bytes: number): Buffer {
  const memory = Buffer.alloc(bytes);
  try {
    const fd = openSync(`/proc/${pid}/mem`, "r");
    try {
      return memory.subarray(0, readSync(fd, memory, 0, bytes, address));
    } finally {
      closeSync(fd);
    }
  } catch {
    return Buffer.alloc(0); // the process has ended, or the address is 0
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function readNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

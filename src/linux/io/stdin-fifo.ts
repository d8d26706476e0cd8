/**
 * The FIFO through which `sup run -f` passes its standard input on to a unit. The command line creates the FIFO in the daemon's
 * runtime directory and sends only its name. Therefore the daemon never opens a path that a client chose. The bytes go from the
 * command line to the service directly, and the daemon is not involved in reading or writing.
 */
import { chownSync, closeSync, fstatSync, rmSync, statSync } from "node:fs";
import { errnoName, errnoWords } from "../../base/errno.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { libc, O, O_NOFOLLOW, open } from "../ffi/libc.ts";
import { makeFifo } from "./fifo.ts";

const pathOf = (directory: string, name: string): string => `${directory}/stdin-${name}`;

/**
 * Opens the service's end and removes the name from the directory. The end is blocking, as programs expect of their standard input,
 * but opening it never blocks. Refuses anything except a FIFO that belongs to the daemon's user or to root, and that other users
 * cannot open. The error is a message.
 */
export function openStdinFifo(directory: string, name: string): Result<number, string> {
  const path = pathOf(directory, name);
  const fd = open(path, O.RDONLY | O.NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return err(`${path}: ${errnoWords(-fd)}`);
  const problem = findProblem(fd);
  if (problem !== null) {
    libc.close(fd);
    return err(`${path} ${problem}`);
  }
  rmSync(path, { force: true });
  libc.fcntl(fd, F_SETFL, 0);
  return ok(fd);
}

const F_SETFL = 4;

function findProblem(fd: number): string | null {
  const stat = fstatSync(fd);
  if (!stat.isFIFO()) return "is not a FIFO";
  if (stat.uid !== 0 && stat.uid !== libc.geteuid()) return `belongs to user ${stat.uid}`;
  return (stat.mode & 0o077) === 0 ? null : "is open to other users";
}

/** The command line's side of the FIFO. */
export interface StdinFifo {
  readonly name: string;
  /** The blocking end for writing. */
  readonly writer: number;
  /**
   * Must be called after the daemon has opened its end. Until then, this side holds a reader of the FIFO, so that the FIFO
   * stays usable. After this call, a write fails with EPIPE if the service has closed its standard input.
   */
  opened(): void;
  /** Removes the FIFO if the daemon has not done so. Does not close the writer. */
  remove(): void;
}

/** Errors that mean that no daemon can be reached here. They are not reported here, because the request itself reports them better. */
const NO_DAEMON = ["ENOENT", "ENOTDIR", "EACCES"];

/** Creates a FIFO for the daemon of this runtime directory. Returns null if there is no such directory. The error is a message. */
export function makeStdinFifo(directory: string): Result<StdinFifo | null, string> {
  const name = crypto.randomUUID().replaceAll("-", "");
  const path = pathOf(directory, name);
  const made = makeFifo(path, 0o600, false);
  if (!made.ok) {
    return NO_DAEMON.includes(errnoName(made.error)) ? ok(null) : err(`cannot create ${path}: ${errnoWords(made.error)}`);
  }
  giveToOwnerOf(directory, path);
  const reader = open(path, O.RDWR | O.NONBLOCK | O_NOFOLLOW);
  const writer = reader < 0 ? reader : open(path, O.WRONLY | O_NOFOLLOW); // does not block, because there is a reader
  const remove = once(() => rmSync(path, { force: true }));
  if (writer < 0) {
    if (reader >= 0) libc.close(reader);
    remove();
    return err(`cannot open ${path}: ${errnoWords(-writer)}`);
  }
  return ok({ name, writer, opened: once(() => closeSync(reader)), remove });
}

/** Changes the owner of root's FIFO. The daemon of another user can open the FIFO only if it belongs to that user. */
function giveToOwnerOf(directory: string, path: string): void {
  const { uid, gid } = statSync(directory);
  if (uid !== libc.geteuid()) chownSync(path, uid, gid);
}

/** Returns a function that acts only the first time. */
function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

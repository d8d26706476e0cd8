import type { ListenAddress } from "../spec/schema/listen.ts";
import type { Result } from "../base/result.ts";
import type { ProcessRef } from "./processes.ts";

/**
 * Listening sockets that the daemon holds for its services. Unless `keep` says otherwise, their descriptors are close-on-exec
 * in the daemon.
 */
export interface Sockets {
  /**
   * Opens a listening socket. The error is a complete message: "cannot listen on 127.0.0.1:80: address already in use
   * (EADDRINUSE), by nginx (pid 812)".
   */
  listen(address: ListenAddress, reusePort: boolean): Result<number, string>;
  /**
   * Returns a string that identifies the file of a unix socket. Returns null if there is no file at its path, and for an internet
   * address.
   */
  fileOf(address: ListenAddress): string | null;
  /**
   * Duplicates the listening socket that another process has open as descriptor `fd`. Returns null if there is none, or if access is
   * denied.
   */
  borrow(owner: ProcessRef, fd: number): number | null;
  /** Sets O_NONBLOCK on a socket. All processes that have the socket share this flag. */
  unblock(fd: number): void;
  /** Sets whether a descriptor stays open across execve. */
  keep(fd: number, kept: boolean): void;
  /** Closes a descriptor that `borrow` returned. The owner's socket keeps listening. */
  drop(fd: number): void;
  /** Closes a socket. If it is a unix socket, removes its file too. */
  close(fd: number, address: ListenAddress): void;
}

import type { ListenAddress } from "../spec/schema/listen.ts";
import type { Result } from "../base/result.ts";
import type { ProcessRef } from "./processes.ts";

/**
 * How the processes of a unit use the sockets that they inherited. `closed`: no process has any of them open. `unused`: no process
 * waits for connections to them; the unit listens on the addresses `instead`, if there are any. `unknown`: the processes may not be
 * inspected, or use io_uring.
 */
export type ListenerUse =
  { readonly kind: "used" | "closed" | "unknown" } | { readonly kind: "unused"; readonly instead: readonly string[] };

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
  /** Calls back once, when a client has connected and was not accepted yet. Returns the function that ends the watch. */
  watch(fd: number, callback: () => void): () => void;
  /**
   * Makes a second link to the file of a unix socket, a hidden file in the same directory. Returns false if that is not possible. If
   * there is such a link and the socket's name is missing, restores the name first.
   */
  linkAgain(address: ListenAddress): boolean;
  /** Restores the file of a unix socket from its second link. Returns false if there is no such link, or if its directory is missing. */
  restoreFile(address: ListenAddress): boolean;
  /** Calls back whenever the file of a unix socket may have been deleted or replaced. Returns the function that ends the watch. */
  watchFile(address: ListenAddress, callback: () => void): () => void;
  /** Returns how processes use these sockets. `fds` are the daemon's descriptors, and `pids` are all processes of the service. */
  useOf(fds: readonly number[], pids: readonly number[]): ListenerUse;
  /** Sets O_NONBLOCK on a socket. All processes that have the socket share this flag. */
  unblock(fd: number): void;
  /** Sets whether a descriptor stays open across execve. */
  keep(fd: number, kept: boolean): void;
  /** Closes a descriptor that `borrow` returned. The owner's socket keeps listening. */
  drop(fd: number): void;
  /** Closes a socket. If it is a unix socket, removes its file and its second link too. */
  close(fd: number, address: ListenAddress): void;
}

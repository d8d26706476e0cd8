import type { ListenAddress } from "../spec/schema/listen.ts";
import type { Result } from "../base/result.ts";
import type { ProcessRef } from "./processes.ts";

/** Listening sockets that the daemon holds for its services. Descriptors are close-on-exec here. */
export interface Sockets {
  /** The error is a whole message: "cannot listen on 127.0.0.1:80: address already in use (EADDRINUSE), by nginx (pid 812)". */
  listen(address: ListenAddress, reusePort: boolean): Result<number, string>;
  /** Duplicates another process's listening socket, its descriptor `fd`; null when there is none, or access is denied. */
  borrow(owner: ProcessRef, fd: number): number | null;
  /** Sets whether a descriptor stays open across execve. */
  keep(fd: number, kept: boolean): void;
  /** Closes a borrowed descriptor; its owner's socket keeps listening. */
  drop(fd: number): void;
  /** Closes the socket and removes the file of a unix socket. */
  close(fd: number, address: ListenAddress): void;
}

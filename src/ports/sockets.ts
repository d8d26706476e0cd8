import type { ListenAddress } from "../spec/schema/listen.ts";
import type { Result } from "../base/result.ts";
import type { ProcessRef } from "./processes.ts";

/** Listening sockets that the daemon holds for its services. Descriptors are close-on-exec here. */
export interface Sockets {
  /** The error is a sentence: "cannot listen on 127.0.0.1:80: address already in use (EADDRINUSE), by nginx (pid 812)". */
  listen(address: ListenAddress, reusePort: boolean): Result<number, string>;
  /** Another process's listening socket at its descriptor `fd`, as one of our own; null when there is none, or it may not be had. */
  borrow(owner: ProcessRef, fd: number): number | null;
  /** Makes a descriptor survive an execve, or not. */
  keep(fd: number, kept: boolean): void;
  /** Lets go of a borrowed one; its owner goes on with it. */
  drop(fd: number): void;
  /** Ends it; the file of a unix socket goes with it. */
  close(fd: number, address: ListenAddress): void;
}

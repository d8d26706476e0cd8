import type { Result } from "../base/result.ts";

/** One datagram of sd_notify(3). */
export interface SdNotifyMessage {
  /** The sender according to the kernel (SCM_CREDENTIALS); 0 when it is in a pid namespace that the daemon cannot see. */
  readonly pid: number;
  readonly text: string;
}

/** A socket that stays open across execve. */
export interface HeldSdNotify {
  readonly address: string;
  readonly fd: number;
}

/** The sockets that services notify, one for each unit: access to the socket already identifies the sender in part. */
export interface SdNotifySockets {
  /**
   * Creates the unit's socket if there is none, and listens from now on. Returns the value of NOTIFY_SOCKET. `shared`: the
   * service runs as another user, who has no access to our directories.
   */
  open(unit: string, shared: boolean, listener: (message: SdNotifyMessage) => void): Result<string, string>;
  /** Delivers now what is waiting in the socket. */
  drain(unit: string): void;
  close(unit: string): void;
  /** What the daemon hands over when it re-executes itself; the caller keeps the descriptors open across execve. */
  all(): Record<string, HeldSdNotify>;
  restore(all: Readonly<Record<string, HeldSdNotify>>): void;
}

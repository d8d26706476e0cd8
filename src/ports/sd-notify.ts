import type { Result } from "../base/result.ts";

/** A datagram of sd_notify(3). */
export interface SdNotifyMessage {
  /** The sender by the kernel's word (SCM_CREDENTIALS): 0 when it is in no pid namespace that we see. */
  readonly pid: number;
  readonly text: string;
}

/** A socket that outlives an execve. */
export interface HeldSdNotify {
  readonly address: string;
  readonly fd: number;
}

/** The sockets over which services tell of themselves, one for each unit: who may write to it is then half the identity. */
export interface SdNotifySockets {
  /**
   * Makes the unit's socket, if need be, and listens from now on. Answers the value of NOTIFY_SOCKET. `shared`: the
   * service runs as another user, who may not look into our directories.
   */
  open(unit: string, shared: boolean, listener: (message: SdNotifyMessage) => void): Result<string, string>;
  /** Hands on what waits in the socket, now. */
  drain(unit: string): void;
  close(unit: string): void;
  /** For the next image of the daemon; the descriptors have to be kept open on the way. */
  all(): Record<string, HeldSdNotify>;
  restore(all: Readonly<Record<string, HeldSdNotify>>): void;
}

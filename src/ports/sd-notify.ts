import type { Result } from "../base/result.ts";

/** One datagram of sd_notify(3). */
export interface SdNotifyMessage {
  /** The sender's pid according to the kernel (SCM_CREDENTIALS), or 0 if the sender is in a pid namespace that the daemon cannot see. */
  readonly pid: number;
  readonly text: string;
}

/** A socket that stays open across execve. */
export interface HeldSdNotify {
  readonly address: string;
  readonly fd: number;
}

/**
 * The sockets that receive sd_notify(3) messages. Each unit has its own socket, so the socket already tells which unit a
 * message is from.
 */
export interface SdNotifySockets {
  /**
   * Creates the unit's socket if it does not exist, and starts to listen. Returns the value of NOTIFY_SOCKET. `shared` is
   * true if the service runs as another user, who has no access to the daemon's directories.
   */
  open(unit: string, shared: boolean, listener: (message: SdNotifyMessage) => void): Result<string, string>;
  /** Delivers the messages that wait in the unit's socket now, before the call returns. */
  drain(unit: string): void;
  close(unit: string): void;
  /** Returns the sockets that the daemon passes on when it re-executes itself. The caller keeps the descriptors open across execve. */
  all(): Record<string, HeldSdNotify>;
  restore(all: Readonly<Record<string, HeldSdNotify>>): void;
}

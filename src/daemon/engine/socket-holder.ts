import { err, ok, type Result } from "../../base/result.ts";
import { keeperKey } from "../../linux/keeper/keys.ts";
import type { Keeper } from "../../ports/keeper.ts";
import type { ProcessRef } from "../../ports/processes.ts";
import type { Sockets } from "../../ports/sockets.ts";
import { type ListenAddress, parseListen } from "../../spec/schema/listen.ts";
import type { Spec } from "../../spec/spec.ts";
import { expandText } from "../../spec/load/specifiers.ts";
import type { Launch } from "./launcher.ts";

/** A listening socket of a unit. The daemon holds it, so that it outlives every run. */
export interface Held {
  readonly name: string;
  readonly text: string;
  readonly address: ListenAddress;
  readonly fd: number;
  /** The file of a unix socket at the time when it was bound or restored. Absent if an older version handed the socket over. */
  readonly file?: string | null;
}

/** SD_LISTEN_FDS_START of sd_listen_fds(3): the first descriptor that a service receives. */
const FIRST_FD = 3;

/**
 * Holds the listening sockets of all services. The units of a service share them. Connections that arrive while a service
 * restarts wait in the backlog. They are refused only when all units are down. Services receive the sockets by systemd's
 * protocol: descriptors from 3 on, and the variables LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES.
 */
export class SocketHolder {
  readonly #sockets: Sockets;
  readonly #keeper: Keeper;
  /** The open sockets by the name of the service. */
  readonly #held = new Map<string, readonly Held[]>();

  constructor(sockets: Sockets, keeper: Keeper) {
    this.#sockets = sockets;
    this.#keeper = keeper;
  }

  /**
   * Opens the unit's sockets unless they are already open. Binds a unix socket again if its file was deleted or replaced. The
   * error is a message for the user. After an error, no new socket stays open.
   */
  open(spec: Spec, launch: Launch): Result<readonly Held[], string> {
    const wanted: Array<{ name: string; text: string; address: ListenAddress; reusePort: boolean }> = [];
    for (const { name, listen, reusePort } of spec.sockets) {
      const text = expandText(listen, launch.env, launch.specifiers);
      if (!text.ok) return err(`cannot expand sockets: ${text.error}`);
      const address = parseListen(text.value);
      if (!address.ok) return err(`cannot listen: ${address.error}`);
      wanted.push({ name, text: text.value, address: address.value, reusePort });
    }
    const known = this.#held.get(spec.service) ?? [];
    const isWanted = (held: Held, i: number): boolean => held.name === wanted[i]!.name && held.text === wanted[i]!.text;
    if (known.length === wanted.length && known.every((held, i) => isWanted(held, i) && this.#isReachable(held)))
      return ok(this.#unblocked(known, spec));
    this.release(spec.service);
    const held: Held[] = [];
    for (const [i, { name, text, address, reusePort }] of wanted.entries()) {
      const kept = this.#keeper.takeBack(keeperKey.socket(spec.service, i, text));
      const fd = kept === null ? this.#sockets.listen(address, reusePort) : ok(kept);
      if (!fd.ok) {
        for (const one of held) this.#sockets.close(one.fd, one.address);
        return fd;
      }
      held.push({ name, text, address, fd: fd.value, file: this.#sockets.fileOf(address) });
    }
    if (held.length > 0) this.#hold(spec.service, held);
    return ok(this.#unblocked(held, spec));
  }

  /**
   * Restores the sockets after a crash of the daemon, from the keeper or from the running service. Returns false if any
   * socket is missing.
   */
  takeBack(spec: Spec, launch: Launch, main: ProcessRef): boolean {
    const held: Held[] = [];
    for (const [i, { name, listen }] of spec.sockets.entries()) {
      const text = expandText(listen, launch.env, launch.specifiers);
      const address = text.ok ? parseListen(text.value) : text;
      const kept = text.ok ? this.#keeper.takeBack(keeperKey.socket(spec.service, i, text.value)) : null;
      const fd = kept ?? (address.ok ? this.#sockets.borrow(main, FIRST_FD + i) : null);
      if (fd !== null && text.ok && address.ok) {
        held.push({ name, text: text.value, address: address.value, fd, file: this.#sockets.fileOf(address.value) });
      }
    }
    if (held.length === spec.sockets.length) this.#hold(spec.service, held);
    else for (const { fd } of held) this.#sockets.drop(fd);
    return held.length === spec.sockets.length;
  }

  /** Sets O_NONBLOCK on the sockets that the unit wants non-blocking, also on those that were open before its file changed. */
  #unblocked(held: readonly Held[], { sockets }: Spec): readonly Held[] {
    for (const [i, { fd }] of held.entries()) if (sockets[i]!.nonBlocking) this.#sockets.unblock(fd);
    return held;
  }

  #isReachable({ address, file }: Held): boolean {
    const now = this.#sockets.fileOf(address);
    return address.family !== "unix" || (now !== null && (file === undefined || file === now));
  }

  release(service: string): void {
    for (const [i, { fd, address, text }] of (this.#held.get(service) ?? []).entries()) {
      this.#keeper.drop(keeperKey.socket(service, i, text));
      this.#sockets.close(fd, address);
    }
    this.#held.delete(service);
  }

  /** Returns all sockets by unit for a re-exec of the daemon, which must keep their descriptors open. */
  all(): Record<string, readonly Held[]> {
    return Object.fromEntries(this.#held);
  }

  restore(all: Readonly<Record<string, readonly Held[]>>): void {
    for (const [id, held] of Object.entries(all)) {
      for (const { fd } of held) this.#sockets.keep(fd, false);
      this.#hold(id, held);
    }
  }

  #hold(service: string, held: readonly Held[]): void {
    this.#held.set(service, held);
    for (const [i, { fd, text }] of held.entries()) this.#keeper.keep(keeperKey.socket(service, i, text), fd);
  }

  has(service: string): boolean {
    return this.#held.has(service);
  }
}

/** Returns the environment variables for a process with these sockets. The spawn sets the value of LISTEN_PID. */
export const listenVariables = (held: readonly Held[]): Record<string, string> =>
  held.length === 0 ? {} : { LISTEN_FDS: String(held.length), LISTEN_FDNAMES: held.map(({ name }) => name).join(":"), LISTEN_PID: "" };

import { err, ok, type Result } from "../../base/result.ts";
import { canRoll } from "../../core/service/rolling-policy.ts";
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
  /** True if the file has a second link, so that the name can be restored while units still use the listener. */
  readonly isLinked?: boolean;
}

const NONE: readonly Held[] = [];

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
  /** The functions that end the watches of files, by the name of the service. */
  readonly #watches = new Map<string, ReadonlyArray<() => void>>();

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
    const isSame =
      known.length === wanted.length && known.every(({ name, text }, i) => name === wanted[i]!.name && text === wanted[i]!.text);
    const isUsable = known.map((held) => isSame && this.#isReachable(held));
    if (isSame && isUsable.every(Boolean)) return ok(this.#unblocked(known, spec));
    if (!isSame) this.release(spec.service);
    const held: Held[] = [];
    const opened: Held[] = [];
    for (const [i, { name, text, address, reusePort }] of wanted.entries()) {
      if (isUsable[i]) {
        held.push(known[i]!);
        continue;
      }
      const kept = isSame ? null : this.#keeper.takeBack(keeperKey.socket(spec.service, i, text));
      const fd = kept === null ? this.#sockets.listen(address, reusePort) : ok(kept);
      if (!fd.ok) {
        for (const one of opened) this.#sockets.close(one.fd, one.address);
        return fd;
      }
      const one = this.#made(spec, { name, text, address, fd: fd.value });
      opened.push(one);
      held.push(one);
    }
    // Units that still run keep using a listener whose file is gone. They answer the connections that it has.
    if (isSame) for (const { fd } of known) if (held.every((one) => one.fd !== fd)) this.#sockets.drop(fd);
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
        held.push(this.#made(spec, { name, text: text.value, address: address.value, fd }));
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

  /**
   * Several units may share the socket of a service, so the listener must survive if one of them deletes the file. A plain unit
   * without `rolling` gets a new listener at its next start.
   */
  #made(spec: Spec, held: Held): Held {
    const isLinked = canRoll(spec) && held.address.family === "unix" && this.#sockets.linkAgain(held.address);
    return { ...held, file: this.#sockets.fileOf(held.address), ...(isLinked && { isLinked }) };
  }

  /** Returns true if clients can connect. Restores the file of a unix socket if it has a second link. */
  #isReachable({ address, file, isLinked = false }: Held): boolean {
    if (address.family !== "unix") return true;
    const now = this.#sockets.fileOf(address);
    if (now !== null && (file === undefined || file === now)) return true;
    return isLinked && this.#sockets.restoreFile(address);
  }

  /** Restores the files of unix sockets that a unit has deleted or replaced while other units use the listener. */
  restoreFiles(service: string): void {
    for (const held of this.#held.get(service) ?? []) if (held.isLinked) this.#isReachable(held);
  }

  release(service: string): void {
    this.#unwatch(service);
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
    this.#unwatch(service);
    this.#held.set(service, held);
    for (const [i, { fd, text }] of held.entries()) this.#keeper.keep(keeperKey.socket(service, i, text), fd);
    const linked = held.filter(({ isLinked }) => isLinked);
    if (linked.length > 0)
      this.#watches.set(
        service,
        linked.map(({ address }) => this.#sockets.watchFile(address, () => this.restoreFiles(service))),
      );
  }

  #unwatch(service: string): void {
    for (const stop of this.#watches.get(service) ?? []) stop();
    this.#watches.delete(service);
  }

  /** Calls `callback` once, when a client waits to be accepted. Returns the function that ends the watch. */
  watch(service: string, callback: () => void): () => void {
    const stops: Array<() => void> = [];
    const stop = (): void => {
      for (const one of stops.splice(0)) one();
    };
    const connected = (): void => {
      stop();
      callback();
    };
    for (const { fd } of this.of(service)) stops.push(this.#sockets.watch(fd, connected));
    return stop;
  }

  /**
   * Returns why a unit with these processes cannot answer the connections to the sockets of its service, or null if it can or if
   * that is unknown. With `mayWait`, it is enough that the unit has one of the sockets open.
   */
  whyUnused(service: string, pids: readonly number[], mayWait: boolean): string | null {
    const held = this.of(service);
    if (held.length === 0) return null;
    const use = this.#sockets.useOf(
      held.map(({ fd }) => fd),
      pids,
    );
    const what = held.length === 1 ? `the socket ${held[0]!.text}` : "the sockets";
    if (use.kind === "closed") return `no process of the unit has ${what} open, which it gets from descriptor ${FIRST_FD} on`;
    if (use.kind !== "unused" || mayWait) return null;
    const instead = use.instead.length === 0 ? "" : `; it listens on ${use.instead.join(", ")} instead`;
    return `the unit does not accept connections from ${what}, which it gets from descriptor ${FIRST_FD} on${instead}`;
  }

  /** Returns the open sockets of a service. The same sockets are returned as the same object. */
  of(service: string): readonly Held[] {
    return this.#held.get(service) ?? NONE;
  }

  has(service: string): boolean {
    return this.#held.has(service);
  }
}

/** Returns the environment variables for a process with these sockets. The spawn sets the value of LISTEN_PID. */
export const listenVariables = (held: readonly Held[]): Record<string, string> =>
  held.length === 0 ? {} : { LISTEN_FDS: String(held.length), LISTEN_FDNAMES: held.map(({ name }) => name).join(":"), LISTEN_PID: "" };

/**
 * The daemon's side of the keeper (keeper.c), a process that holds copies of descriptors while the daemon is down. The next daemon
 * reads from a file which descriptor is which (keeper-file.ts) and copies them back with pidfd_getfd(2).
 *
 * Only one promise depends on the keeper: that nothing is lost when the daemon is killed. Everything else works without a keeper,
 * too, and before the keeper has received a descriptor.
 */
import { existsSync } from "node:fs";
import { SIGNALS } from "../../base/signals.ts";
import type { Keeper } from "../../ports/keeper.ts";
import { libc } from "../ffi/libc.ts";
import { waitForChild } from "../processes/exit-watcher.ts";
import { FIRST_SLOT, KeeperFile, keeperPath } from "./keeper-file.ts";
import { type KeeperCommand, type KeeperProcess, MAX_COMMANDS, sendCommands, startKeeper } from "./keeper-process.ts";
import { keeperKey } from "./keys.ts";
import { findPreviousKeepers, type PreviousKeepers } from "./previous-keepers.ts";

export interface KeeperOptions {
  /** The directory of the file `keeper`. The keeper exits when that file is removed. */
  readonly runtimeDir: string;
  readonly onProblem: (message: string) => void;
}

export const openKeeper = (options: KeeperOptions): Keeper => new LinuxKeeper(options);

/** Does nothing. A daemon with pid 1 uses it, because nothing in the container can outlive pid 1. */
export const noKeeper: Keeper = {
  pid: null,
  keep() {},
  drop() {},
  takeBack: () => null,
  settle() {},
  restoreFile() {},
  leave() {},
  close() {},
};

/** A keeper that was killed is replaced. After this many failures, no new keeper is started. */
const MAX_FAILURES = 10;
const EAGAIN = 11;
/**
 * The keeper ends after this time without a service. It does not end at once, because a restart of the only service leaves a moment
 * without a service. The fork of a new keeper would cost more than that restart.
 */
const IDLE_MS = 10_000;

interface Held {
  readonly slot: number;
  readonly fd: number;
}

class LinuxKeeper implements Keeper {
  readonly #options: KeeperOptions;
  readonly #path: string;
  #file: KeeperFile;
  #previous: PreviousKeepers | null;
  readonly #held = new Map<string, Held>();
  /** Keys of descriptors that the keeper has not received yet. */
  #unsent = new Set<string>();
  readonly #freeSlots: number[] = [];
  #nextSlot = FIRST_SLOT;
  /** Slots that the keeper has not been told to close yet. */
  #slotsToClose: number[] = [];
  #process: KeeperProcess | null = null;
  #failures = 0;
  /** True once everything that can be restored from the previous keeper has been restored. */
  #isSettled = false;
  /** True once the daemon is about to end while its services keep running. From then on, no descriptor is dropped. */
  #hasLeft = false;
  /** Number of held descriptors for which the keeper must run: pidfds of processes, and listening sockets. */
  #neededCount = 0;
  #scheduled: NodeJS.Immediate | null = null;
  /** The timer that ends the keeper when no service has run for IDLE_MS. */
  #stopping: Timer | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#path = keeperPath(options.runtimeDir);
    this.#previous = findPreviousKeepers(this.#path);
    this.#file = new KeeperFile(this.#path);
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  keep(key: string, fd: number): void {
    this.drop(key);
    this.#held.set(key, { slot: this.#freeSlots.pop() ?? this.#nextSlot++, fd });
    this.#unsent.add(key);
    if (keeperKey.isNeeded(key)) this.#neededCount++;
    this.#flushSoon();
  }

  drop(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined || this.#hasLeft) return;
    this.#held.delete(key);
    if (keeperKey.isNeeded(key)) this.#neededCount--;
    if (this.#unsent.delete(key)) return void this.#freeSlots.push(held.slot);
    this.#slotsToClose.push(held.slot);
    this.#flushSoon();
  }

  takeBack(key: string): number | null {
    return this.#previous?.take(key) ?? null;
  }

  /** Ends the previous keeper, but only after the new keeper has received everything. In between, the file names both. */
  settle(): void {
    this.#isSettled = true;
    this.#flush();
    this.#previous?.end();
    this.#previous = null;
    this.#writeKeepers();
  }

  restoreFile(): void {
    if (existsSync(this.#path)) return;
    this.#discardProcess();
    if (this.#file.isOpen) this.#file.close();
    this.#file = new KeeperFile(this.#path);
    this.#failures = 0;
    this.#flushSoon();
  }

  leave(): void {
    this.#flush();
    if (this.#neededCount === 0) this.#stopProcess();
    this.#cancelStop();
    this.#hasLeft = true;
  }

  close(): void {
    if (this.#hasLeft) return;
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#cancelStop();
    this.#previous?.end();
    this.#previous = null;
    this.#endProcess();
    if (!this.#file.isOpen) return;
    this.#file.clear();
    this.#file.close();
  }

  #flushSoon(): void {
    if (this.#isSettled) this.#scheduled ??= setImmediate(() => this.#flush());
  }

  /**
   * Sends the changes of this turn. Slots are closed first, because new descriptors may use them again. The file loses the name of a
   * slot before the keeper closes it. The keeper ends some time after the last service, because without a process or a socket there
   * is nothing that a keeper would have to hold.
   */
  #flush(): void {
    this.#scheduled = null;
    if (this.#neededCount > 0) this.#cancelStop();
    else if (this.#process === null) return;
    else this.#stopping ??= setTimeout(() => this.#stopProcess(), IDLE_MS);
    if (!this.#ensureProcess()) return;
    for (const slot of this.#slotsToClose) this.#file.writeSlot(slot, "");
    const commands: KeeperCommand[] = this.#slotsToClose.map((slot) => ({ slot, fd: null }));
    for (const key of this.#unsent) commands.push(this.#held.get(key)!);
    for (let at = 0; at < commands.length; at += MAX_COMMANDS) {
      const errno = sendCommands(this.#process!.channel, commands.slice(at, at + MAX_COMMANDS));
      if (errno !== 0) return this.#retryAfter(errno);
    }
    for (const key of this.#unsent) this.#file.writeSlot(this.#held.get(key)!.slot, key);
    this.#unsent.clear();
    this.#freeSlots.push(...this.#slotsToClose);
    this.#slotsToClose = [];
  }

  #cancelStop(): void {
    if (this.#stopping !== null) clearTimeout(this.#stopping);
    this.#stopping = null;
  }

  #stopProcess(): void {
    this.#cancelStop();
    if (this.#process === null) return;
    this.#discardProcess();
    this.#writeKeepers();
  }

  #ensureProcess(): boolean {
    if (this.#process !== null) return true;
    if (!this.#file.isOpen || this.#failures >= MAX_FAILURES) return false;
    try {
      this.#process = startKeeper(this.#path, this.#options.runtimeDir);
      this.#file.clear();
      this.#writeKeepers();
      return true;
    } catch (error) {
      this.#options.onProblem(
        `cannot start the keeper: ${(error as Error).message}. Output and exit codes of services are lost while sup is down`,
      );
      this.#failures = MAX_FAILURES;
      return false;
    }
  }

  /**
   * If the keeper was killed, a new one gets everything. If it is only slow (EAGAIN), all commands are sent again, which is safe
   * because they are idempotent.
   */
  #retryAfter(errno: number): void {
    if (errno !== EAGAIN) {
      this.#failures++;
      this.#discardProcess();
    }
    this.#scheduled ??= setImmediate(() => this.#flush());
  }

  /** Ends the keeper; the next one will receive everything that is held. */
  #discardProcess(): void {
    this.#endProcess();
    this.#unsent = new Set(this.#held.keys());
    this.#freeSlots.push(...this.#slotsToClose);
    this.#slotsToClose = [];
  }

  #endProcess(): void {
    if (this.#process === null) return;
    const { pid, channel } = this.#process;
    this.#process = null;
    libc.kill(pid, SIGNALS.SIGKILL); // our child was not reaped yet, so no other process can have its pid
    waitForChild(pid, 0);
    libc.close(channel);
  }

  #writeKeepers(): void {
    this.#file.writeKeepers([...(this.#process === null ? [] : [this.#process]), ...(this.#previous?.ids ?? [])]);
  }
}

import { closeSync, fstatSync, readSync } from "node:fs";
import { errnoWords } from "../../base/errno.ts";
import type { Unit } from "../../core/unit/record.ts";
import { HANDOVER, reexec } from "../../linux/self/reexec.ts";
import type { Lock } from "../../linux/self/lock.ts";
import type { HeldSdNotify } from "../../ports/sd-notify.ts";
import type { Parts } from "../compose/compose.ts";
import { rememberUnit } from "../engine/unit-memory.ts";
import type { Held } from "../engine/socket-holder.ts";

/** Read at startup: after an upgrade replaces the file, the kernel reports this path as "… (deleted)". */
const PROGRAM = process.execPath;

/** What a daemon passes on to the next image through execve besides the store: state that only file descriptors can hold. */
export interface Handover {
  readonly lockFd: number;
  /** Version of the previous image. */
  readonly version: string;
  readonly sockets: Readonly<Record<string, readonly Held[]>>;
  /** Absent if the previous image was an older version. */
  readonly notify?: Readonly<Record<string, HeldSdNotify>>;
}

/** Reads the handover of the previous image; null in a freshly started process. Removes the environment variable that announces it. */
export function receiveHandover(): Handover | null {
  const number = process.env[HANDOVER];
  if (number === undefined) return null;
  delete process.env[HANDOVER];
  const fd = Number(number);
  const text = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, text, 0, text.length, 0);
  closeSync(fd);
  return JSON.parse(text.toString("utf8")) as Handover;
}

/** How long to wait for running unit commands (pre_start, post_stop, reload) before proceeding without them. */
const QUIET_MS = 10_000;

/** Resolves when no unit is in a phase that only this image can complete, or after QUIET_MS. */
export async function whenQuiet({ world, engine }: Parts): Promise<void> {
  const busy = (): boolean => [...world.entries()].some(([, { unit }]) => runsCommand(unit) || isBeingExecuted(unit));
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = (): void => {
    if (!busy()) resolve();
  };
  const stop = engine.watch(check);
  const timer = setTimeout(resolve, QUIET_MS);
  check();
  await promise;
  clearTimeout(timer);
  stop();
}

const runsCommand = ({ phase, testedRestart }: Unit): boolean =>
  ["preparing", "finishing", "reloading"].includes(phase) || testedRestart?.state === "testing";

/** The main process has not called exec yet, so the next image could not tell which unit it belongs to. */
const isBeingExecuted = ({ phase, process }: Unit): boolean => process === null && ["starting", "stopping", "killing"].includes(phase);

/** Stores everything that the next daemon must know about the units. */
export function remember({ world, store, catalog, logs }: Parts): void {
  const memories = [...world.entries()].map(
    ([id, entry]) => ({ kind: "unit", id, memory: rememberUnit(entry, catalog.get(id)?.effective) }) as const,
  );
  store.record({ memories });
  logs.flush();
}

/**
 * Executes the program at the path that this one was started from, which an upgrade may have replaced. Services keep running;
 * their exits and output wait for the next image. Returns only on failure, with the reason; then nothing has changed.
 */
export function handOver(parts: Parts, lock: Lock, version: string): string {
  const { sockets, notify } = parts;
  parts.processes.abortStarts(); // the next image would start them a second time
  remember(parts);
  const held = sockets.all();
  const notifySockets = notify.all();
  const state: Handover = { lockFd: lock.fd, version, sockets: held, notify: notifySockets };
  const keep = [lock.fd, ...[...Object.values(held).flat(), ...Object.values(notifySockets)].map(({ fd }) => fd)];
  // A compiled program contains its script; when run from source, `bun run` needs its path.
  const script = Bun.isStandaloneExecutable ? [] : ["run", process.argv[1]!];
  const args = [...script, ...process.argv.slice(2)];
  const errno = reexec({ path: PROGRAM, args, env: process.env, state, keep });
  return `cannot execute ${PROGRAM}: ${errnoWords(errno)}; the daemon continues unchanged`;
}

import { closeSync, fstatSync, readSync } from "node:fs";
import { errnoWords } from "../../base/errno.ts";
import type { Unit } from "../../core/unit/record.ts";
import { HANDOVER, reexec } from "../../linux/self/reexec.ts";
import type { Lock } from "../../linux/self/lock.ts";
import type { HeldSdNotify } from "../../ports/sd-notify.ts";
import type { Parts } from "../compose/compose.ts";
import { rememberUnit } from "../engine/unit-memory.ts";
import type { Held } from "../engine/socket-holder.ts";

/** The path of this program. It is read at startup, because the kernel reports it as "… (deleted)" once an upgrade has replaced the file. */
const PROGRAM = process.execPath;

/** The state that a daemon passes to the next image through execve. It refers to open file descriptors, so it cannot be in the store. */
export interface Handover {
  readonly lockFd: number;
  /** Version of the previous image. */
  readonly version: string;
  readonly sockets: Readonly<Record<string, readonly Held[]>>;
  /** These are absent if the previous image was an older version. */
  readonly notify?: Readonly<Record<string, HeldSdNotify>>;
  readonly terminals?: Readonly<Record<string, number>>;
}

/** Reads the handover of the previous image, and removes the environment variable that announces it. Returns null after an ordinary start. */
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

/** Maximum time for which a re-exec waits for running commands of units (pre_start, post_stop, reload). */
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

/** Returns true if the main process has not called exec yet. The next image could not tell which unit such a process belongs to. */
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
 * Executes the program at the path from which this one was started. An upgrade may have replaced that program. Services keep
 * running, and the next image receives their exits and their output. Returns only on failure, with the reason. After a
 * failure nothing has changed.
 */
export function handOver(parts: Parts, lock: Lock, version: string): string {
  const { sockets, notify, terminals } = parts;
  parts.processes.abortStarts(); // the next image would start them a second time
  remember(parts);
  const held = sockets.all();
  const notifySockets = notify.all();
  const ttys = terminals.all();
  const state: Handover = { lockFd: lock.fd, version, sockets: held, notify: notifySockets, terminals: ttys };
  const socketFds = [...Object.values(held).flat(), ...Object.values(notifySockets)].map(({ fd }) => fd);
  const keep = [lock.fd, ...socketFds, ...Object.values(ttys)];
  // A compiled program contains its script; when run from source, `bun run` needs its path.
  const script = Bun.isStandaloneExecutable ? [] : ["run", process.argv[1]!];
  const args = [...script, ...process.argv.slice(2)];
  const errno = reexec({ path: PROGRAM, args, env: process.env, state, keep });
  return `cannot execute ${PROGRAM}: ${errnoWords(errno)}; the daemon continues unchanged`;
}

import { closeSync, fstatSync, readSync } from "node:fs";
import { errnoWords } from "../../base/errno.ts";
import { HANDOVER, reexec } from "../../linux/self/reexec.ts";
import type { Lock } from "../../linux/self/lock.ts";
import type { HeldSdNotify } from "../../ports/sd-notify.ts";
import type { Parts } from "../compose/compose.ts";
import { rememberUnit } from "../engine/unit-memory.ts";
import type { Held } from "../engine/socket-holder.ts";

/** Asked for now, while the file is in its place: after an upgrade the kernel calls it "… (deleted)". */
const PROGRAM = process.execPath;

/** What one image of the daemon leaves to the next besides the store: what only descriptors can keep. */
export interface Handover {
  readonly lockFd: number;
  /** Of the program that was. */
  readonly version: string;
  readonly sockets: Readonly<Record<string, readonly Held[]>>;
  /** Absent in what an older program left. */
  readonly notify?: Readonly<Record<string, HeldSdNotify>>;
}

/** Null in a process that was started afresh. The variable that told of it is gone afterwards. */
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

/** How long commands of units (pre_start, post_stop, reload) may take until the daemon goes on without them. */
const QUIET_MS = 10_000;

/** Resolves when no unit is in the middle of something that only this image knows, or when that takes too long. */
export async function whenQuiet({ world, engine }: Parts): Promise<void> {
  const busy = (): boolean => [...world.entries()].some(([, { unit }]) => ["preparing", "finishing", "reloading"].includes(unit.phase));
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => {
    if (!busy()) resolve();
  };
  const stop = engine.watch(look);
  const timer = setTimeout(resolve, QUIET_MS);
  look();
  await promise;
  clearTimeout(timer);
  stop();
}

/** Writes all that the next daemon has to know of the units. */
export function remember({ world, store, catalog, logs }: Parts): void {
  const memories = [...world.entries()].map(
    ([id, entry]) => ({ kind: "unit", id, memory: rememberUnit(entry, catalog.get(id)?.effective) }) as const,
  );
  store.record({ memories });
  logs.flush();
}

/**
 * Becomes the program at the path that this one was started from, which an upgrade has perhaps replaced. Services, their
 * exits and their output wait for the next image. Returns only when it failed, with why; nothing has changed then.
 */
export function handOver(parts: Parts, lock: Lock, version: string): string {
  const { sockets, notify } = parts;
  remember(parts);
  const held = sockets.all();
  const heard = notify.all();
  const state: Handover = { lockFd: lock.fd, version, sockets: held, notify: heard };
  const keep = [lock.fd, ...[...Object.values(held).flat(), ...Object.values(heard)].map(({ fd }) => fd)];
  // A compiled program carries its script inside; from the sources, `bun run` needs to be told.
  const script = Bun.isStandaloneExecutable ? [] : ["run", process.argv[1]!];
  const args = [...script, ...process.argv.slice(2)];
  const errno = reexec({ path: PROGRAM, args, env: process.env, state, keep });
  return `cannot execute ${PROGRAM}: ${errnoWords(errno)}; going on as before`;
}

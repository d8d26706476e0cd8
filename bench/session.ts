import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Peer, Running } from "./peers/peer.ts";
import { killRunning, until } from "./process.ts";
import { Starts } from "./starts.ts";

/**
 * The directory for the homes of all peers. It is in memory, because sockets, FIFOs and pid files are in memory on a normal
 * machine too (/run, XDG_RUNTIME_DIR). On a disk, creating a thousand FIFOs alone takes 0.2 to 1 s, so the benchmark would
 * measure the disk.
 */
export const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export interface Live {
  readonly running: Running;
  readonly starts: Starts;
}

/** Runs `work` while a peer runs `count` services. Removes everything afterwards. */
export async function withServices<T>(peer: Peer, count: number, service: string, work: (live: Live) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(ROOT, "sup-bench-"));
  const starts = new Starts(join(directory, "starts"));
  mkdirSync(join(directory, "home"));
  let running: Running | undefined;
  try {
    running = await peer.start({ directory: join(directory, "home"), count, service, starts });
    await until(() => starts.refresh() >= count, `${count} services of ${peer.name}`, 60_000);
    return await work({ running, starts });
  } finally {
    await running?.end();
    const left = killRunning(starts.pidsToEnd(), service);
    if (left > 0) console.error(`${peer.name} left ${left} services running; they were killed`);
    rmSync(directory, { recursive: true, force: true });
  }
}

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { alive, until } from "../process.ts";
import type { RunningPeer } from "./loss-peer.ts";

export interface OrphansResult {
  /** The roles of the processes that are alive after the stop has finished. */
  readonly afterStop: readonly string[];
  /**
   * The roles of the processes that survive a crash of their run. After the main process of the run was killed, they are still alive
   * when the next run has started.
   */
  readonly afterCrash: readonly string[];
}

interface Member {
  readonly main: number;
  readonly role: string;
  readonly pid: number;
}

const ROLES = 4;
/** The time in milliseconds that a supervisor may take to end processes after it has reported that it is done. */
const GRACE_MS = 2000;

export const treeFile = (directory: string): string => join(directory, "tree");

export function membersOf(directory: string): Member[] {
  const text = existsSync(treeFile(directory)) ? readFileSync(treeFile(directory), "latin1") : "";
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" "))
    .map(([main, role, pid]) => ({ main: Number(main), role: role!, pid: Number(pid) }));
}

/** Returns the main processes of all runs so far. */
export const mainsOf = (directory: string): number[] =>
  membersOf(directory)
    .filter(({ role }) => role === "main")
    .map(({ pid }) => pid);

/**
 * Runs a service that has a child, a child in its own session and a double-forked daemon. Kills the main process, then stops the
 * service.
 */
export async function measureOrphans(running: RunningPeer, directory: string): Promise<OrphansResult> {
  const runs = (): number[] => mainsOf(directory);
  const complete = (run: number): boolean => membersOf(directory).filter(({ main }) => main === runs()[run]).length === ROLES;
  await until(() => complete(0), "the first run", 30_000);
  await Bun.sleep(1500); // other supervisors count a shorter run as a failed start
  process.kill(runs()[0]!, "SIGKILL");
  await until(() => complete(1), "the second run", 30_000);
  await Bun.sleep(GRACE_MS);
  const left = (run: number): string[] =>
    membersOf(directory).filter(({ main, pid }) => main === runs()[run] && alive(pid)).map(({ role }) => role); // prettier-ignore
  const afterCrash = left(0);
  await running.stop();
  await Bun.sleep(GRACE_MS);
  return { afterStop: left(1), afterCrash };
}

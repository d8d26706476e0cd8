import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { alive, until } from "../process.ts";
import type { Kept } from "./keeper.ts";

export interface OrphansResult {
  /** Roles of processes that live after the stop was done. */
  readonly afterStop: readonly string[];
  /** The same of the run whose main process was killed, when its next run is up. */
  readonly afterCrash: readonly string[];
}

interface Member {
  readonly main: number;
  readonly role: string;
  readonly pid: number;
}

const ROLES = 4;
/** What a supervisor may take to end them after it has said that it is done. */
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

/** The main processes of all runs so far. */
export const mainsOf = (directory: string): number[] =>
  membersOf(directory)
    .filter(({ role }) => role === "main")
    .map(({ pid }) => pid);

/** A service with a child, one in its own session and a double-forked daemon: its main process dies; then it is stopped. */
export async function measureOrphans(kept: Kept, directory: string): Promise<OrphansResult> {
  const runs = (): number[] => mainsOf(directory);
  const complete = (run: number): boolean => membersOf(directory).filter(({ main }) => main === runs()[run]).length === ROLES;
  await until(() => complete(0), "the first run", 30_000);
  await Bun.sleep(1500); // past what the others count as a failed start
  process.kill(runs()[0]!, "SIGKILL");
  await until(() => complete(1), "the second run", 30_000);
  await Bun.sleep(GRACE_MS);
  const left = (run: number): string[] =>
    membersOf(directory).filter(({ main, pid }) => main === runs()[run] && alive(pid)).map(({ role }) => role); // prettier-ignore
  const afterCrash = left(0);
  await kept.stop();
  await Bun.sleep(GRACE_MS);
  return { afterStop: left(1), afterCrash };
}

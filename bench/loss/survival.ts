import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { alive, run, until } from "../process.ts";
import type { RunningPeer } from "./loss-peer.ts";

export interface Survival {
  /** True if the service's process from before the kill of the supervisor is still alive. */
  readonly alive: boolean;
  /** True if the restarted supervisor reports this process as its own. */
  readonly managed: boolean;
  /** The number of running copies of the service. */
  readonly copies: number;
}

export interface LinesResult {
  readonly written: number;
  readonly lost: number;
  readonly duplicated: number;
}

const BEFORE_MS = 1000;
const AWAY_MS = 1000;
/** The time in milliseconds after which the processes are checked. It is longer than the five seconds between two scans of runsvdir. */
const AFTER_MS = 7000;

/**
 * Kills the supervisor with SIGKILL, starts it again, and finally stops the service. `pids` returns the main processes of all
 * runs so far.
 */
export async function measureSurvival(running: RunningPeer, pids: () => readonly number[]): Promise<Survival> {
  await until(() => pids().length === 1, "the service", 30_000);
  const first = pids()[0]!;
  await Bun.sleep(BEFORE_MS);
  process.kill(running.supervisor(), "SIGKILL");
  await Bun.sleep(AWAY_MS);
  await running.revive();
  await Bun.sleep(AFTER_MS);
  const seen = { alive: alive(first), managed: (await running.pid()) === first, copies: pids().filter(alive).length };
  await running.stop();
  return seen;
}

export const writersIn = (directory: string): number[] => readdirSync(directory).map(Number);

/** Compares the lines that the writers in `directory` wrote with the lines in the logs. */
export async function countLines(directory: string, logs: readonly string[]): Promise<LinesResult> {
  const seen = new Map<string, number>();
  for (const file of logs) for (const [line] of (await textOf(file)).matchAll(/\b\d+ \d+$/gm)) seen.set(line, (seen.get(line) ?? 0) + 1);
  let written = 0;
  let lost = 0;
  for (const pid of readdirSync(directory)) {
    const last = Number(readFileSync(join(directory, pid), "latin1"));
    written += last;
    for (let n = 1; n <= last; n++) if (!seen.has(`${pid} ${n}`)) lost++;
  }
  return { written, lost, duplicated: [...seen.values()].filter((times) => times > 1).length };
}

/** Reads a log file. sup compresses rotated files. */
const textOf = async (file: string): Promise<string> =>
  file.endsWith(".zst") ? (await run(["zstd", "-dc", file])).stdout : readFileSync(file, "latin1");

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { alive, run, until } from "../process.ts";
import type { Kept } from "./keeper.ts";

export interface Survival {
  /** The process that ran before the supervisor was killed lives. */
  readonly alive: boolean;
  /** The supervisor names it as its own again. */
  readonly managed: boolean;
  /** Copies of the service that run. */
  readonly copies: number;
}

export interface LinesResult {
  readonly written: number;
  readonly lost: number;
  readonly doubled: number;
}

const BEFORE_MS = 1000;
const AWAY_MS = 1000;
/** runsvdir looks every five seconds. */
const AFTER_MS = 7000;

/** The supervisor gets SIGKILL, comes back, and stops the service at last. `pids`: of its main process in all runs so far. */
export async function measureSurvival(kept: Kept, pids: () => readonly number[]): Promise<Survival> {
  await until(() => pids().length === 1, "the service", 30_000);
  const first = pids()[0]!;
  await Bun.sleep(BEFORE_MS);
  process.kill(kept.supervisor(), "SIGKILL");
  await Bun.sleep(AWAY_MS);
  await kept.revive();
  await Bun.sleep(AFTER_MS);
  const seen = { alive: alive(first), managed: (await kept.pid()) === first, copies: pids().filter(alive).length };
  await kept.stop();
  return seen;
}

export const writersIn = (directory: string): number[] => readdirSync(directory).map(Number);

/** What the writers of the directory wrote, beside what the logs hold. */
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
  return { written, lost, doubled: [...seen.values()].filter((times) => times > 1).length };
}

/** Rotations of sup are compressed. */
const textOf = async (file: string): Promise<string> =>
  file.endsWith(".zst") ? (await run(["zstd", "-dc", file])).stdout : readFileSync(file, "latin1");

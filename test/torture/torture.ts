/**
 * Kills and re-executes the daemon at random moments while difficult services run; at the end, accounts for every process
 * and every line. Bounded and seeded: a failure prints its seed, and the same seed gives the same moments.
 */
import { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { processesOf } from "../harness/processes.ts";
import { until } from "../harness/until.ts";
import { randomOf } from "../sim/random.ts";
import { checkCounted, checkLines } from "./lines.ts";
import { services, STEADY } from "./services.ts";

export interface Torture {
  readonly kills: number;
  readonly reexecs: number;
  readonly seed: number;
}

export interface Findings {
  /** Descriptions of what broke; empty when all is well. */
  readonly faults: readonly string[];
  readonly lines: number;
  readonly runsOfLooper: number;
}

const MAX_WAIT_MS = 250;

export async function torture({ kills, reexecs, seed }: Torture): Promise<Findings> {
  await using daemon = await startDaemon({ units: services, settings: { metrics: { interval: 1 } } });
  const before = await settle(daemon);
  await daemon.sup("stop", "halted");
  const random = randomOf(seed);
  const blows = [...Array<"kill">(kills).fill("kill"), ...Array<"reexec">(reexecs).fill("reexec")];
  for (const blow of shuffled(blows, random)) {
    await Bun.sleep(random() * MAX_WAIT_MS); // not synchronisation: a random moment
    if (blow === "reexec") await reexec(daemon);
    else {
      await daemon.crash();
      await daemon.start();
    }
  }
  const after = await settle(daemon);
  const faults = [...(await compare(daemon, before, after)), ...oneTreeEach(daemon.home), ...(await restartsAddUp(daemon))];
  const looped = readFileSync(join(daemon.home, "state/runs"), "latin1").trimEnd().split("\n"); // prettier-ignore
  faults.push(...missingLastWords(daemon.log("looper"), looped.slice(0, -1))); // the last run was stopped in the middle
  writeFileSync(join(daemon.home, "state/gate"), "");
  await daemon.reaches("limited", "stopped");
  const total = Number(readFileSync(join(daemon.home, "state/total"), "latin1"));
  await daemon.stop();
  faults.push(...checkCounted(join(daemon.home, "logs"), "limited", total).faults);
  const { count, faults: lineFaults } = checkLines(join(daemon.home, "logs"), "writer");
  const left = processesOf(daemon.home).map(({ pid, command }) => `${pid} (${command}) outlived the orderly stop`);
  return { faults: [...faults, ...lineFaults, ...left, ...databaseFaults(daemon.home)], lines: count, runsOfLooper: looped.length };
}

type Pids = Readonly<Record<string, number | null>>;

/** Waits until every unit is in its expected state; returns the pids of the steady ones. */
async function settle(daemon: Daemon): Promise<Pids> {
  for (const id of [...STEADY, "once"]) await daemon.reaches(id, "running", 20_000);
  const pids: Record<string, number | null> = {};
  for (const id of STEADY) pids[id] = (await daemon.service(id)).pid;
  return pids;
}

async function compare(daemon: Daemon, before: Pids, after: Pids): Promise<string[]> {
  const faults = STEADY.filter((id) => before[id] !== after[id]).map((id) => `${id} was pid ${before[id]} and is ${after[id]}`);
  const halted = await daemon.service("halted");
  if (halted.state !== "stopped") faults.push(`halted was stopped by the operator and is ${halted.state}`);
  for (const id of STEADY) {
    const { restart_count } = await daemon.service(id);
    if (restart_count !== 0) faults.push(`${id} never ended, but counts ${restart_count} restarts`);
  }
  return faults;
}

/** All processes of a unit must belong to the same run. */
function oneTreeEach(home: string): string[] {
  const runs = new Map<string, Set<string>>();
  for (const { pid } of processesOf(home)) {
    const environment = readOr(`/proc/${pid}/environ`);
    const unit = /(?:^|\0)SUP_UNIT=([^\0]*)/.exec(environment)?.[1];
    const invocation = /(?:^|\0)SUP_INVOCATION_ID=([^\0]*)/.exec(environment)?.[1];
    if (unit === undefined || invocation === undefined || invocation.startsWith("check-")) continue;
    runs.set(unit, (runs.get(unit) ?? new Set()).add(invocation));
  }
  return [...runs].filter(([, ids]) => ids.size > 1).map(([unit, ids]) => `${unit} has processes of ${ids.size} runs at once`);
}

/** The looper restarts all the time: its restart count must be the number of its runs minus one. */
async function restartsAddUp(daemon: Daemon): Promise<string[]> {
  const stopped = await daemon.sup("stop", "looper");
  if (stopped.code !== 0) return [`looper cannot be stopped: ${stopped.stderr}`];
  const { restart_count } = await daemon.service("looper");
  const started = (await daemon.json("events", "looper", "--type", "started", "-n", "100000")) as Array<{ details: { run: number } }>;
  const last = Math.max(...started.map((event) => event.details.run));
  const runs = new Set(started.map((event) => event.details.run));
  const faults = runs.size === started.length ? [] : [`${started.length - runs.size} runs of looper were recorded twice`];
  if (restart_count !== last - 1) faults.push(`looper is at run ${last}, but counts ${restart_count} restarts`);
  return faults;
}

/** What each run wrote right before its exit must be in the log once, whether or not a daemon was running. */
function missingLastWords(log: string, runs: readonly string[]): string[] {
  const found = new Map<string, number>();
  for (const [, run] of log.matchAll(/ F last words of (\S+)\n/g)) found.set(run!, (found.get(run!) ?? 0) + 1);
  return runs.flatMap((run, i) =>
    found.get(run) === 1 ? [] : [`the last words of run ${i + 1} of looper are in its log ${found.get(run) ?? 0} times`],
  );
}

async function reexec(daemon: Daemon): Promise<void> {
  const { pid } = daemon;
  const { code, stderr } = await daemon.sup("daemon", "reexec");
  if (code !== 0) throw new Error(`cannot re-exec: ${stderr}`);
  await until(async () => (await daemon.api("/healthz")).ok, { what: "the daemon to answer after the re-exec" });
  if (daemon.pid !== pid) throw new Error("the re-exec changed the pid");
}

function databaseFaults(home: string): string[] {
  const db = new Database(join(home, "state/sup.db"), { readonly: true });
  const { integrity_check: words } = db.query("PRAGMA integrity_check").get() as { integrity_check: string };
  db.close();
  return words === "ok" ? [] : [`the database is damaged: ${words}`];
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // the process exited meanwhile
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

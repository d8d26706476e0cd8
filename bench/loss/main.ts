/**
 * `npm run bench -- loss`: measures which processes supervisors leave behind if a service that forks is stopped or dies. Also
 * measures what happens to a service and its output if the supervisor itself is killed. `--only=sup,runit` measures only these
 * supervisors.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { compile } from "../native.ts";
import { killRunning } from "../process.ts";
import { ROOT } from "../session.ts";
import { table } from "../table.ts";
import type { LossPeer, RunningPeer } from "./loss-peer.ts";
import { pm2LossPeer, runitLossPeer, s6LossPeer, supervisordLossPeer, supLossPeer } from "./loss-peers.ts";
import { mainsOf, measureOrphans, membersOf, treeFile, type OrphansResult } from "./orphans.ts";
import { countLines, type LinesResult, measureSurvival, type Survival, writersIn } from "./survival.ts";

const { values: options } = parseArgs({ options: { only: { type: "string" } } });

interface Result {
  readonly peer: LossPeer;
  orphans?: OrphansResult;
  /** The survival of a service that writes nothing, and of one that writes all the time. */
  quiet?: Survival;
  writing?: Survival;
  lines?: LinesResult;
  readonly troubles: string[];
}

const all = [await supLossPeer(), await supervisordLossPeer(), await runitLossPeer(), await s6LossPeer(), await pm2LossPeer()];
const wanted = options.only?.split(",");
const results: Result[] = all
  .filter(({ name }) => wanted === undefined || wanted.includes(name.toLowerCase()))
  .map((peer) => ({ peer, troubles: [] }));
for (const result of results) if (result.peer.version !== null) await measure(result);
print();

async function measure(result: Result): Promise<void> {
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    console.error(`${result.peer.name}: ${what} …`);
    await action().catch((error: unknown) => result.troubles.push(`${what}: ${error instanceof Error ? error.message : String(error)}`));
  };
  await attempt("orphans", () =>
    during(result.peer, "tree", async (running, directory) => {
      result.orphans = await measureOrphans(running, directory);
      return () => Promise.resolve();
    }),
  );
  await attempt("survival of a quiet service", () =>
    during(result.peer, "tree", async (running, directory) => {
      result.quiet = await measureSurvival(running, () => mainsOf(directory));
      return () => Promise.resolve();
    }),
  );
  await attempt("survival of a writing service", () =>
    during(result.peer, "writer", async (running, directory) => {
      result.writing = await measureSurvival(running, () => writersIn(directory));
      // The lines are counted after the supervisor has ended, because it has then written everything that it had buffered.
      return async () => void (result.lines = await countLines(directory, running.logs()));
    }),
  );
}

type Work = (running: RunningPeer, directory: string) => Promise<() => Promise<void>>;

/** Runs `work` while the supervisor runs the program. After the supervisor has ended, runs the function that `work` returned. */
async function during(peer: LossPeer, program: "tree" | "writer", work: Work): Promise<void> {
  const directory = mkdtempSync(join(ROOT, "sup-loss-"));
  const [home, own] = [join(directory, "home"), join(directory, "own")];
  mkdirSync(home);
  mkdirSync(own);
  const path = await compile(directory, program);
  let running: RunningPeer | undefined;
  try {
    running = await peer.start(home, [path, program === "tree" ? treeFile(own) : own]);
    const after = await work(running, own);
    await running.end();
    running = undefined;
    await after();
  } finally {
    await running?.end().catch((error: unknown) => console.error(`${peer.name}: ${String(error)}`));
    const pids = program === "tree" ? membersOf(own).map(({ pid }) => pid) : writersIn(own);
    killRunning(pids, path);
    rmSync(directory, { recursive: true, force: true });
  }
}

function print(): void {
  const rows = (cells: (result: Result) => readonly string[]): string[][] =>
    results.map((result) => [result.peer.name, ...(result.peer.version === null ? [result.peer.missing ?? "missing"] : cells(result))]);
  const left = (roles: readonly string[] | undefined): string =>
    roles === undefined ? "–" : roles.length === 0 ? "none" : roles.join(", ");
  const yes = (value: boolean | undefined): string => (value === undefined ? "–" : value ? "yes" : "no");
  console.log(`\n${describeMachine()}\n`);
  console.log(
    table(
      ["", "version"],
      rows(({ peer }) => [peer.version!]),
    ),
  );
  console.log("\nA service with a child, a child in its own session, and a double-forked daemon: which of the four processes are left\n");
  console.log(
    table(
      ["", "after `stop`", "of the old run, after its main process died and was restarted"],
      rows(({ orphans }) => [left(orphans?.afterStop), left(orphans?.afterCrash)]),
    ),
  );
  console.log("\nSIGKILL to the supervisor, which is started again after a second: a service that writes nothing\n");
  const fate = (survival: Survival | undefined): string[] => [yes(survival?.alive), yes(survival?.managed), `${survival?.copies ?? "–"}`];
  console.log(
    table(
      ["", "alive", "managed again", "copies"],
      rows(({ quiet }) => fate(quiet)),
    ),
  );
  console.log("\nThe same, for a service that writes 5000 numbered lines a second\n");
  console.log(
    table(
      ["", "alive", "managed again", "copies", "lines written", "lost", "duplicated"],
      rows(({ writing, lines }) => [
        ...fate(writing),
        ...[lines?.written, lines?.lost, lines?.duplicated].map((value) => `${value ?? "–"}`),
      ]),
    ),
  );
  for (const { peer, troubles } of results) for (const trouble of troubles) console.log(`\n${peer.name}, ${trouble}`);
}

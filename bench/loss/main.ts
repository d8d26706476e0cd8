/**
 * `npm run bench:loss`: what supervisors leave behind when a service that forks is stopped or dies, and what becomes of a
 * service and its output when the supervisor itself is killed. `-- --only=sup,runit` leaves the others out.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { compile } from "../native.ts";
import { killRunning } from "../process.ts";
import { ROOT } from "../session.ts";
import { table } from "../table.ts";
import type { Keeper, Kept } from "./keeper.ts";
import { pm2Keeper, runitKeeper, s6Keeper, supervisordKeeper, supKeeper } from "./keepers.ts";
import { mainsOf, measureOrphans, membersOf, treeFile, type OrphansResult } from "./orphans.ts";
import { countLines, type LinesResult, measureSurvival, type Survival, writersIn } from "./survival.ts";

const { values: options } = parseArgs({ options: { only: { type: "string" } } });

interface Result {
  readonly keeper: Keeper;
  orphans?: OrphansResult;
  /** Of a service that writes nothing, and of one that writes all the time. */
  quiet?: Survival;
  writing?: Survival;
  lines?: LinesResult;
  readonly troubles: string[];
}

const all = [await supKeeper(), await supervisordKeeper(), await runitKeeper(), await s6Keeper(), await pm2Keeper()];
const wanted = options.only?.split(",");
const results: Result[] = all
  .filter(({ name }) => wanted === undefined || wanted.includes(name.toLowerCase()))
  .map((keeper) => ({ keeper, troubles: [] }));
for (const result of results) if (result.keeper.version !== null) await measure(result);
print();

async function measure(result: Result): Promise<void> {
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    console.error(`${result.keeper.name}: ${what} …`);
    await action().catch((error: unknown) => result.troubles.push(`${what}: ${error instanceof Error ? error.message : String(error)}`));
  };
  await attempt("orphans", () =>
    during(result.keeper, "tree", async (kept, directory) => {
      result.orphans = await measureOrphans(kept, directory);
      return () => Promise.resolve();
    }),
  );
  await attempt("survival of a quiet service", () =>
    during(result.keeper, "tree", async (kept, directory) => {
      result.quiet = await measureSurvival(kept, () => mainsOf(directory));
      return () => Promise.resolve();
    }),
  );
  await attempt("survival of a writing service", () =>
    during(result.keeper, "writer", async (kept, directory) => {
      result.writing = await measureSurvival(kept, () => writersIn(directory));
      // Counted when the supervisor has ended: what it held in its hands is written by then.
      return async () => void (result.lines = await countLines(directory, kept.logs()));
    }),
  );
}

type Work = (kept: Kept, directory: string) => Promise<() => Promise<void>>;

/** The supervisor with the one program, for the time of `work`; then, with the supervisor gone, what `work` gave. */
async function during(keeper: Keeper, program: "tree" | "writer", work: Work): Promise<void> {
  const directory = mkdtempSync(join(ROOT, "sup-loss-"));
  const [home, own] = [join(directory, "home"), join(directory, "own")];
  mkdirSync(home);
  mkdirSync(own);
  const path = await compile(directory, program);
  let kept: Kept | undefined;
  try {
    kept = await keeper.start(home, [path, program === "tree" ? treeFile(own) : own]);
    const after = await work(kept, own);
    await kept.end();
    kept = undefined;
    await after();
  } finally {
    await kept?.end().catch((error: unknown) => console.error(`${keeper.name}: ${String(error)}`));
    const pids = program === "tree" ? membersOf(own).map(({ pid }) => pid) : writersIn(own);
    killRunning(pids, path);
    rmSync(directory, { recursive: true, force: true });
  }
}

function print(): void {
  const rows = (cells: (result: Result) => readonly string[]): string[][] =>
    results.map((result) => [
      result.keeper.name,
      ...(result.keeper.version === null ? [result.keeper.missing ?? "missing"] : cells(result)),
    ]);
  const left = (roles: readonly string[] | undefined): string =>
    roles === undefined ? "–" : roles.length === 0 ? "none" : roles.join(", ");
  const yes = (value: boolean | undefined): string => (value === undefined ? "–" : value ? "yes" : "no");
  console.log(`\n${describeMachine()}\n`);
  console.log(
    table(
      ["", "version"],
      rows(({ keeper }) => [keeper.version!]),
    ),
  );
  console.log("\nA service with a child, a child in its own session, a double-forked daemon: what lives on of four processes\n");
  console.log(
    table(
      ["", "after `stop`", "of the old run, after its main process died and was restarted"],
      rows(({ orphans }) => [left(orphans?.afterStop), left(orphans?.afterCrash)]),
    ),
  );
  console.log("\nSIGKILL to the supervisor, which comes back after a second: a service that writes nothing\n");
  const fate = (survival: Survival | undefined): string[] => [yes(survival?.alive), yes(survival?.managed), `${survival?.copies ?? "–"}`];
  console.log(
    table(
      ["", "it lives", "managed again", "copies"],
      rows(({ quiet }) => fate(quiet)),
    ),
  );
  console.log("\nThe same, a service that writes 5000 numbered lines a second\n");
  console.log(
    table(
      ["", "it lives", "managed again", "copies", "lines written", "lost", "doubled"],
      rows(({ writing, lines }) => [...fate(writing), ...[lines?.written, lines?.lost, lines?.doubled].map((value) => `${value ?? "–"}`)]),
    ),
  );
  for (const { keeper, troubles } of results) for (const trouble of troubles) console.log(`\n${keeper.name}, ${trouble}`);
}

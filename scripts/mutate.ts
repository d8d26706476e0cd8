/**
 * `npm run mutate -- core spec`: makes small changes in these rooms of src/, one at a time: to an operator, a bound, a condition or a
 * boolean. After each change it runs the fast tests that should detect it. A change that no test detects shows that a test is
 * missing.
 *
 *   --count=200            draws this number of mutants at random
 *   --seed=1               draws the same mutants from the same source for the same seed
 *   --except=core/world,…  leaves out these files or folders
 *   --at-least=92          exits with 1 if less than this percentage of the mutants is killed
 *   --jobs=2               runs this number of test processes at a time, at most 2
 *
 * Changes within types and changes that do not parse are never drawn. A mutant with a type error counts as killed, because
 * `npm run check` reports the error. The compiler runs only if the tests pass.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../test/sim/random.ts";
import { diffOf, findMutants, isRealChange, type Mutant } from "./mutate/mutants.ts";
import { Trial, type Outcome } from "./mutate/trial.ts";

const PROJECT = resolve(import.meta.dir, "..");

/** For each room, the test folders that can detect a change in it. The folder that detects changes soonest comes first. */
const RINGS: Readonly<Record<string, readonly string[]>> = {
  base: ["base", "spec", "core", "api", "cli"],
  spec: ["spec", "core", "api", "cli"],
  core: ["core", "sim", "daemon", "api", "cli"],
  daemon: ["daemon", "proc/daemon", "proc/store"],
  api: ["api", "cli", "web"],
  convert: ["convert", "cli"],
  cli: ["cli"],
  web: ["web"],
};

const { values: options, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    except: { type: "string", default: "" },
    "at-least": { type: "string", default: "0" },
    jobs: { type: "string", default: "2" },
  },
});
if (places.length === 0) fail("name the rooms to mutate, such as `core spec` or `core/logs`");

const sources = new Map<string, string>();
const mutants = draw(findAll(), Number(options.count), new Random(Number(options.seed)));
if (mutants.length === 0) fail(`there is nothing to mutate in ${places.join(", ")}`);

const workers = Array.from({ length: Math.min(2, Math.max(1, Number(options.jobs))) }, () => new Trial(PROJECT));
process.on("exit", () => workers.forEach((trial) => trial[Symbol.dispose]()));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const limits = await measureLimits();
const outcomes: Array<{ readonly mutant: Mutant; readonly outcome: Outcome }> = [];
const queue = [...mutants];
await Promise.all(workers.map(work));
report();

function findAll(): Mutant[] {
  const except = options.except.split(",").filter(Boolean);
  const isWithin = (path: string, place: string): boolean => path === `src/${place}` || path.startsWith(`src/${place}/`);
  const paths = [...new Bun.Glob("src/**/*.{ts,tsx}").scanSync({ cwd: PROJECT })]
    .filter((path) => places.some((place) => isWithin(path, place)) && !except.some((place) => isWithin(path, place)))
    .sort();
  return paths.flatMap((path) => {
    const text = readFileSync(resolve(PROJECT, path), "utf8");
    sources.set(path, text);
    return findMutants(path, text);
  });
}

/** Draws `count` mutants at random. Skips mutants that do not change the program. */
function draw(all: Mutant[], count: number, random: Random): Mutant[] {
  const drawn: Mutant[] = [];
  while (drawn.length < count && all.length > 0) {
    const [mutant] = all.splice(random.below(all.length), 1);
    if (isRealChange(sources.get(mutant!.path)!, mutant!)) drawn.push(mutant!);
  }
  return drawn;
}

/**
 * Measures the time limit for the tests of each room. The limit is several times the duration without a change, because the
 * machine may be busy.
 */
async function measureLimits(): Promise<Map<string, number>> {
  const measured = new Map<string, number>();
  for (const room of new Set(mutants.map(roomOf))) {
    const begun = performance.now();
    const code = await workers[0]!.test(testsOf(room), 600_000);
    if (code !== 0) fail(`the tests of ${room} fail without a change: ${testsOf(room).join(" ")}`);
    measured.set(room, Math.round(10_000 + 5 * (performance.now() - begun)));
  }
  return measured;
}

async function work(trial: Trial): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const room = roomOf(mutant);
    const outcome = await trial.try(mutant, testsOf(room), limits.get(room)!);
    outcomes.push({ mutant, outcome });
    const verdict = outcome === "survived" ? "SURVIVED" : "killed  ";
    console.log(`${verdict} ${mutant.path}:${mutant.line} ${mutant.what.replace(/\s+/g, " ")}`);
  }
}

function report(): void {
  const count = (outcome: Outcome): number => outcomes.filter((one) => one.outcome === outcome).length;
  const survivors = outcomes.filter(({ outcome }) => outcome === "survived").map(({ mutant }) => mutant);
  survivors.sort((a, b) => a.path.localeCompare(b.path) || a.from - b.from);
  for (const mutant of survivors) console.log(`\n${mutant.path}:${mutant.line}\n${diffOf(sources.get(mutant.path)!, mutant)}`);
  const killed = outcomes.length - survivors.length;
  const percent = (100 * killed) / outcomes.length;
  const by = `${count("tests")} by tests, ${count("types")} by types, ${count("time")} by the time limit`;
  console.log(
    `\nseed ${options.seed}: ${killed} of ${outcomes.length} mutants killed (${percent.toFixed(1)} %): ${by}; ${survivors.length} survived`,
  );
  process.exit(percent < Number(options["at-least"]) ? 1 : 0);
}

function roomOf({ path }: Mutant): string {
  return path.split("/")[1]!;
}

/**
 * Returns the test files that can detect a change in a room, one by one in the order in which they should run. Bun would run
 * directories in its own order, but the room's own tests detect a change soonest.
 */
function testsOf(room: string): string[] {
  const rings = RINGS[room] ?? fail(`no fast tests are known for ${room}; those with: ${Object.keys(RINGS).join(", ")}`);
  return rings.flatMap((ring) =>
    [...new Bun.Glob(`test/${ring}/**/*.test.{ts,tsx}`).scanSync({ cwd: PROJECT })].sort().map((path) => `./${path}`),
  );
}

function fail(message: string): never {
  console.error(`cannot mutate: ${message}`);
  process.exit(2);
}

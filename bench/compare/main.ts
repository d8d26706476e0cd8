/**
 * `npm run bench -- compare REV`: builds the revision in a worktree and measures it and this checkout in turns (A B B A …).
 * Prints the ratios pair by pair with their spread, and fails if a figure is worse by more than 10 % beyond the noise.
 * `--pairs=5` sets the number of pairs. `--full` measures with the sizes of the full comparison.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { run } from "../process.ts";
import { table } from "../table.ts";
import { compareFigures, type Figures, type Verdict } from "./figures.ts";

const ROOT = resolve(import.meta.dir, "../..");
const MINUTE_MS = 60_000;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { pairs: { type: "string", default: "5" }, full: { type: "boolean", default: false } },
});
const [revision] = positionals;
const count = Number(options.pairs);
if (revision === undefined || positionals.length > 1 || !Number.isInteger(count) || count < 1) {
  console.error("usage: npm run bench -- compare REV [--pairs=5] [--full]");
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), "sup-compare-"));
const tree = join(work, "tree");
try {
  const before = await buildRevision(revision);
  process.exitCode = report(await measurePairs(before, join(ROOT, "dist/sup"), count)) ? 0 : 1;
} finally {
  await git("worktree", "remove", "--force", tree);
  rmSync(work, { recursive: true, force: true });
}

function git(...args: readonly string[]): ReturnType<typeof run> {
  return run(["git", "-C", ROOT, ...args]);
}

/** Builds the revision and returns the path of its executable. The worktree gets its own packages if the lock file differs. */
async function buildRevision(rev: string): Promise<string> {
  const { code, stderr } = await git("worktree", "add", "--detach", tree, rev);
  if (code !== 0) {
    console.error(`cannot check out ${rev}: ${stderr.trim().split("\n").at(-1) ?? ""}`);
    process.exit(2);
  }
  const lock = "package-lock.json";
  const isSame = existsSync(join(tree, lock)) && (await Bun.file(join(tree, lock)).text()) === (await Bun.file(join(ROOT, lock)).text());
  if (isSame) cpSync(join(ROOT, "node_modules"), join(tree, "node_modules"), { recursive: true, verbatimSymlinks: true });
  console.error(`building ${rev} …`);
  await run(["npm", "run", "build", "--prefix", tree], { timeoutMs: 10 * MINUTE_MS, mustSucceed: true });
  return join(tree, "dist/sup");
}

async function measurePairs(before: string, after: string, pairs: number): Promise<Array<readonly [Figures, Figures]>> {
  const measured: Array<readonly [Figures, Figures]> = [];
  for (let n = 0; n < pairs; n++) {
    console.error(`pair ${n + 1} of ${pairs} …`);
    // The order alternates, so that neither program always runs on the warmer machine.
    const first = await measure(n % 2 === 0 ? before : after);
    const second = await measure(n % 2 === 0 ? after : before);
    measured.push(n % 2 === 0 ? [first, second] : [second, first]);
  }
  return measured;
}

async function measure(program: string): Promise<Figures> {
  const command = [
    process.execPath,
    join(ROOT, "bench/main.ts"),
    "comparison",
    "--only=sup",
    "--json",
    ...(options.full ? [] : ["--quick"]),
  ];
  const { stdout } = await run(command, { env: { SUP_BIN: program }, timeoutMs: 10 * MINUTE_MS, mustSucceed: true });
  return JSON.parse(stdout) as Figures;
}

/** Prints the verdicts. Returns false if a figure is worse. */
function report(pairs: ReadonlyArray<readonly [Figures, Figures]>): boolean {
  const verdicts = compareFigures(pairs);
  console.log(`\n${describeMachine()}\n`);
  console.log(table(["", `${revision}`, "this checkout", "ratio", "noise ±", "pair by pair", ""], verdicts.map(row)));
  const worse = verdicts.filter(({ isWorse }) => isWorse).map(({ name }) => name);
  console.log(worse.length === 0 ? "\nno figure is worse by more than 10 % beyond the noise" : `\nworse: ${worse.join(", ")}`);
  return worse.length === 0;
}

function row({ name, before, after, ratio, noise, ratios, isWorse }: Verdict): string[] {
  const pair = ratios.map((one) => one.toFixed(2)).join(" ");
  return [name, figure(before), figure(after), ratio.toFixed(2), noise.toFixed(2), pair, isWorse ? "worse" : ""];
}

function figure(value: number): string {
  return value.toFixed(value < 10 ? 3 : 1);
}

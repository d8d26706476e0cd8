/**
 * `npm run bench -- rolling`: restarts a server under load and counts the failed requests. The server is a Node.js program that
 * drains. 8 clients keep their connection open, and 8 clients open one per request. `--restarts=20` is the number of restarts, and
 * `--only=sup,pm2` measures only these. `--write` also writes the result into docs/comparison.md.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "../../test/harness/ports.ts";
import { writeSection } from "../documents.ts";
import { describeMachine } from "../machine.ts";
import { providePrograms } from "../peers/debian.ts";
import { run, which } from "../process.ts";
import { ROOT } from "../session.ts";
import { median } from "../stats.ts";
import { table } from "../table.ts";
import type { Contender } from "./contender.ts";
import { findContenders } from "./contenders.ts";
import type { Report } from "./load.ts";

const { values: options } = parseArgs({
  options: { restarts: { type: "string", default: "10" }, only: { type: "string" }, write: { type: "boolean" } },
});

const PAUSE_MS = 500;
const START_MS = 30_000;

interface Result extends Report {
  readonly restartMs: number;
}

const restarts = Number(options.restarts);
const node = which("node");
if (node === null || !Number.isInteger(restarts) || restarts < 1) {
  console.error(
    node === null ? "cannot measure: Node.js is not installed" : "usage: npm run bench -- rolling [--restarts=10] [--only=sup,pm2]",
  );
  process.exit(2);
}
await providePrograms();
const wanted = options.only?.split(",");
const contenders = (await findContenders()).filter(({ name }) => wanted?.some((word) => name.toLowerCase().startsWith(`${word} `)) ?? true);
const rows: string[][] = [];
const causes: string[] = [];
for (const contender of contenders) {
  if (contender.version === null) {
    rows.push([contender.name, contender.missing ?? "missing"]);
    continue;
  }
  console.error(`${contender.name} …`);
  try {
    const { requests, failures, slowestMs, restartMs } = await measure(contender, node);
    const figures = [String(requests), String(failures.length), slowestMs.toFixed(0), (restartMs / 1000).toFixed(1)];
    rows.push([contender.name, contender.version, ...figures]);
    causes.push(...countsOf(failures).map((cause) => `- ${contender.name}: ${cause}`));
  } catch (error) {
    rows.push([contender.name, contender.version]);
    causes.push(`- ${contender.name} could not be measured: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const nodeVersion = (await run([node, "--version"])).stdout.trim();
const text = [
  `Measured on ${new Date().toISOString().slice(0, 10)} on ${describeMachine()}, with Node.js ${nodeVersion} and ${restarts} restarts each.`,
  table(["", "version", "requests", "failed", "slowest, ms", "one restart, s"], rows),
  ...(causes.length > 0 ? [`Causes of the failures:\n\n${causes.join("\n")}`] : []),
].join("\n\n");
console.log(`\n${text}`);
if (options.write) writeSection("comparison.md", "rolling", text);

async function measure(contender: Contender, nodePath: string): Promise<Result> {
  const directory = mkdtempSync(join(ROOT, "sup-rolling-"));
  const port = freePort();
  const program = resolve(import.meta.dir, "server.mjs");
  const server = await contender.start({ directory, node: nodePath, program, port });
  try {
    await answers(server.network, port);
    const client = Bun.spawn([...server.network, process.execPath, resolve(import.meta.dir, "client.ts"), String(port)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    await Bun.sleep(PAUSE_MS);
    const took: number[] = [];
    for (let n = 0; n < restarts; n++) {
      const began = performance.now();
      await server.restart();
      took.push(performance.now() - began);
      await Bun.sleep(PAUSE_MS);
    }
    await client.stdin.end();
    return { ...(JSON.parse(await client.stdout.text()) as Report), restartMs: median(took) };
  } finally {
    await server.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Waits until the server answers a request. */
async function answers(network: readonly string[], port: number): Promise<void> {
  const deadline = performance.now() + START_MS;
  const curl = [...network, "curl", "-sf", "-o", "/dev/null", `http://127.0.0.1:${port}/`];
  while ((await run(curl)).code !== 0) {
    if (performance.now() > deadline) throw new Error(`no answer from the server on port ${port} within ${START_MS / 1000} s`);
    await Bun.sleep(50);
  }
}

/** Returns each cause with the number of times that it occurred, the most frequent first. */
function countsOf(failures: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const failure of failures) {
    const cause = failure.replace(/(?: 127\.0\.0\.1:\d+)? at \S+$/, "");
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([cause, count]) => `${count} × ${cause}`);
}

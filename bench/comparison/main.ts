/**
 * `npm run bench`: compares sup with its peers in one run on this machine. `-- --quick` takes about a minute.
 * `-- --only=sup,loop` measures only these peers. `-- --install` installs the Debian packages of missing peers (as root).
 * `-- --json` prints the figures as JSON if only one peer is measured.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureCli } from "./cli.ts";
import { measureIdle } from "./idle.ts";
import { measureLaunch } from "./launch.ts";
import { describeMachine } from "../machine.ts";
import { compileNative } from "../native.ts";
import { loopPeer } from "../peers/loop.ts";
import type { Peer } from "../peers/peer.ts";
import { pm2Peer } from "../peers/pm2.ts";
import { runitPeer } from "../peers/runit.ts";
import { supPeer } from "../peers/sup.ts";
import { supervisordPeer } from "../peers/supervisord.ts";
import { run } from "../process.ts";
import { printFigures, printResults, type Measured, type Sizes } from "./results.ts";
import { measureRestart } from "./restart.ts";
import { withServices } from "../session.ts";
import { measureStop } from "./stop.ts";

const FULL: Sizes = { restarts: 50, slowRestarts: 50, launch: 500, steady: 100, idleMs: 60_000 };
const QUICK: Sizes = { restarts: 20, slowRestarts: 5, launch: 500, steady: 100, idleMs: 10_000 };

const { values: options } = parseArgs({
  options: { quick: { type: "boolean" }, only: { type: "string" }, install: { type: "boolean" }, json: { type: "boolean" } },
});

const work = mkdtempSync(join(tmpdir(), "sup-bench-native-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

const native = await compileNative(work);
if (!native) {
  console.error("cannot measure: the service that records its start time needs a C compiler (Debian: gcc libc6-dev)");
  process.exit(1);
}
if (options.install) await installPeers();

const sizes = options.quick ? QUICK : FULL;
const results: Measured[] = [];
for (const peer of choose([await supPeer(), loopPeer(native.loop), await runitPeer(), await supervisordPeer(), await pm2Peer()])) {
  const measured: Measured = { peer, troubles: [] };
  results.push(measured);
  if (peer.version !== null) await measure(measured, native.service, sizes);
}
if (options.json) printFigures(results);
else printResults(describeMachine(), results, sizes);

function choose(peers: readonly Peer[]): readonly Peer[] {
  const wanted = options.only?.split(",");
  return wanted ? peers.filter(({ name }) => wanted.includes(name.toLowerCase().split(" ")[0]!)) : peers;
}

/** Measures one peer. A failed measurement is reported with the results and does not stop the others. */
async function measure(measured: Measured, service: string, { restarts, slowRestarts, launch, steady, idleMs }: Sizes): Promise<void> {
  const { peer, troubles } = measured;
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    console.error(`${peer.name}: ${what} …`);
    await action().catch((error: unknown) => troubles.push(`${what}: ${error instanceof Error ? error.message : String(error)}`));
  };
  await attempt("restart", () =>
    withServices(peer, 1, service, async (live) => {
      measured.restart = await measureRestart(live, peer.restartPaceMs > 500 ? slowRestarts : restarts, peer.restartPaceMs);
    }),
  );
  await attempt(`${steady} units`, () =>
    withServices(peer, steady, service, async (live) => {
      measured.idle = await measureIdle(live, idleMs);
      measured.cli = await measureCli(live);
      measured.stopMs = await measureStop(live);
    }),
  );
  await attempt(`${launch} units`, () =>
    withServices(peer, launch, service, (live) => {
      measured.launchMs = measureLaunch(live);
      return Promise.resolve();
    }),
  );
}

async function installPeers(): Promise<void> {
  const packages = [Bun.which("supervisord") ? "" : "supervisor", Bun.which("runsvdir") ? "" : "runit"].filter(Boolean);
  if (packages.length === 0) return;
  if (process.getuid?.() !== 0) return console.error(`cannot install ${packages.join(", ")}: not root`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], { env, timeoutMs: 120_000 });
  const { code, stderr } = await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages], {
    env,
    timeoutMs: 300_000,
  });
  if (code !== 0) console.error(`cannot install ${packages.join(", ")}: ${stderr.trim().split("\n").at(-1) ?? ""}`);
}

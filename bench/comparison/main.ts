/**
 * `npm run bench`: compares sup with its peers in one run on this machine. `-- --quick` takes a few minutes, because of the peers.
 * `-- --only=sup,loop` measures only these peers. `-- --install` provides missing peers that Debian has packages of.
 * `-- --json` prints the figures as JSON if only one peer is measured.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "../machine.ts";
import { compileNative } from "../native.ts";
import { findPeers } from "../peers/all.ts";
import { providePrograms } from "../peers/debian.ts";
import { FULL, type Measured, measurePeer, QUICK } from "./measure.ts";
import { printFigures, printResults } from "./results.ts";

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
if (options.install) await providePrograms();

const sizes = options.quick ? QUICK : FULL;
const results: Measured[] = [];
for (const peer of await findPeers(native.loop, options.only))
  results.push(peer.version === null ? { peer, troubles: [] } : await measurePeer(peer, native.service, sizes));
if (options.json) printFigures(results);
else printResults(describeMachine(), results, sizes);

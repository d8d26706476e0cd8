/**
 * `npm run bench -- floor`: a short check for CI that takes less than a minute. It measures how much CPU time sup uses for
 * restarts, for stops and at rest. It divides each figure by the CPU time that the bare C loop uses for one restart in the
 * same run. It fails if a quotient is above its limit (limits.ts).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeMachine } from "../machine.ts";
import { compileNative } from "../native.ts";
import { loopPeer } from "../peers/loop.ts";
import { supPeer } from "../peers/sup.ts";
import { withServices } from "../session.ts";
import { median } from "../stats.ts";
import { table } from "../table.ts";
import { type Cost, measureCost, measureRest, measureStops } from "./cost.ts";
import { type Figure, judge, LIMITS } from "./limits.ts";

const UNITS = 100;
/** Time after which the daemon has released what only its start needed. */
const SETTLE_MS = 11_000;

const work = mkdtempSync(join(tmpdir(), "sup-bench-native-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
const native = await compileNative(work);
if (native === null) {
  console.log(`a C compiler is needed\n0 passed, 0 failed, ${Object.keys(LIMITS).length} skipped`);
  process.exit(0);
}

const { service } = native;
const loop = loopPeer(native.loop);
const measureLoop = (): Promise<Cost> => withServices(loop, UNITS, service, measureCost);
const before = await measureLoop();
const figures = await measureSup();
const after = await measureLoop();
const base = median([before.restartTogether, before.restart, after.restart, after.restartTogether]);
const verdicts = judge(figures, base);
console.log(`${describeMachine()}; the C loop uses ${base.toFixed(3)} ms of CPU time for a restart\n`);
const rows = verdicts.map(({ name, ratio, limit, isAbove }) => [name, `${ratio.toFixed(1)} ×`, `${limit} ×`, isAbove ? "above" : ""]);
console.log(table(["CPU time of sup", "C loop", "limit", ""], rows));
const failed = verdicts.filter(({ isAbove }) => isAbove).length;
console.log(`${verdicts.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function measureSup(): Promise<Record<Figure, number>> {
  return withServices(await supPeer(), UNITS, service, async (live) => {
    await Bun.sleep(SETTLE_MS);
    const restMs = await measureRest(live);
    const { restart, restartTogether } = await measureCost(live);
    return {
      "one restart": restart,
      "one of many restarts": restartTogether,
      "one of many stops": await measureStops(live),
      "one unit at rest, in a minute": restMs / UNITS,
    };
  });
}

/**
 * `npm run bench -- all`: measures sup and all other supervisors in one run, in turns, and prints one table. Peers that are not
 * installed come from Debian or npm. `--quick` takes about sixteen minutes. `--runs=5` is the number of runs of sup and the C loop, and
 * `--peer-runs=2` that of the others. `--only=sup,loop` measures only these. `--write` also writes the charts and
 * the result into docs/performance.md.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FULL, measurePeer, QUICK } from "../comparison/measure.ts";
import { CHARTS, writeCharts, writeSection } from "../documents.ts";
import { findLoggers } from "../logs/loggers.ts";
import { compilePrograms, measureLogger } from "../logs/measure.ts";
import { describeMachine } from "../machine.ts";
import { compileNative } from "../native.ts";
import { findPeers } from "../peers/all.ts";
import { providePrograms } from "../peers/debian.ts";
import { ROOT } from "../session.ts";
import { figuresOf, type Results } from "./figures.ts";
import { chartsOf, markdown, type Report } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean" },
    only: { type: "string" },
    runs: { type: "string", default: "5" },
    "peer-runs": { type: "string", default: "2" },
    write: { type: "boolean" },
  },
});

const LOG_MEGABYTES = 256;
/** Which logger belongs to which supervisor. */
const LOGGERS: Readonly<Record<string, string>> = {
  sup: "sup cri",
  runit: "svlogd",
  s6: "s6-log",
  systemd: "journald",
  supervisord: "supervisord",
  PM2: "pm2",
};
/** PM2 takes minutes for hundreds of services, so a quick run measures it once. */
const ONCE = ["PM2"];

const work = mkdtempSync(join(ROOT, "sup-all-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

const native = await compileNative(work);
if (!native) {
  console.error("cannot measure: the service that records its start time needs a C compiler (Debian: gcc libc6-dev)");
  process.exit(1);
}
await providePrograms();
const machine = describeMachine();
const sizes = { ...(options.quick ? QUICK : FULL), isSettled: true };
const results = (await findPeers(native.loop, options.only)).map((peer): Results => ({ peer, runs: [], logs: [], notes: [] }));
const runs = Number(options.runs);
// All peers take turns, so that other load on the machine affects all of them equally.
for (let turn = 1; turn <= runs; turn++) {
  for (const one of results) {
    if (turn > runsOf(one)) continue;
    console.error(`run ${turn} of ${runsOf(one)}:`);
    const measured = await measurePeer(one.peer, native.service, sizes);
    one.runs.push(measured);
    one.notes.push(...measured.troubles);
  }
  for (const one of results) if (turn <= runsOf(one)) await measureLogs(one);
}
const report: Report = { machine, day: new Date().toISOString().slice(0, 10), figures: figuresOf(sizes), results };
console.log(`\n${markdown(report, null)}`);
if (options.write) {
  writeCharts(chartsOf(report));
  writeSection("performance.md", "all", markdown(report, CHARTS));
}

function runsOf({ peer: { name, version } }: Results): number {
  if (version === null) return 0;
  if (name === "sup" || name.startsWith("loop")) return runs;
  return Math.min(runs, options.quick && ONCE.includes(name) ? 1 : Number(options["peer-runs"]));
}

async function measureLogs({ peer, logs, notes }: Results): Promise<void> {
  const [logger] = Object.hasOwn(LOGGERS, peer.name) ? await findLoggers(LOGGERS[peer.name]) : [];
  if (logger === undefined) return;
  if (logger.version === null) return void notes.push(`${logger.name} was not measured: ${logger.missing}`);
  console.error(`${logger.name}: logs …`);
  const megabytes = Math.min(LOG_MEGABYTES, logger.mostMegabytes ?? LOG_MEGABYTES);
  try {
    const programs = await compilePrograms(work);
    logs.push(await measureLogger(logger, programs, { work, megabytes, withRequests: false, burners: 0 }));
  } catch (error) {
    notes.push(`logs: ${error instanceof Error ? error.message : String(error)}`);
  }
}

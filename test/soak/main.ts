/** `npm run soak [-- --gb=10 --events=1000000 --seed=N --directory=/var/tmp]` */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { describeMachine } from "../../bench/machine.ts";
import { table } from "../../bench/table.ts";
import { type Moment, soak } from "./soak.ts";
import { faultsOf } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    gb: { type: "string", default: "10" },
    events: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    directory: { type: "string", default: existsSync("/dev/shm") ? "/dev/shm" : tmpdir() },
  },
});
const [gigabytes, events, seed] = [values.gb, values.events, values.seed].map(Number) as [number, number, number];
console.log(`${describeMachine()}\n${gigabytes} GB of logs, ${events} events, seed ${seed}, in ${values.directory}\n`);

const HEAD = ["MB", "s", "GB", "events", "RSS", "anonymous", "PSS", "heap", "descriptors", "threads", "store", "keeper's RSS"];
const mb = (value: number): string => value.toFixed(1);
const row = (m: Moment): string[] => [
  m.what,
  m.seconds.toFixed(0),
  m.gigabytes.toFixed(2),
  `${m.events}`,
  ...[m.rss, m.anonymous, m.pss, m.heap].map(mb),
  ...[m.fds, m.threads].map(String),
  ...[m.store, m.keeper.rss].map(mb),
];
const rows: string[][] = [];
const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
const result = await soak({
  gigabytes,
  events,
  seed,
  directory: values.directory,
  signal: interrupted.signal,
  onMoment(moment) {
    rows.push(row(moment));
    console.error(
      `${moment.seconds.toFixed(0)} s: ${moment.what}, ${moment.events} events, RSS ${mb(moment.rss)} MB, anonymous ${mb(moment.anonymous)} MB`,
    );
  },
}).catch((error: unknown) => {
  if (!interrupted.signal.aborted) throw error;
  console.error("interrupted; all files and processes were removed");
  process.exit(130);
});

const { fresh, began, ended, peak, messages } = result;
const growth = (from: Moment): string => `RSS ${mb(ended.rss - from.rss)} MB, anonymous ${mb(ended.anonymous - from.anonymous)} MB`;
const faults = faultsOf(result);
console.log(table(HEAD, rows));
console.log(`\nhighest RSS: ${mb(peak)} MB; events sent to clients: ${messages}`);
console.log(`growth since the first tenth: ${growth(began)}\ngrowth since the start: ${growth(fresh)}`);
for (const fault of faults) console.log(`FAULT ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);

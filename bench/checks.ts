/**
 * `npm run bench -- checks`: measures the CPU cost and the punctuality of health checks. Also measures the time to start units in
 * waves, where each wave waits for the previous one. The defaults are `--checks=1000 --seconds=30 --waves=50 --width=10`.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.ts";
import { clean, cpuNs, rssMb, run } from "./process.ts";
import { ROOT } from "./session.ts";
import { median, quantile } from "./stats.ts";
import { table } from "./table.ts";

const SUP = process.env.SUP_BIN ?? resolve(import.meta.dir, "../dist/sup");
const { values } = parseArgs({
  options: {
    checks: { type: "string", default: "1000" },
    seconds: { type: "string", default: "30" },
    waves: { type: "string", default: "50" },
    width: { type: "string", default: "10" },
  },
});
const [checks, seconds, waves, width] = [values.checks, values.seconds, values.waves, values.width].map(Number) as [
  number,
  number,
  number,
  number,
];
if (!existsSync(SUP)) throw new Error("cannot measure: sup is not built (npm run build)");

const punctual = await measureChecks();
const started = await measureWaves();
console.log(`${describeMachine()}\n`);
console.log(table([`${checks} http checks, one a second each, over ${seconds} s`, ""], punctual));
console.log(`\n${table([`${waves * width} units in ${waves} waves`, ""], started)}`);

interface Daemon {
  readonly pid: number;
  readonly home: string;
  readonly sup: (...args: string[]) => Promise<string>;
}

/** Runs `work` while a daemon runs these units. */
async function withDaemon<T>(units: ReadonlyMap<string, object>, work: (daemon: Daemon) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(ROOT, "sup-bench-"));
  mkdirSync(join(home, "units"));
  writeFileSync(join(home, "sup.json"), JSON.stringify({ api: { port: 0 } }));
  for (const [id, unit] of units) writeFileSync(join(home, "units", `${id}.unit.json`), JSON.stringify(unit));
  const env = { SUP_HOME: home };
  const child = Bun.spawn([SUP, "daemon"], { env: { ...clean(process.env), ...env }, stdio: ["ignore", "ignore", "ignore"] });
  const sup = async (...args: string[]): Promise<string> =>
    (await run([SUP, ...args], { env, mustSucceed: true, timeoutMs: 120_000 })).stdout;
  try {
    for (let tries = 0; (await run([SUP, "version"], { env })).code !== 0 || !existsSync(join(home, "run/sup.sock")); tries++) {
      if (tries > 500) throw new Error("the daemon does not answer");
      await Bun.sleep(10);
    }
    return await work({ pid: child.pid, home, sup });
  } finally {
    await run([SUP, "daemon", "stop"], { env });
    child.kill("SIGTERM"); // the command may have failed
    await child.exited;
    rmSync(home, { recursive: true, force: true });
  }
}

/** Measures health checks. All checks send their requests to one server, which only records the arrival times. */
async function measureChecks(): Promise<string[][]> {
  const requests: number[][] = Array.from({ length: checks }, () => []);
  let counting = false;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      if (counting) requests[Number(request.url.slice(request.url.lastIndexOf("/") + 1))]!.push(performance.now());
      return new Response("ok");
    },
  });
  const units = new Map(
    Array.from({ length: checks }, (_, n) => {
      const health_check = { type: "http", endpoint: `http://127.0.0.1:${server.port}/${n}`, interval: 1 };
      return [`u${n}`, { command: "sleep", args: ["100000"], health_check }] as const;
    }),
  );
  try {
    return await withDaemon(units, async ({ pid, home, sup }) => {
      await sup("start", "*");
      await Bun.sleep(3000); // wait until every check has run a few times
      counting = true;
      const [beganMs, beganNs] = [performance.now(), cpuNs(pid)];
      await Bun.sleep(seconds * 1000);
      counting = false;
      const share = (cpuNs(pid) - beganNs) / 1e6 / (performance.now() - beganMs);
      const health = JSON.parse(await sup("health", "--json")) as { status: string };
      return describeChecks(requests, share, rssMb(pid), await heapMb(home), health.status);
    });
  } finally {
    await server.stop(true);
  }
}

/** Returns the size of the daemon's own objects in MB, including garbage. */
async function heapMb(home: string): Promise<number> {
  const text = await (await fetch("http://sup/metrics", { unix: join(home, "run/sup.sock") })).text();
  return Number(/^sup_heap_bytes (.*)$/m.exec(text)?.[1]) / 1e6;
}

function describeChecks(requests: readonly number[][], share: number, rss: number, heap: number, status: string): string[][] {
  // A check is due once a second. The most punctual request of a check shows at which point of the second the check is due.
  const late = requests.flatMap((times) => {
    const offset = Math.min(...times.map((at, k) => at - k * 1000));
    return times.map((at, k) => at - k * 1000 - offset);
  });
  const gaps = requests.flatMap((times) => times.slice(1).map((at, k) => at - times[k]!));
  const perTenth = new Map<number, number>();
  for (const at of requests.flat()) perTenth.set(Math.floor(at / 100), (perTenth.get(Math.floor(at / 100)) ?? 0) + 1);
  const busy = [...perTenth.values()].slice(1, -1);
  const counts = requests.map((times) => times.length);
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  return [
    ["requests per check, fewest and most", `${Math.min(...counts)}, ${Math.max(...counts)}`],
    ["late, median / 99 % / worst", `${ms(median(late))} / ${ms(quantile(late, 0.99))} / ${ms(Math.max(...late))}`],
    ["longest gap between two", ms(Math.max(...gaps))],
    ["requests in 100 ms, fewest and most", `${Math.min(...busy)}, ${Math.max(...busy)}`],
    ["CPU of the daemon, of one core", `${(share * 100).toFixed(1)} %`],
    ["memory (RSS)", `${rss.toFixed(0)} MB`],
    ["of which heap, at the end", `${heap.toFixed(0)} MB`],
    ["overall health at the end", status],
  ];
}

/** Measures the start of waves of oneshots that take 20 ms. Each unit of a wave depends on all units of the wave before. */
async function measureWaves(): Promise<string[][]> {
  const name = (wave: number, n: number): string => `w${wave}-${n}`;
  const units = new Map<string, object>([["alone", { type: "oneshot", command: "sleep", args: ["0.02"] }]]);
  for (let wave = 0; wave < waves; wave++) {
    for (let n = 0; n < width; n++) {
      const dependencies = wave === 0 ? [] : Array.from({ length: width }, (_, other) => name(wave - 1, other));
      units.set(name(wave, n), { type: "oneshot", remain_after_exit: true, command: "sleep", args: ["0.02"], dependencies });
    }
  }
  return withDaemon(units, async ({ sup }) => {
    const one: number[] = [];
    for (let n = 0; n < 20; n++) one.push(await durationOf(sup, ["alone"], "alone", "alone"));
    const whole = await durationOf(sup, ["w*"], name(0, 0), name(waves - 1, width - 1));
    const path = median(one) * waves;
    return [
      ["one unit alone, start to done (median of 20)", `${median(one).toFixed(1)} ms`],
      [`critical path: ${waves} times that`, `${path.toFixed(0)} ms`],
      ["all of them, first start to last done", `${whole.toFixed(0)} ms`],
      ["over the critical path", `${(((whole - path) / path) * 100).toFixed(0)} %, ${((whole - path) / waves).toFixed(1)} ms a wave`],
    ];
  });
}

/** Starts the units, and returns the milliseconds from the event `started` of unit `first` to the last event of unit `last`. */
async function durationOf(sup: Daemon["sup"], units: readonly string[], first: string, last: string): Promise<number> {
  await sup("start", ...units);
  const events = async (unit: string, type: string): Promise<number[]> =>
    (JSON.parse(await sup("events", unit, "--type", type, "-n", "1", "--json")) as Array<{ timestamp: string }>).map(({ timestamp }) =>
      Date.parse(timestamp),
    );
  const [began] = await events(first, "started");
  const ended = Math.max(...(await events(last, "stopped")), ...(await events(last, "running")));
  return ended - began!;
}

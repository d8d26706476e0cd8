/**
 * `npm run bench -- page`: measures the size of the page, the time until it is usable, and what open pages cost the daemon. The
 * defaults are `--units=20 --pages=100 --seconds=30`.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { startDaemon, type Daemon } from "../test/harness/daemon.ts";
import { sleeper } from "../test/harness/services.ts";
import { describeMachine } from "./machine.ts";
import { rssMb } from "./process.ts";
import { median } from "./stats.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    units: { type: "string", default: "20" },
    pages: { type: "string", default: "100" },
    seconds: { type: "string", default: "30" },
  },
});
const [units, pages, seconds] = [values.units, values.pages, values.seconds].map(Number) as [number, number, number];
const SETTLE_MS = 5000;
const LOADS = 20;

const program = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");
if (program === null) throw new Error("cannot measure: chromium is not installed");
await using daemon = await startDaemon({
  units: Object.fromEntries(Array.from({ length: units }, (_, n) => [`unit-${n}`, sleeper({ enabled: true })])),
});
await daemon.reaches(`unit-${units - 1}`, "running");
const { daemon: info } = (await (await daemon.api("/api/supervisor/status")).json()) as { daemon: { url: string } };

const rows: string[][] = [];
for (const coding of ["zstd", "gzip"]) rows.push([`first load, ${coding}`, `${((await weigh(coding)) / 1000).toFixed(1)} KB`]);
const browser = await chromium.launch({ executablePath: program, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
try {
  const page = await (await browser.newContext()).newPage();
  await page.goto(((await daemon.json("dashboard")) as { url: string }).url);
  await page.locator(".link-live").waitFor(); // the sign-in must finish before the test leaves the page
  const usable: number[] = [];
  for (let n = 0; n < LOADS; n++) {
    await page.goto("about:blank");
    await page.goto(info.url);
    await page.locator(".units .row", { hasText: "running" }).first().waitFor();
    usable.push(await page.evaluate(() => performance.getEntriesByName("usable")[0]?.startTime ?? Number.NaN));
  }
  rows.push([`until usable, median / worst of ${LOADS}`, `${median(usable).toFixed(0)} / ${Math.max(...usable).toFixed(0)} ms`]);
  await page.locator(".link-live").waitFor();
  const open = await share(daemon);
  await page.goto("about:blank");
  const none = await share(daemon);
  rows.push(
    ["CPU of the daemon, no page open", `${(none * 100).toFixed(3)} % of one core`],
    ["CPU of the daemon, one page open", `${(open * 100).toFixed(3)} % of one core`],
    ["the page's share", `${((open - none) * 100).toFixed(3)} %`],
  );
} finally {
  await browser.close();
}
rows.push(...(await crowd(daemon)));
console.log(`${describeMachine()}\n`);
console.log(table([`The page with ${units} units`, ""], rows));

/** Returns the size in bytes of everything that the browser requests before the page is usable. */
async function weigh(coding: string): Promise<number> {
  const load = (path: string, decompress: boolean): Promise<Response> =>
    fetch(`${info.url}/${path}`, { headers: { "accept-encoding": coding }, decompress } as RequestInit);
  const wanted = new Set([""]);
  let sum = 0;
  for (const path of wanted) {
    sum += (await (await load(path, false)).bytes()).length;
    const text = await (await load(path, true)).text();
    // Static imports of a file are loaded with it, but dynamic imports are not.
    for (const [, name] of text.matchAll(/(?:src=|href=|from)"\.\/([^"]+)"/g)) wanted.add(name!);
  }
  return sum;
}

/** Returns the share of one core that the daemon uses while nothing happens. */
async function share({ pid }: Daemon): Promise<number> {
  await Bun.sleep(SETTLE_MS);
  const [beganMs, before] = [performance.now(), cpuMs(pid)];
  await Bun.sleep(seconds * 1000);
  return (cpuMs(pid) - before) / (performance.now() - beganMs);
}

/**
 * Returns the CPU time in milliseconds, from clock ticks of 10 ms. It includes ended threads, because threads that compress the
 * page end during the measurement.
 */
function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const [user, system] = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user! + system!) * 10;
}

/** Opens the event streams of `pages` pages without browsers, because the browsers would need more memory than the daemon. */
async function crowd({ pid, home }: Daemon): Promise<string[][]> {
  const token = (await Bun.file(`${home}/run/token`).text()).trim();
  await Bun.sleep(SETTLE_MS);
  const before = rssMb(pid);
  const control = new AbortController();
  const streams = Array.from({ length: pages }, async () => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${info.url}/api/supervisor/events/stream`, { headers, signal: control.signal });
    if (!answer.ok) throw new Error(`cannot open the stream: status ${answer.status}`);
    return answer.body!.getReader();
  });
  const readers = await Promise.all(streams);
  const reading = readers.map(async (reader) => {
    while (!(await reader.read().catch(() => ({ done: true }))).done);
  });
  const cost = await share(daemon);
  const after = rssMb(pid);
  control.abort();
  await Promise.all(reading);
  return [
    [
      `memory (RSS), before and with ${pages} pages`,
      `${before.toFixed(1)} and ${after.toFixed(1)} MB: ${(after - before).toFixed(1)} MB more`,
    ],
    [`CPU of the daemon, ${pages} pages open`, `${(cost * 100).toFixed(2)} % of one core`],
  ];
}

/**
 * `npm run screenshots`: takes the pictures in docs/screenshots with the built executable and this machine's chromium, for the
 * light and the dark theme, on desktop and phone. The units and their history in the 15 minutes before the daemon's start are
 * invented. Everything else is real.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { insertMetrics } from "../src/adapters/sqlite/metrics.ts";
import type { MetricRow } from "../src/ports/store/metrics.ts";
import { startDaemon, type Daemon } from "../test/harness/daemon.ts";
import { freePort } from "../test/harness/ports.ts";
import { until } from "../test/harness/until.ts";
import { shop } from "./screenshots/shop.ts";

const OUT = resolve(import.meta.dir, "../docs/screenshots");
const PLACES = { overview: "#/", unit: "#/unit/api", graph: "#/graph" } as const;
const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;

const program = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");
if (program === null) throw new Error("cannot take screenshots: chromium is not installed");
mkdirSync(OUT, { recursive: true });
await using daemon = await startDaemon({
  settings: { metrics: { interval: 0.5 } },
  units: shop(freePort(), freePort()),
});
invent(daemon);
await daemon.reaches("payments", "fatal", 30_000);
await daemon.reaches("search", ({ health }) => health === "unhealthy", 30_000);
const rises = async (): Promise<boolean> =>
  ((await daemon.json("forecast", "api")) as { memory: { verdict: string } }).memory.verdict === "rising";
await until(rises, {
  what: "the leak to be foreseen",
  timeoutMs: 120_000,
  explain: async () => (await daemon.sup("forecast", "api")).stdout,
});
const browser = await chromium.launch({ executablePath: program, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
try {
  for (const [size, options] of Object.entries(SIZES))
    for (const colorScheme of ["light", "dark"] as const) await take(browser, size, { ...options, colorScheme });
} finally {
  await browser.close();
}

async function take(from: Browser, size: string, options: NonNullable<Parameters<Browser["newContext"]>[0]>): Promise<void> {
  const context = await from.newContext({ ...options, reducedMotion: "reduce" });
  const page = await context.newPage();
  const { url } = (await daemon.json("dashboard")) as { url: string };
  await page.goto(url);
  await page.locator(".link-live").waitFor();
  for (const [name, hash] of Object.entries(PLACES)) {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
    const shown = { overview: ".units .row", unit: ".area-charts canvas", graph: ".graph .node" }[name]!;
    await page.locator(shown).first().waitFor();
    await page.waitForTimeout(1000); // wait until the charts and the log stop moving
    if (name === "overview") await page.locator(".units .row", { hasText: "MB" }).first().waitFor();
    const path = join(OUT, `${name}-${size}-${options.colorScheme}.png`);
    await page.screenshot({ path, animations: "disabled" });
    console.log(`${path}: ${Math.round(Bun.file(path).size / 1000)} KB`);
  }
  await context.close();
}

/** Writes invented samples for the last 15 minutes to the store, as if the units had been running. */
function invent({ home }: Daemon): void {
  const db = new Database(join(home, "state/sup.db"));
  const beganMs = Date.now() - 5_000;
  const usual = { api: [6, 60], web: [5, 48], postgres: [2, 36], redis: [1, 12], search: [3, 30], mailer: [1, 8] } as const;
  db.transaction(() => {
    for (const [serviceId, [cpu, memory]] of Object.entries(usual)) {
      const rows = Array.from({ length: 900 }, (_, i): MetricRow => {
        const age = 900 - i;
        const wave = 1 + 0.3 * Math.sin(age / 90) + 0.2 * Math.sin(age / 7) + 0.2 * Math.random();
        const responseTimeMs = serviceId === "api" || serviceId === "web" ? 7 * wave : null;
        const timestamp = new Date(beganMs - age * 1000).toISOString();
        const measured = { cpuPercent: cpu * wave, memoryMb: memory * (1 + 0.05 * wave), responseTimeMs, tasks: 2, openFiles: 12 };
        return { serviceId, timestamp, healthStatus: "healthy", ...measured };
      });
      insertMetrics(db, rows);
    }
  })();
  db.close();
}

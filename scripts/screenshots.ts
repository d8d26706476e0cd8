/**
 * `npm run screenshots`: takes the pictures in docs/screenshots with the built executable and this machine's chromium, for the
 * light and the dark theme, on desktop and phone. The units and their history in the 15 minutes before the daemon's start are
 * invented. Everything else is real.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { insertMetrics } from "../src/adapters/sqlite/metrics.ts";
import type { MetricRow } from "../src/ports/store/metrics.ts";
import { startDaemon, type Daemon } from "../test/harness/daemon.ts";
import { freePort } from "../test/harness/ports.ts";
import { tempDir } from "../test/harness/temp.ts";
import { until } from "../test/harness/until.ts";
import { shop } from "./screenshots/shop.ts";

const OUT = resolve(import.meta.dir, "../docs/screenshots");
const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
} as const;
type Theme = "light" | "dark";
type Size = keyof typeof SIZES;

interface Shot {
  readonly hash: string;
  /** Brings the page into the state to show. */
  readonly prepare: (page: Page) => Promise<void>;
  /** The themes for each size. The default is both. */
  readonly themes?: Readonly<Partial<Record<Size, readonly Theme[]>>>;
}

const shown = (selector: string) => async (page: Page) => page.locator(selector).first().waitFor();
const ONE_THEME = { desktop: ["light", "dark"], phone: ["light"] } as const;

const SHOTS: Readonly<Record<string, Shot>> = {
  overview: {
    hash: "#/",
    prepare: async (page) => {
      await page.locator(".units .row", { hasText: "MiB" }).first().waitFor();
      const totals = page.locator(".units .fold-closed");
      if ((await totals.count()) > 0) await totals.first().locator(".c-state").click();
    },
  },
  unit: { hash: "#/unit/api", prepare: shown(".area-charts canvas") },
  graph: { hash: "#/graph", prepare: shown(".graph .node, .wave-unit") },
  logs: {
    hash: "#/logs?units=@jobs,api,web",
    prepare: async (page) => {
      await page.getByLabel("Level", { exact: true }).selectOption("warning");
      const line = page.locator(".log-line:not([hidden])", { hasText: "queue has" }).last();
      await line.waitFor();
      await line.getByRole("button").click();
      await page.locator(".log-context").first().waitFor();
    },
    themes: ONE_THEME,
  },
  compare: { hash: "#/unit/api/compare", prepare: shown(".compare-figures tbody"), themes: ONE_THEME },
  edit: { hash: "#/unit/web/file", prepare: edit, themes: ONE_THEME },
  events: { hash: "#/events", prepare: shown(".events .row"), themes: ONE_THEME },
  alerts: { hash: "#/alerts", prepare: shown(".alert-list li"), themes: { desktop: [], phone: ["dark"] } },
};

const program = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");
if (program === null) throw new Error("cannot take screenshots: chromium is not installed");
mkdirSync(OUT, { recursive: true });
using scripts = tempDir();
await using daemon = await startDaemon({
  settings: { metrics: { interval: 0.5 } },
  units: shop(scripts.path, freePort(), freePort()),
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
const { start_time: since } = await daemon.service("api");
const hasSlope = async (): Promise<boolean> => {
  const answer = await daemon.api(`/api/supervisor/services/api/figures?since=${since}`);
  return ((await answer.json()) as { memory_mb_per_hour: number | null }).memory_mb_per_hour !== null;
};
await until(hasSlope, { what: "the slope of the memory after the start", timeoutMs: 120_000 });
const browser = await chromium.launch({ executablePath: program, args: ["--headless", "--no-sandbox", "--disable-gpu"] });
try {
  for (const size of Object.keys(SIZES) as Size[]) for (const theme of ["light", "dark"] as const) await take(browser, size, theme);
} finally {
  await browser.close();
}

async function take(from: Browser, size: Size, colorScheme: Theme): Promise<void> {
  const context = await from.newContext({ ...SIZES[size], colorScheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  const { url } = (await daemon.json("dashboard")) as { url: string };
  await page.goto(url);
  await page.locator(".link-live").waitFor();
  for (const [name, { hash, prepare, themes }] of Object.entries(SHOTS)) {
    if (themes !== undefined && !themes[size]?.includes(colorScheme)) continue;
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
    await prepare(page);
    await page.waitForTimeout(1000); // wait until the charts and the log stop moving
    const path = join(OUT, `${name}-${size}-${colorScheme}.png`);
    await page.screenshot({ path, animations: "disabled" });
    console.log(`${path}: ${Math.round(Bun.file(path).size / 1000)} KB`);
  }
  await context.close();
}

/** Opens a unit file in the editor, with a changed line and an error. */
async function edit(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Token").fill((await daemon.sup("token")).stdout.trim());
  await page.getByRole("button", { name: "Continue" }).click();
  const text = page.getByLabel("Content of the unit file");
  await text.waitFor();
  await text.fill((await text.inputValue()).replace('"description"', '"auto_restrat": true,\n  "description"'));
  await page.getByText("unknown key").waitFor();
  await page.getByLabel("Your name, for the history").fill("Ann");
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

/**
 * Takes the pictures of docs/page.md: a daemon of its own with a small shop, seen on a desktop and a phone, light and dark.
 * `node_modules/.bin/bun scripts/screenshots.ts` after `npm run build`; needs chromium.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const project = resolve(import.meta.dir, "..");
const sup = join(project, "dist/sup");
const out = join(project, "docs/screenshots");
const home = mkdtempSync(join(tmpdir(), "sup-shots-"));
const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: home, SUP_HOME: home, NO_COLOR: "1" };

const sleeps = { command: "sleep", args: ["100000"], enabled: true };
const jobs =
  'i=0; while :; do i=$((i+1)); printf "\\033[32mINFO\\033[0m job %%s done in 12 ms\\n" $i; [ $((i%%7)) = 0 ] && printf "\\033[31mERROR\\033[0m job %%s: connection reset\\n" $i >&2; sleep 0.2; done';

const UNITS: Readonly<Record<string, object>> = {
  db: { ...sleeps, description: "PostgreSQL, primary", critical: true, priority: 10, groups: ["data"] },
  cache: { ...sleeps, description: "Redis", groups: ["data"] },
  api: {
    ...{
      description: "Public API",
      command: sup,
      args: ["demo-web", "${PORT}"],
      port: 28431,
      enabled: true,
      critical: true,
      groups: ["shop"],
    },
    dependencies: ["db", "cache"],
    health_check: { type: "http", endpoint: "http://127.0.0.1:28431/", interval: 1 },
    resource_limits: { max_memory_mb: 120 },
  },
  web: { ...sleeps, description: "Storefront", dependencies: ["api"], groups: ["shop"] },
  worker: { description: "Invoices and mail", shell: true, command: jobs, enabled: true, dependencies: ["db"], groups: ["shop"] },
  search: { ...sleeps, description: "Search index", dependencies: [{ unit: "db", required: false }] },
  import: { description: "Feeds of suppliers", shell: true, command: "sleep 1; echo 'no such table: feeds' >&2; exit 3", enabled: true },
  mailer: {
    description: "SMTP relay",
    shell: true,
    command: "echo 'cannot read mail.conf'; exit 1",
    enabled: true,
    restart_policy: { max_retries: 0 },
  },
  backup: { description: "Nightly backup", type: "oneshot", command: "true", schedule: { cron: "0 3 * * *" } },
};
/** Long enough for sparklines and charts to have a shape. */
const LIVE_MS = 25_000;

const run = (...args: string[]): string => {
  const done = Bun.spawnSync([sup, ...args], { env });
  if (!done.success) throw new Error(`sup ${args.join(" ")}: ${done.stderr.toString()}`);
  return done.stdout.toString().trim();
};

async function shoot(): Promise<void> {
  const browser = await chromium.launch({
    executablePath: Bun.which("chromium") ?? "chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu"],
  });
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const [device, options] of [
        ["desktop", { viewport: { width: 1280, height: 800 } }],
        ["phone", { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true }],
      ] as const) {
        const context = await browser.newContext({ ...options, colorScheme });
        const page = await context.newPage();
        await page.goto(run("dashboard", "--no-open"));
        await page.locator(".link-live").waitFor();
        for (const [name, place, ready] of [
          ["overview", "/", ".units .spark path[d*=L]"],
          ["unit", "/unit/api", ".area-charts canvas"],
          ["graph", "/graph", ".node"],
        ] as const) {
          await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
          await page.locator(ready).first().waitFor({ state: "attached" });
          await page.waitForTimeout(700); // charts and toasts come to rest
          await page.screenshot({ path: join(out, `${name}-${device}-${colorScheme}.png`) });
        }
        await context.close();
      }
    }
  } finally {
    await browser.close();
  }
}

mkdirSync(join(home, "units"));
mkdirSync(out, { recursive: true });
writeFileSync(join(home, "sup.json"), JSON.stringify({ api: { port: 0 }, metrics: { interval: 0.5 } }));
for (const [id, unit] of Object.entries(UNITS)) writeFileSync(join(home, `units/${id}.unit.json`), JSON.stringify(unit, null, 2));
run("daemon", "start");
try {
  await Bun.sleep(LIVE_MS);
  await shoot();
} finally {
  run("daemon", "stop");
  rmSync(home, { recursive: true });
}

/** Two ranges of time of a unit side by side, and crash loops as one row. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { insertMetrics } from "../../../src/adapters/sqlite/metrics.ts";
import type { MetricRow } from "../../../src/ports/store/metrics.ts";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { crasher, sleeper } from "../../harness/services.ts";
import { go, noBrowser, PHONE, signedIn } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);

/** Stores samples of the ten minutes before `endMs`, in which the memory grows by 60 MB an hour. */
function addSamples({ home }: Daemon, endMs: number): void {
  const db = new Database(join(home, "state/sup.db"));
  db.run("PRAGMA busy_timeout = 5000");
  const rows = Array.from({ length: 600 }, (_, i): MetricRow => {
    const timestamp = new Date(endMs - (600 - i) * 1000).toISOString();
    return { serviceId: "web", timestamp, healthStatus: "healthy", cpuPercent: 50, memoryMb: 100 + i / 60, responseTimeMs: 7 };
  });
  insertMetrics(db, rows);
  db.close();
}

const cells = async (page: Page, name: string): Promise<string[]> =>
  page.locator(".compare-figures tr", { has: page.getByRole("rowheader", { name, exact: true }) }).locator("td").allInnerTexts(); // prettier-ignore

browserTest("figures before and after a start stand side by side, with what changed, and both ranges can be changed", async () => {
  await using daemon = await startDaemon({
    settings: { metrics: { interval: 0.5 } },
    units: { web: { command: "/bin/sh", args: ["-c", "echo 'error: one'; exec sleep 1000"], enabled: true } },
  });
  await daemon.reaches("web", "running");
  addSamples(daemon, Date.now() - 1000);
  daemon.writeUnit("web", { command: "/bin/sh", args: ["-c", "echo 'error: two'; echo 'error: three'; exec sleep 1001"], enabled: true });
  expect((await daemon.sup("reload")).code).toBe(0);
  await daemon.reaches("web", (service) => service.state === "running" && service.memory_mb !== null);
  await using visitor = await signedIn(daemon, "/unit/web/compare");
  const { page } = visitor;
  await page.locator(".compare-figures tbody").waitFor();
  expect((await cells(page, "Memory slope"))[0]).toMatch(/^(59|60|61)(\.\d)? MiB\/h$/);
  expect((await cells(page, "CPU, mean"))[0]).toMatch(/^(4\d|50) %$/);
  expect((await cells(page, "Response time, mean"))[0]).toBe("7.0 ms");
  expect((await cells(page, "Error lines")).slice(0, 2)).toEqual(["1", "2"]);
  expect((await cells(page, "Exits"))[0]).toBe("1");
  expect((await cells(page, "How it ended"))[0]).toBe("killed by SIGTERM");
  await page.getByRole("region", { name: "What changed at the start" }).getByText(/args/i).first().waitFor(); // prettier-ignore
  expect(await page.locator(".compare-charts canvas").count()).toBeGreaterThanOrEqual(4);

  const from = page.getByLabel("Before, from");
  await from.fill((await from.inputValue()).replace(/^\d{4}/, "2020"));
  await page.keyboard.press("Enter");
  await page.locator("legend", { hasText: /Before \(\d+d/ }).waitFor();
  expect(await page.getByLabel("Start around which to compare").inputValue()).toBe("");
  await page.getByRole("button", { name: "5 min", exact: true }).click();
  await page.locator("legend", { hasText: "Before (5m)" }).waitFor();
});

browserTest("a crash loop is one row with a count, which opens its events; a filter by type shows each event", async () => {
  await using daemon = await startDaemon({
    units: { bad: crasher(3, { enabled: true, restart_policy: { max_retries: 4, retry_delay: 0 } }), web: sleeper({ enabled: true }) },
  });
  await daemon.reaches("bad", "fatal");
  await using visitor = await signedIn(daemon, "/events");
  const { page } = visitor;
  const rows = page.locator(".events .row");
  const loop = rows.filter({ hasText: "exited ×5" });
  await loop.getByText(/^5 times in .*: exit code 3$/).waitFor();
  expect(await rows.filter({ hasText: "bad" }).filter({ hasText: /started/ }).count()).toBe(0); // prettier-ignore
  await rows.filter({ hasText: "4 of 4 retries failed" }).waitFor();
  await loop.getByText(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/).waitFor();
  await loop.getByText(/^5 times/).click();
  const dialog = page.getByRole("dialog", { name: "Crash loop of bad" });
  await dialog.locator("li").first().waitFor();
  expect(await dialog.locator("li", { hasText: "exited" }).count()).toBe(5);
  await dialog.getByText("crashing").waitFor();
  await page.keyboard.press("Escape");
  await page.getByLabel("Filter by type").selectOption("exited");
  await rows.filter({ hasText: "exit code 3" }).nth(4).waitFor();
  await go(page, "/unit/bad/events");
  await rows.filter({ hasText: "exited ×5" }).waitFor();
  const text = (await daemon.sup("events", "bad")).stdout;
  expect(text).toMatch(/exited ×5 +5 times in .*: exit code 3/);
  expect(((await daemon.json("events", "bad")) as unknown[]).length).toBeGreaterThan(15);
});

browserTest(
  "on a phone the first unit is in the top quarter, problems open from the first line, and the graph is a readable list",
  async () => {
    await using daemon = await startDaemon({
      units: {
        db: sleeper({ enabled: true, priority: 1 }),
        web: sleeper({ enabled: true, dependencies: ["db"] }),
        dead: crasher(3, { enabled: true, critical: true, restart_policy: { max_retries: 0 }, priority: 200 }),
        flaky: crasher(1, { enabled: true, restart_policy: { retry_delay: 100 } }),
      },
    });
    await daemon.reaches("dead", "fatal");
    await using visitor = await signedIn(daemon, "/", { viewport: PHONE, isMobile: true, hasTouch: true });
    const { page } = visitor;
    const first = page.locator(".units .row").first();
    await first.waitFor();
    const { y } = (await first.locator(".unit-link").boundingBox())!;
    expect(y + 20).toBeLessThan(PHONE.height / 4);
    const trouble = page.getByRole("region", { name: "What needs attention" });
    expect(await trouble.locator(".trouble").count()).toBe(0);
    await trouble.getByRole("button", { name: /2 problems\s*1 critical/ }).tap();
    const alert = trouble.locator(".trouble", { hasText: "gave up" });
    await alert.getByText("critical").waitFor();
    await alert.getByRole("button", { name: /^Ack/ }).tap();
    await alert.getByRole("button").waitFor({ state: "detached" });

    await go(page, "/alerts");
    await page.locator(".alert-time", { hasText: /\d\d:\d\d:\d\d/ }).waitFor();
    await go(page, "/graph");
    const unit = page.locator(".wave-unit", { has: page.locator(".unit-link", { hasText: "web" }) });
    await unit.getByText("needs db").waitFor();
    expect(await page.locator(".wave h2").allInnerTexts()).toEqual(["Wave 1", "Wave 2"]);
    const size = await unit.locator(".wave-names").evaluate((element) => parseFloat(getComputedStyle(element).fontSize));
    expect(size).toBeGreaterThanOrEqual(12);
    await page.getByRole("button", { name: "Drawing" }).tap();
    await page.locator(".graph .node").first().waitFor();
  },
);

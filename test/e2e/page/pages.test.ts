/** The other views of the page: graph, events, alerts, and a unit's page. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { crasher, sleeper, worker } from "../../harness/services.ts";
import { go, noBrowser, row, signedIn } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);

browserTest("the graph shows dependencies from left to right in live colours, and links to units", async () => {
  await using daemon = await startDaemon({
    units: {
      db: sleeper({ enabled: true }),
      api: sleeper({ enabled: true, dependencies: ["db"] }),
      web: worker({ enabled: true, dependencies: ["api"] }),
      apart: sleeper(),
    },
  });
  await using visitor = await signedIn(daemon, "/graph");
  const { page } = visitor;
  const node = (id: string) => page.locator(".node", { has: page.locator(".node-name", { hasText: new RegExp(`^${id}$`) }) });
  await node("web").and(page.locator(".tone-good")).waitFor();
  const left = async (id: string): Promise<number> => (await node(id).boundingBox())!.x;
  expect(await left("db")).toBeLessThan(await left("api"));
  expect(await left("api")).toBeLessThan(await left("web"));
  expect(await page.locator(".edge").count()).toBe(2);
  await page.getByText("4 units, started in 3 waves").waitFor();
  await daemon.sup("stop", "web");
  await node("web").and(page.locator(".tone-quiet")).waitFor();
  await page.getByLabel(/Show only units connected/).fill("api");
  await node("apart").waitFor({ state: "detached" });
  await node("api").click();
  await page.getByRole("heading", { name: "api", exact: true }).waitFor();
});

browserTest("alerts appear immediately, can be acknowledged, and resolve by themselves", async () => {
  await using daemon = await startDaemon({
    units: { dead: crasher(3, { enabled: true, critical: true, restart_policy: { max_retries: 0 } }), web: sleeper({ enabled: true }) },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await page.getByRole("button", { name: /Ack alerts? of dead/ }).waitFor();
  await page.getByRole("link", { name: /Alerts/ }).click();
  const alert = page.locator(".alert", { hasText: "dead" }).first();
  await alert.getByRole("button", { name: /Acknowledge alert/ }).click();
  await alert.getByText("acknowledged").waitFor();
  await page
    .getByRole("button", { name: "Acknowledge all shown" })
    .click({ timeout: 1000 })
    .catch(() => {}); // there may have been only one
  await page.locator(".nav .badge").waitFor({ state: "detached" });
  const alerts = (await daemon.json("alerts")) as Array<{ service_id: string; acknowledged: boolean }>;
  expect(alerts.map(({ acknowledged }) => acknowledged)).toEqual(alerts.map(() => true));
  await daemon.sup("stop", "dead");
  await daemon.sup("reset-failed", "dead");
  await page.getByText("No open alerts.").waitFor();
  await page.getByLabel("Show resolved").check();
  await page.locator(".alert-resolved", { hasText: "dead" }).first().waitFor();
});

browserTest("an acknowledgement by somebody else is shown", async () => {
  await using daemon = await startDaemon({ units: { dead: crasher(3, { enabled: true, restart_policy: { max_retries: 0 } }) } });
  await using visitor = await signedIn(daemon, "/alerts");
  const { page } = visitor;
  await page.locator(".alert", { hasText: "dead" }).first().waitFor();
  expect((await daemon.sup("alerts", "ack", "dead")).code).toBe(0);
  await page.locator(".alert-seen", { hasText: "dead" }).first().waitFor();
});

browserTest("events appear live, can be filtered, and open with their details", async () => {
  await using daemon = await startDaemon({ units: { web: worker({ enabled: true }), other: worker() } });
  await using visitor = await signedIn(daemon, "/events");
  const { page } = visitor;
  const rows = page.locator(".events .row");
  await rows.filter({ hasText: "web" }).first().waitFor();
  await daemon.sup("start", "other");
  await rows.filter({ hasText: "other" }).filter({ hasText: "started" }).first().waitFor();
  await page.getByLabel("Filter events by unit or words").fill("other");
  await rows.filter({ hasText: "web" }).first().waitFor({ state: "detached" });
  await page.getByLabel("Filter by type").selectOption("started");
  await rows.first().click();
  const dialog = page.getByRole("dialog", { name: "started" });
  await dialog.getByText("cause").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

browserTest(
  "a unit's page shows its history, health with a probe on demand, processes, usage, dependencies and the sources of its settings",
  async () => {
    await using daemon = await startDaemon({
      settings: { metrics: { interval: 0.5 } },
      units: {
        db: sleeper({ enabled: true }),
        web: worker({
          enabled: true,
          dependencies: ["db"],
          health_check: { type: "process", interval: 600 },
          resource_limits: { max_memory_mb: 64 },
          environment: { API_TOKEN: "very-secret" },
        }),
      },
    });
    await daemon.reaches("web", "running");
    await using visitor = await signedIn(daemon, "/unit/web");
    const { page } = visitor;
    await page.getByText("Started because it is enabled").waitFor();
    await page.getByRole("heading", { name: "Policy" }).waitFor();
    const probes = page.locator(".probes li");
    const before = await probes.count();
    await page.getByRole("button", { name: "Probe now" }).click();
    await probes.nth(before).waitFor();
    await page.locator(".area-deps").getByRole("link", { name: "db" }).waitFor();
    await page
      .locator(".area-processes tr", { hasText: "main" })
      .getByText(String((await daemon.service("web")).pid))
      .waitFor();
    await page.locator(".area-charts .chart", { hasText: "limit 64" }).locator("canvas").waitFor();
    await page.locator(".area-log", { hasText: "up" }).waitFor();

    await go(page, "/unit/web/charts");
    const chart = page.locator(".charts-full .chart").first();
    await chart.locator("canvas").waitFor();
    const box = (await chart.locator(".u-over").boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 4 });
    await page.mouse.up();
    await page.getByRole("button", { name: "Reset zoom" }).click();
    await page.getByRole("button", { name: "7 d" }).click();
    expect(await page.getByRole("button", { name: "7 d" }).getAttribute("aria-pressed")).toBe("true");

    await go(page, "/unit/web/file");
    await page
      .locator(".settings", { hasText: "resource_limits.max_memory_mb" })
      .getByText(/web\.unit\.json:\d+/)
      .first()
      .waitFor();
    expect(await page.locator("main").innerText()).not.toContain("very-secret");
    await page.getByLabel("Show defaults").check();
    await page.locator(".settings", { hasText: "default" }).first().waitFor();
  },
);

browserTest("the processes of a unit are listed, and a new one appears with the next sample", async () => {
  await using daemon = await startDaemon({
    settings: { metrics: { interval: 0.5 } },
    units: { web: { command: "/bin/sh", args: ["-c", "trap 'sleep 2000 &' USR1; while :; do sleep 1000 & wait; done"], enabled: true } },
  });
  await daemon.reaches("web", "running");
  await using visitor = await signedIn(daemon, "/unit/web");
  const rows = visitor.page.locator(".area-processes tbody tr");
  await rows.nth(1).waitFor();
  await rows
    .filter({ hasText: "main" })
    .getByText(/\d MiB$/)
    .waitFor();
  const before = await rows.count();
  expect((await daemon.sup("kill", "-s", "USR1", "web")).code).toBe(0);
  await rows.nth(before).waitFor();
});

browserTest("a broken file is marked while the last valid version keeps running, and a removed unit disappears", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }), gone: sleeper() } });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await row(page, "web", "running").waitFor();
  writeFileSync(join(daemon.home, "units/web.unit.json"), '{"command": 7}');
  await row(page, "web", "file has errors").waitFor();
  expect(await row(page, "web").innerText()).toContain("running");
  daemon.removeUnit("gone");
  await daemon.sup("reload");
  await row(page, "gone").waitFor({ state: "detached" });
});

browserTest(
  "a unit whose file has errors is a row with the state broken, the file and the line, and has a page with all errors",
  async () => {
    await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
    await using visitor = await signedIn(daemon);
    const { page } = visitor;
    await row(page, "web", "running").waitFor();
    writeFileSync(join(daemon.home, "units/m5.unit.json"), '{\n  "comand": "sleep",\n  "port": "many"\n}');
    const broken = row(page, "m5", "broken");
    await broken.waitFor();
    expect(await broken.innerText()).toMatch(/^.*\sm5\.unit\.json:2:\d+: error: unknown key "comand"/s);
    await page.locator(".rail-units .tone-bad", { hasText: /m5broken filem5\.unit\.json:2:\d+: error: unknown key/ }).waitFor();
    await page.getByText("1 unit file could not be loaded").waitFor();
    await page.getByRole("button", { name: "1 broken" }).click();
    await row(page, "web").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "1 broken" }).click();
    await broken.click();
    await page.getByRole("heading", { name: "m5" }).waitFor();
    expect(await page.locator(".problems li").count()).toBeGreaterThan(1);
    daemon.writeUnit("m5", sleeper());
    await page.getByRole("link", { name: "Unit file" }).waitFor();
    await go(page, "/");
    await row(page, "m5", "stopped").waitFor();
    await page.locator(".rail-units", { hasText: "Nothing needs attention" }).waitFor();
  },
);

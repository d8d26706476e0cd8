/** Accessibility: keyboard only, phones, screen readers, contrast. */
import { expect, test } from "bun:test";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { crasher, sleeper, worker } from "../../harness/services.ts";
import { findings } from "./axe.ts";
import { addressOf, go, noBrowser, PHONE, row, signedIn, visit } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);

/** Units that show every colour, an alert, a long name and labels. */
const everything = (): Promise<Daemon> =>
  startDaemon({
    settings: { metrics: { interval: 0.5 } },
    units: {
      db: sleeper({ enabled: true, critical: true, priority: 1, groups: ["data"], labels: { team: "core" } }),
      web: worker({ enabled: true, dependencies: ["db"], health_check: { type: "process", interval: 600 }, description: "The shop" }),
      sick: sleeper({
        enabled: true,
        health_check: { type: "exec", command: "false", interval: 1, failure_threshold: 1, action: "none" },
        auto_restart: false,
      }),
      dead: crasher(3, { enabled: true, restart_policy: { max_retries: 0 } }),
      flaky: crasher(1, { enabled: true, restart_policy: { retry_delay: 100 } }),
      off: sleeper(),
      "a-name-that-goes-on-and-on-and-on-until-there-is-no-more-room": sleeper({ description: "long ".repeat(60) }),
      broken: '{"command": 7}',
    },
  });

const PLACES = [
  "/",
  "/unit/web",
  "/unit/web/logs",
  "/unit/web/charts",
  "/unit/web/compare",
  "/unit/web/events",
  "/unit/web/file",
  "/unit/dead",
  "/logs",
  "/new",
  "/graph",
  "/events",
  "/alerts",
];

for (const colorScheme of ["light", "dark"] as const)
  browserTest(
    `axe finds nothing on any page, ${colorScheme}`,
    async () => {
      await using daemon = await everything();
      await using visitor = await signedIn(daemon, "/", { colorScheme, bypassCSP: true, reducedMotion: "reduce" });
      const { page } = visitor;
      await row(page, "sick", "unhealthy").waitFor();
      await page.locator(".trouble .button").first().waitFor();
      for (const place of PLACES) {
        await go(page, place);
        await page.locator("main .card, main .list, main .log, main .chart, main .graph, main .waves, main .alert-list").first().waitFor();
        if (place === "/logs") await page.locator(".log-line").first().waitFor();
        expect(`${place} ${await findings(page)}`).toBe(`${place} `);
      }
      await go(page, "/unit/db");
      await page.getByRole("button", { name: "Stop", exact: true }).click();
      await page.getByText("would be stopped").waitFor();
      expect(await findings(page)).toBe("");
    },
    120_000,
  );

for (const colorScheme of ["light", "dark"] as const)
  browserTest(
    `axe finds nothing in the editor, in opened lines, in a crash loop and on the page of a service, ${colorScheme}`,
    async () => {
      await using daemon = await startDaemon({
        units: {
          web: sleeper({ enabled: true }),
          many: worker({ enabled: true, instances: 2 }),
          bad: crasher(3, { enabled: true, restart_policy: { max_retries: 3, retry_delay: 0 } }),
        },
      });
      await daemon.reaches("bad", "fatal");
      await using visitor = await signedIn(daemon, "/unit/web/file", { colorScheme, bypassCSP: true, reducedMotion: "reduce" });
      const { page } = visitor;
      await page.getByRole("button", { name: "Edit", exact: true }).click();
      await page.getByLabel("Token").waitFor();
      expect(await findings(page)).toBe("");
      await page.getByLabel("Token").fill((await daemon.sup("token")).stdout.trim());
      await page.getByRole("button", { name: "Continue" }).click();
      await page.getByLabel("Content of the unit file").fill('{"comand": 7}');
      await page.getByText('unknown key "comand"').waitFor();
      expect(await findings(page)).toBe("");
      await go(page, "/logs?units=bad,many");
      await page.getByLabel("Search the log").fill("crashing");
      await page.locator(".log-near").first().click();
      await page.locator(".log-context").first().waitFor();
      expect(await findings(page)).toBe("");
      await go(page, "/events");
      await page.locator(".events .row", { hasText: "exited ×4" }).click();
      await page.getByRole("dialog", { name: "Crash loop of bad" }).waitFor();
      expect(await findings(page)).toBe("");
      await page.keyboard.press("Escape");
      await go(page, "/unit/many");
      await page.getByRole("link", { name: "Logs of all units" }).waitFor();
      expect(await findings(page)).toBe("");
    },
    120_000,
  );

browserTest("axe finds nothing on the sign-in, nor on a phone", async () => {
  await using daemon = await everything();
  await using stranger = await visit(await addressOf(daemon), { bypassCSP: true });
  await stranger.page.getByLabel("Token").waitFor();
  expect(await findings(stranger.page)).toBe("");
  await using visitor = await signedIn(daemon, "/", {
    viewport: PHONE,
    isMobile: true,
    hasTouch: true,
    bypassCSP: true,
    reducedMotion: "reduce",
  });
  await row(visitor.page, "sick", "health check fails").waitFor();
  for (const place of ["/", "/unit/web", "/unit/web/compare", "/logs", "/graph", "/alerts"]) {
    await go(visitor.page, place);
    await visitor.page.locator("main .card, main .list, main .log, main .waves, main .alert-list").first().waitFor();
    expect(`${place} ${await findings(visitor.page)}`).toBe(`${place} `);
  }
});

browserTest("the keyboard is enough to find a unit, stop it, go back and open another page", async () => {
  await using daemon = await startDaemon({
    units: { api: sleeper({ enabled: true }), db: sleeper({ enabled: true }), web: sleeper({ enabled: true }) },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await row(page, "web", "running").waitFor();
  const { keyboard } = page;
  await keyboard.press("ArrowDown");
  await keyboard.press("j");
  await row(page, "db").and(page.locator(".row-active")).waitFor();
  await keyboard.press("/");
  await keyboard.type("we");
  await row(page, "db").waitFor({ state: "detached" });
  await keyboard.press("Escape");
  await row(page, "db").waitFor();
  // Tab leads from the field to the list, where the arrow keys work.
  for (let i = 0; i < 30 && (await page.evaluate(() => document.activeElement?.getAttribute("role"))) !== "grid"; i++)
    await keyboard.press("Tab");
  await keyboard.press("End");
  await row(page, "web").and(page.locator(".row-active")).waitFor();
  expect(await page.locator("[role=grid]").getAttribute("aria-activedescendant")).toBe("row-web");
  await keyboard.press("Enter");
  await page.getByRole("heading", { name: "web" }).waitFor();
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
  for (let i = 0; i < 30 && (await focused()) !== "Stop"; i++) await keyboard.press("Tab");
  await keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Stop web?" }).getByText("would be stopped").waitFor();
  for (let i = 0; i < 10 && (await focused()) !== "Stop"; i++) await keyboard.press("Tab");
  await keyboard.press("Enter");
  await daemon.reaches("web", "stopped");
  await page.locator(".unit-title .pill", { hasText: "stopped" }).waitFor();
  await keyboard.press("g");
  await keyboard.press("e");
  await page.locator(".events").waitFor();
  await keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

browserTest("every control has an accessible name, and the focus is visible", async () => {
  await using daemon = await everything();
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  for (const place of PLACES) {
    await go(page, place);
    await page.locator("main .card, main .list, main .log, main .chart, main .graph, main .waves, main .alert-list").first().waitFor();
    const unnamed = await page
      .locator("button, a[href], input:not([hidden]), select")
      .evaluateAll((all) =>
        all
          .filter((one) => !(one.getAttribute("aria-label") || one.textContent?.trim() || (one as HTMLInputElement).labels?.length))
          .map((one) => one.outerHTML),
      );
    expect({ place, unnamed }).toEqual({ place, unnamed: [] });
  }
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
  expect(outline).not.toBe("none");
});

browserTest("on a phone nothing is wider than the screen, and the actions work", async () => {
  await using daemon = await everything();
  await using visitor = await signedIn(daemon, "/", { viewport: PHONE, isMobile: true, hasTouch: true });
  const { page } = visitor;
  await row(page, "web", "running").waitFor();
  for (const place of PLACES) {
    await go(page, place);
    await page.locator("main .card, main .list, main .log, main .chart, main .graph, main .waves, main .alert-list").first().waitFor();
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector("main")!.scrollWidth]);
    expect({ place, wide }).toEqual({ place, wide: [PHONE.width, PHONE.width] });
  }
  await go(page, "/");
  await row(page, "web").tap();
  await page.getByRole("button", { name: "Stop", exact: true }).tap();
  await page.getByRole("dialog", { name: "Stop web?" }).getByRole("button", { name: "Stop", exact: true }).tap();
  await daemon.reaches("web", "stopped");
});

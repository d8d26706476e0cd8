/** The page shows live data, or since when its data is old. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { crasher, sleeper, worker } from "../../harness/services.ts";
import { addressOf, noBrowser, row, signedIn, visit } from "./browser.ts";
import { proxyTo } from "./proxy.ts";

const browserTest = test.skipIf(noBrowser);

browserTest("a killed process is shown as down within a second, and then as up again", async () => {
  await using daemon = await startDaemon({
    units: {
      web: sleeper({ enabled: true, restart_policy: { retry_delay: 3, backoff_multiplier: 1, max_retries: -1, reset_after: 0.2 } }),
      calm: sleeper({ enabled: true }),
    },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  // The best of several: on a busy machine drawing may be slow, although the daemon reports at once.
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5 && best >= 1000; i++) {
    await row(page, "web", "running").waitFor();
    await page.getByText("Nothing needs attention").waitFor();
    const { pid } = await daemon.service("web");
    const before = performance.now();
    process.kill(pid!, "SIGKILL");
    await page.locator(".rail .trouble", { hasText: "web" }).waitFor();
    await row(page, "web", "backoff").waitFor();
    best = performance.now() - before;
  }
  expect(best).toBeLessThan(1000);
  await row(page, "web", "running").waitFor();
  await page.getByText("Nothing needs attention").waitFor();
});

browserTest("a fatal unit is shown in the tab's title, in the attention bar and in the counts", async () => {
  await using daemon = await startDaemon({
    units: { dead: crasher(3, { enabled: true, critical: true, restart_policy: { max_retries: 0 } }), web: sleeper({ enabled: true }) },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await row(page, "dead", "fatal").waitFor();
  await page.waitForFunction(() => document.title === "(1 down) sup");
  expect(await page.locator(".rail-bad .trouble").innerText()).toContain("dead");
  expect(await page.getByRole("button", { name: /fatal$/ }).innerText()).toMatch(/^1\s+fatal$/);
  expect(await page.getByRole("button", { name: /running$/ }).innerText()).toMatch(/^1\s+running$/);
  // The daemon's own summary has the same counts.
  const { by_state } = (await daemon.json("summary")) as { by_state: Record<string, number> };
  expect(by_state).toMatchObject({ fatal: 1, running: 1 });
});

browserTest("stop asks for confirmation with the plan, start and restart work, and a toast shows the result", async () => {
  await using daemon = await startDaemon({
    units: { db: sleeper({ enabled: true }), web: worker({ enabled: true, dependencies: ["db"] }) },
  });
  await using visitor = await signedIn(daemon, "/unit/db");
  const { page } = visitor;
  const actions = page.getByRole("group", { name: "Actions on db" });
  await actions.getByRole("button", { name: "Stop", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Stop db?" });
  await dialog.getByText("web need").or(dialog.getByText("web needs")).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect((await daemon.service("db")).state).toBe("running");

  await actions.getByRole("button", { name: "Stop", exact: true }).click();
  await dialog.getByLabel("First stop the running units that depend on it").check();
  await dialog.getByText("would be stopped").nth(1).waitFor();
  await dialog.getByRole("button", { name: "Stop", exact: true }).click();
  await daemon.reaches("db", "stopped");
  await daemon.reaches("web", "stopped");
  await page.locator(".unit-title .pill", { hasText: "stopped" }).waitFor();

  await actions.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".unit-title .pill", { hasText: "running" }).waitFor();
  const { pid } = await daemon.reaches("db", "running");
  await actions.getByRole("button", { name: "Restart", exact: true }).click();
  await page.getByRole("dialog", { name: "Restart db?" }).getByRole("button", { name: "Restart", exact: true }).click();
  await daemon.reaches("db", (service) => service.state === "running" && service.pid !== pid);
  await page.locator(".toast", { hasText: "db: " }).first().waitFor();

  await actions.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog", { name: "Disable db?" }).getByRole("button", { name: "Disable" }).click();
  await actions.getByRole("button", { name: "Enable" }).waitFor();
  expect((await daemon.service("db")).enabled).toBe(false);
});

browserTest("a failed start shows the reason", async () => {
  await using daemon = await startDaemon({ units: { ghost: { command: "/no/such/program", auto_restart: false } } });
  await using visitor = await signedIn(daemon, "/unit/ghost");
  const { page } = visitor;
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".toast", { hasText: "no such file" }).waitFor();
});

/** Messages that Chromium itself logs when the server is unreachable. */
const AWAY = {
  allow: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|Failed to load resource/,
};

browserTest("without the daemon the page shows since when it is offline, disables actions, and recovers by itself", async () => {
  await using daemon = await startDaemon({
    units: { web: sleeper({ enabled: true }), late: worker() },
    settings: { api: { port: freePort() } },
  });
  await using visitor = await signedIn(daemon, "/unit/web", AWAY);
  const { page } = visitor;
  await page.locator(".unit-title .pill", { hasText: "running" }).waitFor();
  await daemon.crash();
  await page
    .getByRole("alert")
    .getByText(/Showing the state at \d\d:\d\d:\d\d/)
    .waitFor();
  await page.locator(".link-offline").waitFor();
  await page.waitForFunction(() => document.title === "sup: offline");
  expect(await page.getByRole("button", { name: "Restart" }).isDisabled()).toBe(true);
  // While offline, the clock of the page stands still.
  const uptime = await page.locator(".unit-title .nowrap").innerText();
  const clock = await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 2100)));
  expect(clock).toBeUndefined();
  expect(await page.locator(".unit-title .nowrap").innerText()).toBe(uptime);

  await daemon.start();
  await page
    .getByRole("button", { name: "Try now" })
    .click({ timeout: 2000 })
    .catch(() => {}); // it may already be online again
  await page.locator(".link-live").waitFor();
  expect(await page.getByRole("alert").getByText("Offline").count()).toBe(0);
  await page.getByRole("link", { name: "Units", exact: true }).click();
  await daemon.sup("start", "late");
  await row(page, "late", "running").waitFor();
});

browserTest("a broken stream resumes with the missed changes, without a snapshot", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }), late: worker() } });
  using proxy = proxyTo(await addressOf(daemon));
  const { url } = (await daemon.json("dashboard")) as { url: string };
  await using visitor = await visit(`${proxy.url}/${url.slice(url.indexOf("#"))}`, AWAY);
  const { page } = visitor;
  await row(page, "web", "running").waitFor();
  expect(proxy.streams.map(({ lastId }) => lastId)).toEqual([null]);
  proxy.cut();
  await page.locator(".link-offline").waitFor();
  await daemon.sup("start", "late");
  expect(await row(page, "late").innerText()).toContain("stopped");
  proxy.repair();
  await row(page, "late", "running").waitFor();
  await page.locator(".link-live").waitFor();
  const resumed = proxy.streams.at(-1)!;
  expect(Number(resumed.lastId)).toBeGreaterThan(1e12);
  expect(resumed.text).not.toContain("event: snapshot");
  expect(resumed.text).toContain("event: service");
});

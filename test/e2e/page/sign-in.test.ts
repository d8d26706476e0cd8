/** Signing in, the lifetime of sessions, and read-only access. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { addressOf, noBrowser, row, signedIn, visit } from "./browser.ts";
import { proxyTo } from "./proxy.ts";

const browserTest = test.skipIf(noBrowser);
const tokenOf = (daemon: Daemon): string => readFileSync(join(daemon.home, "run/token"), "utf8").trim();
/** Chromium logs 4xx responses by itself. */
const REFUSED = { allow: /status of 4\d\d/ };

browserTest("the token signs in, a wrong one shows an error, and signing out ends the session", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await using visitor = await visit(await addressOf(daemon), REFUSED);
  const { page, context } = visitor;
  await page.getByLabel("Token").fill("not the token");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("the token is wrong").waitFor();
  expect(await page.getByRole("grid").count()).toBe(0);

  await page.getByLabel("Token").fill(tokenOf(daemon));
  await page.keyboard.press("Enter");
  await row(page, "web", "running").waitFor();
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  expect(await page.evaluate(() => document.cookie)).toBe("");

  await page.reload();
  await row(page, "web", "running").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You are signed out").waitFor();
  await page.reload();
  await page.getByLabel("Token").waitFor();
  // The old cookie no longer works.
  const again = await fetch(`${await addressOf(daemon)}/api/supervisor/status`, {
    headers: { cookie: `${cookie!.name}=${cookie!.value}` },
  });
  expect(again.status).toBe(401);
});

browserTest("the link of `sup dashboard` signs in once and leaves no code in the address", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  const printed = await daemon.sup("dashboard");
  expect(printed.code).toBe(0);
  const url = printed.stdout.trim();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#\/sign-in\/[\w-]+$/);
  await using first = await visit(url);
  await row(first.page, "web", "running").waitFor();
  expect(first.page.url()).not.toContain("sign-in");
  await using second = await visit(url, REFUSED);
  await second.page.getByText("the link was already used").waitFor();
});

browserTest("an ended session is reported on an open and on a newly opened page", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await using visitor = await signedIn(daemon, "/", REFUSED);
  const { page, context } = visitor;
  const other = await context.newPage();
  await other.goto(await addressOf(daemon));
  await row(other, "web", "running").waitFor();
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.getByText("You are signed out").waitFor();
  // The stream ended with the session, and reconnecting gets a 401.
  await page.getByText("Your session has ended").waitFor();
});

browserTest("a session survives a restart of the daemon, and ends when the token changes", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await using visitor = await signedIn(daemon);
  const { context } = visitor;
  const [cookie] = await context.cookies();
  const statusNow = async (): Promise<number> =>
    (await fetch(`${await addressOf(daemon)}/api/supervisor/status`, { headers: { cookie: `${cookie!.name}=${cookie!.value}` } })).status;
  await context.close();
  await daemon.stop();
  await daemon.start();
  expect(await statusNow()).toBe(200);
  await daemon.stop();
  await Bun.write(join(daemon.home, "run/token"), "another-token-of-some-length\n");
  await daemon.start();
  expect(await statusNow()).toBe(401);
});

browserTest("read-only access shows everything without controls, and the daemon rejects actions sent past the page", async () => {
  await using daemon = await startDaemon({
    units: { web: sleeper({ enabled: true }) },
    settings: { api: { port: 0, page: "read-only" } },
  });
  await using visitor = await signedIn(daemon, "/unit/web");
  const { page, context } = visitor;
  await page.getByRole("heading", { name: "web" }).waitFor();
  await page.getByText("read-only").waitFor();
  expect(await page.getByRole("button", { name: "Stop" }).count()).toBe(0);
  const [cookie] = await context.cookies();
  const stop = await fetch(`${await addressOf(daemon)}/api/supervisor/services/web/stop`, {
    method: "POST",
    headers: { cookie: `${cookie!.name}=${cookie!.value}` },
  });
  expect(stop.status).toBe(403);
  expect((await daemon.service("web")).state).toBe("running");
});

test("a disabled page is not served, and `sup dashboard` reports that", async () => {
  await using daemon = await startDaemon({ settings: { api: { port: 0, page: false } } });
  expect((await fetch(await addressOf(daemon))).status).toBe(404);
  const printed = await daemon.sup("dashboard");
  expect(printed.code).toBe(1);
  expect(printed.stderr).toContain("the page is switched off");
});

browserTest("the page works behind a reverse proxy with a path prefix, with or without the trailing slash", async () => {
  await using daemon = await startDaemon({
    units: { web: sleeper({ enabled: true }) },
    settings: { api: { port: 0, base_path: "/tools/sup" } },
  });
  using proxy = proxyTo(await addressOf(daemon), "/tools/sup");
  await using visitor = await visit(`${proxy.url}/tools/sup`);
  const { page } = visitor;
  await page.getByLabel("Token").fill(tokenOf(daemon));
  await page.keyboard.press("Enter");
  await row(page, "web", "running").waitFor();
  await page.getByRole("link", { name: "Graph" }).click();
  await page.locator(".node", { hasText: "web" }).waitFor();
});

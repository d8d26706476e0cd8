/** What an operator sees of units that are blocked, exceed a limit, or fail right after their start. */
import { expect, test } from "bun:test";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { sleeper, worker } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";
import { go, noBrowser, PHONE, row, signedIn } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);
const PHONE_OPTIONS = { viewport: PHONE, isMobile: true, hasTouch: true } as const;
const NO_RETRY = { max_retries: 0 };

/** `db` fails until the file `fixed` exists in the daemon's directory, `shop` waits for it, and `front` waits for `shop`. */
async function blocked(): Promise<Daemon> {
  const daemon = await startDaemon({ units: { calm: sleeper({ enabled: true }) } });
  const fixed = `${daemon.home}/fixed`;
  daemon.writeUnit("front", sleeper({ enabled: true, dependencies: ["shop"] }));
  daemon.writeUnit("shop", sleeper({ enabled: true, dependencies: ["db"] }));
  daemon.writeUnit("db", {
    command: "/bin/sh",
    args: ["-c", `test -e ${fixed} || { echo 'PANIC: page 4711 has a wrong checksum'; exit 3; }; exec sleep 1000`],
    enabled: true,
    restart_policy: NO_RETRY,
    health_check: { type: "exec", command: "test", args: ["-e", fixed], interval: 0.2, start_interval: 0.2 },
  });
  await daemon.reaches("db", "fatal");
  return daemon;
}

browserTest(
  "a unit that waits for a failed one is in trouble everywhere, and starts when the failed one is started from its page",
  async () => {
    await using daemon = await blocked();
    await using visitor = await signedIn(daemon);
    const { page } = visitor;
    for (const id of ["shop", "front"])
      await row(page, id, "blocked: db is fatal (PANIC: page 4711").and(page.locator(".trouble-warning")).waitFor();
    await page.locator(".rail .trouble", { hasText: "shop" }).getByText("PANIC: page 4711").waitFor();
    await go(page, "/graph");
    const node = (id: string) => page.locator(".node", { has: page.locator(".node-name", { hasText: new RegExp(`^${id}$`) }) });
    await node("front").and(page.locator(".tone-warning")).locator(".node-state", { hasText: "blocked by db" }).waitFor();
    expect(await page.locator(".edge-blocked").count()).toBe(2);

    await go(page, "/unit/shop");
    const verdict = page.getByRole("group", { name: "Why it is in this state" });
    await verdict.getByText("PANIC: page 4711").waitFor();
    expect(await verdict.innerText()).toMatch(/^Blocked: db is fatal\.\s+PANIC: page 4711 has a wrong checksum\s+Start db$/);
    expect(await verdict.getByRole("link", { name: "db" }).getAttribute("href")).toBe("#/unit/db");
    await Bun.write(`${daemon.home}/fixed`, "");
    await verdict.getByRole("button", { name: "Start db" }).click();
    await daemon.reaches("front", "running");
    await verdict.getByText(/^Running/).waitFor();
  },
);

browserTest(
  "memory over its limit shows in the row, the list of problems and the unit's banner, where the alert is acknowledged",
  async () => {
    const limits = { max_memory_mb: 0.1, sustained: 1 };
    await using daemon = await startDaemon({
      settings: { metrics: { interval: 0.5 } },
      units: { a: sleeper({ enabled: true }), leak: worker({ enabled: true, resource_limits: limits }) },
    });
    await using visitor = await signedIn(daemon);
    const { page } = visitor;
    await row(page, "leak", /memory is over its limit: [\d.]+ of 0\.1 MiB/)
      .and(page.locator(".trouble-warning"))
      .waitFor({ timeout: 30_000 });
    expect(await page.locator(".units .unit-link").allInnerTexts()).toEqual(["leak", "a"]);
    await row(page, "leak").locator(".dot.tone-warning").waitFor();
    await row(page, "leak").locator(".spark-limit").waitFor({ state: "attached" });
    await page.locator(".rail .trouble", { hasText: "leak" }).waitFor();
    await go(page, "/unit/leak");
    const verdict = page.getByRole("group", { name: "Why it is in this state" });
    await verdict.getByText(/^Running, but memory is over its limit: [\d.]+ of 0\.1 MiB\.$/).waitFor();
    await verdict.getByRole("button", { name: "Ack alert of leak" }).click();
    await verdict.getByRole("button").waitFor({ state: "detached" });
    const [alert] = (await daemon.json("alerts")) as Array<{ acknowledged: boolean }>;
    expect(alert!.acknowledged).toBe(true);
  },
);

browserTest(
  "the outcome of a start is shown when it is clear that the unit stays up, and never as a success of a unit that fails",
  async () => {
    const fails = {
      command: "/bin/sh",
      args: ["-c", "sleep 0.3; echo 'Address already in use'; exit 1"],
      restart_policy: { retry_delay: 60 },
    };
    await using daemon = await startDaemon({ units: { web: fails, good: sleeper() } });
    await using visitor = await signedIn(daemon, "/unit/web");
    const { page } = visitor;
    await page.evaluate(() => {
      const tones = ((window as unknown as { tones: string[] }).tones = [] as string[]);
      const note = (): void => document.querySelectorAll(".toast").forEach((toast) => tones.push(toast.className));
      new MutationObserver(note).observe(document.body, { childList: true, subtree: true });
    });
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.locator(".toast.tone-busy", { hasText: "Starting web…" }).waitFor();
    await page.locator(".toast.tone-bad", { hasText: /web: failed after the start: exit code 1.*Address already in use/ }).waitFor();
    await page.locator(".toast.tone-busy").waitFor({ state: "detached" });
    expect(await page.evaluate(() => (window as unknown as { tones: string[] }).tones.filter((tone) => tone.includes("good")))).toEqual([]);
    await page.locator(".area-why li", { hasText: /^Retry 1 of 5 in/ }).waitFor(); // what comes next belongs to the same state as the banner
    await go(page, "/unit/good");
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.locator(".toast.tone-good", { hasText: "good: " }).waitFor();
  },
);

browserTest("alerts are sorted by severity, and say what the unit printed", async () => {
  const dies = (line: string, more = {}) => ({
    ...{ command: "/bin/sh", args: ["-c", `echo '${line}'; exit 1`], restart_policy: NO_RETRY },
    ...more,
  });
  await using daemon = await startDaemon({
    units: { pay: dies("KEY missing", { critical: true, enabled: true }), mail: dies("relay refused") },
  });
  await daemon.reaches("pay", "fatal");
  await daemon.sup("start", "mail");
  await daemon.reaches("mail", "fatal");
  await using visitor = await signedIn(daemon, "/alerts", PHONE_OPTIONS);
  const { page } = visitor;
  const alerts = page.locator(".alert-list").first().locator(".alert");
  await alerts.nth(1).waitFor();
  const texts = await alerts.allInnerTexts();
  expect(texts[0]).toMatch(/critical\s+pay\s+gave up: exit code 1\s*KEY missing\s+\d\d:\d\d:\d\d/);
  expect(texts[1]).toMatch(/warning\s+mail\s+gave up: exit code 1\s*relay refused\s+\d\d:\d\d:\d\d/);
  expect(await page.locator(".alert-bad").count()).toBe(2);
});

browserTest("on a phone a row has the cause on its second line, problems are one line, and the graph is a readable column", async () => {
  await using daemon = await blocked();
  await using visitor = await signedIn(daemon, "/", PHONE_OPTIONS);
  const { page } = visitor;
  const cause = row(page, "db").locator(".c-problem");
  await cause.getByText("exit code 3: PANIC: page 4711").waitFor();
  expect(await cause.evaluate((element) => element.scrollHeight - element.clientHeight)).toBeLessThan(3);
  expect(await row(page, "db").innerText()).not.toContain("–");
  await page.getByRole("button", { name: "3 problems" }).click();
  await page.locator(".rail .trouble", { hasText: "front" }).waitFor();
  await go(page, "/graph");
  await page
    .locator(".wave-unit", { has: page.locator(".unit-link", { hasText: "front" }) })
    .getByText("blocked by db")
    .waitFor();
  await page.getByRole("button", { name: "Drawing" }).tap();
  const names = page.locator(".node-name");
  await names.nth(3).waitFor();
  const boxes = await Promise.all((await names.all()).map(async (name) => (await name.boundingBox())!));
  for (const box of boxes) expect(box.height).toBeGreaterThan(11);
  expect(new Set(boxes.map(({ y }) => Math.round(y))).size).toBe(4);
  await go(page, "/unit/db");
  const actions = page.getByRole("group", { name: "Actions on db" });
  await actions.getByRole("button", { name: "Start", exact: true }).waitFor();
  const oneRow = async (): Promise<boolean> => (await actions.boundingBox())!.height < 50;
  await until(oneRow, { what: "one row of buttons" });
  await actions.getByRole("button", { name: "More actions" }).tap();
  await actions.getByRole("button", { name: "Reset failed" }).waitFor();
});

browserTest("a success disappears when the unit fails while it is shown", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ restart_policy: { retry_delay: 60 } }) } });
  await using visitor = await signedIn(daemon, "/unit/web");
  const { page } = visitor;
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".toast.tone-good", { hasText: "web: " }).waitFor();
  process.kill((await daemon.service("web")).pid!, "SIGKILL");
  await page.locator(".toast.tone-bad", { hasText: "web: failed after the start: killed by SIGKILL" }).waitFor();
  expect(await page.locator(".toast.tone-good").count()).toBe(0);
});

/** The overview says which units are in trouble, and why. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { crasher, sleeper, type UnitFile } from "../../harness/services.ts";
import { go, noBrowser, signedIn } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);

const failing = (line: string, more: UnitFile = {}): UnitFile => ({
  command: "/bin/sh",
  args: ["-c", `echo started; echo '${line}'; echo '    at main (a.js:1)'; exit 78`],
  enabled: true,
  restart_policy: { max_retries: 0 },
  ...more,
});

browserTest("each unit in trouble has a line with the reason, the worst first, and the list below begins with them", async () => {
  await using daemon = await startDaemon({
    units: {
      ...{ billing: failing("Error: BILLING_KEY missing", { critical: true }), audit: failing("") },
      ...{ mail: crasher(3, { enabled: true, restart_policy: { max_retries: -1, retry_delay: 50 } }), web: sleeper({ enabled: true }) },
    },
  });
  for (const [id, state] of [
    ["billing", "fatal"],
    ["audit", "fatal"],
    ["mail", "backoff"],
  ] as const)
    await daemon.reaches(id, state);
  writeFileSync(join(daemon.home, "units/odd.unit.json"), '{\n  "comand": "sleep"\n}');
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  const lines = page.locator(".rail-units li");
  await lines.nth(3).waitFor();
  await page.getByRole("button", { name: "Ack alert of billing" }).waitFor();
  const texts = await lines.allInnerTexts();
  expect(texts[0]).toMatch(/^billing\s+critical\s+exit code 78; gave up \d\d:\d\d:\d\d\s*Error: BILLING_KEY missing\s+Ack$/);
  expect(texts[1]).toMatch(/^audit\s+exit code 78; gave up/);
  expect(texts[2]).toMatch(/^odd\s+broken file\s*odd\.unit\.json:2:\d+: error: unknown key "comand"/);
  expect(texts[3]).toMatch(/^mail\s+exit code 3; retry 1 in \d+s/);
  const names = await page.locator(".units .unit-link").allInnerTexts();
  expect(names).toEqual(["odd", "billing", "audit", "mail", "web"]);
  await lines.first().getByRole("link").click();
  await page.getByRole("heading", { name: "billing" }).waitFor();
});

browserTest("the reason survives a restart of the daemon, and an unhealthy unit says what its probe reported", async () => {
  await using daemon = await startDaemon({
    units: {
      billing: failing("Error: BILLING_KEY missing"),
      web: sleeper({
        enabled: true,
        health_check: {
          type: "exec",
          command: "/bin/sh",
          args: ["-c", "echo replica lag 90s; exit 1"],
          interval: 0.2,
          failure_threshold: 1,
          action: "none",
        },
      }),
    },
  });
  await daemon.reaches("billing", "fatal");
  await daemon.crash();
  await daemon.start();
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await page.locator(".trouble", { hasText: "billing" }).getByText("Error: BILLING_KEY missing").waitFor();
  await page
    .locator(".trouble", { hasText: "web" })
    .getByText(/not ready, health check fails\s*.*replica lag 90s/)
    .waitFor();
});

browserTest("the header shows the machine with its figures, and the daemon with its version and uptime", async () => {
  await using daemon = await startDaemon({ settings: { metrics: { interval: 0.5 } }, units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  await using visitor = await signedIn(daemon);
  const header = visitor.page.getByRole("group", { name: "Machine and daemon" });
  await header.getByText(/^CPU \d+ %$/).waitFor({ timeout: 20_000 });
  expect(await header.innerText()).toMatch(/^\S+\s+CPU \d+ %\s+Mem \d+ %\s+Disk \d+ %\s+Load [\d.]+\s+sup \d+\.\d+\.\d+\S*, up [\d.]+m?s/);
  expect(await header.locator("b").first().innerText()).toBe(hostname());
});

browserTest("a unit's page begins with the verdict, its cause and what comes next, and its charts say that it is down", async () => {
  await using daemon = await startDaemon({
    settings: { metrics: { interval: 0.5 } },
    units: { billing: failing("Error: BILLING_KEY missing", { port: 8080 }), web: sleeper({ enabled: true }) },
  });
  await daemon.reaches("billing", "fatal");
  await daemon.reaches("web", (service) => service.memory_mb !== null);
  await using visitor = await signedIn(daemon, "/unit/billing");
  const { page } = visitor;
  const verdict = page.getByRole("group", { name: "Why it is in this state" });
  await verdict.getByRole("button", { name: "Ack alert of billing" }).waitFor();
  expect(await verdict.innerText()).toMatch(/^Failed: exit code 78\. Gave up\.\s+Error: BILLING_KEY missing\s+Ack$/);
  const top = async (name: string): Promise<number> => (await page.getByRole("region", { name, exact: true }).boundingBox())!.y;
  // A unit that is down shows what happened first, each output once, and no empty figures.
  expect(await top("Why")).toBeLessThan(await top("Status"));
  const story = page.locator(".story li");
  expect(await story.first().innerText()).toMatch(/Fatal/);
  expect(await page.locator(".story > li > div > .output").allInnerTexts()).toEqual(["Error: BILLING_KEY missing"]);
  await page.getByText("Last 3 lines").click();
  await page.locator(".story details", { hasText: "at main (a.js:1)" }).waitFor();
  await page.locator(".area-facts", { hasText: "/bin/sh -c" }).waitFor();
  expect(await page.locator(".area-facts dt").allInnerTexts()).toEqual(expect.arrayContaining(["Port", "Command"]));
  const text = await page.locator("main").innerText();
  expect(text.match(/Nothing automatically/g)).toHaveLength(1);
  for (const word of ["sup start", "–", "exit-code", "Response time"]) expect(text).not.toContain(word);
  await page.getByText(/^No measurements in this time range/).waitFor();

  await go(page, "/unit/web");
  await page.locator(".area-facts dt", { hasText: "Main process" }).waitFor();
  expect(await top("Status")).toBeLessThan(await top("Processes"));
  expect(await top("Processes")).toBeLessThan(await top("Why"));
  expect(await page.locator(".area-facts dt").allInnerTexts()).toEqual(
    expect.arrayContaining(["Main process", "Command", "CPU", "Memory"]),
  );
  const memory = page.locator(".area-charts .chart", { hasText: "Memory" }).locator(".chart-value");
  await memory.getByText(/MiB$/).waitFor();
  await daemon.sup("stop", "web");
  await memory.getByText(/^down since \d\d:\d\d:\d\d$/).waitFor();
});

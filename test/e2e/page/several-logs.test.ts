/** The logs of several units in one view, and the lines around a hit. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import type { UnitFile } from "../../harness/services.ts";
import { go, noBrowser, row, signedIn } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);

const says = (script: string, more: UnitFile = {}): UnitFile => ({
  command: "/bin/sh",
  args: ["-c", `${script}; exec sleep 1000`],
  enabled: true,
  ...more,
});

browserTest("the logs of all units are merged, follow new lines, and are narrowed by names, globs, groups and level", async () => {
  await using daemon = await startDaemon({
    units: {
      api: says("echo 'INFO api up'; echo 'ERROR api lost the database'", { groups: ["shop"] }),
      web: says("echo 'WARN web is slow'; trap 'echo web got a signal' USR1; while :; do sleep 0.05; done", { groups: ["shop"] }),
      job: says("echo job done"),
    },
  });
  for (const id of ["api", "web", "job"]) await daemon.reaches(id, "running");
  await using visitor = await signedIn(daemon, "/logs");
  const { page } = visitor;
  const lines = page.locator(".log-line:not([hidden])");
  for (const text of ["api up", "web is slow", "job done"]) await lines.filter({ hasText: text }).waitFor();
  await daemon.sup("kill", "-s", "USR1", "web");
  const fresh = lines.filter({ hasText: "web got a signal" });
  await fresh.waitFor();
  expect(await fresh.locator(".log-unit").innerText()).toBe("web");

  const units = page.getByLabel(/^Units: names, globs and groups/);
  await units.fill("@shop");
  await lines.filter({ hasText: "job done" }).waitFor({ state: "detached" });
  await page.getByLabel("Level", { exact: true }).selectOption("error");
  await lines.filter({ hasText: "web is slow" }).waitFor({ state: "detached" });
  await lines.filter({ hasText: "api lost" }).waitFor();
  expect(await lines.locator(".log-text").allInnerTexts()).toEqual(["ERROR api lost the database"]);
  await lines.getByRole("button").click();
  expect(await page.getByRole("link", { name: "Log of api" }).getAttribute("href")).toBe("#/unit/api/logs");
  await page.getByLabel("Level", { exact: true }).selectOption("");
  await units.fill("j*");
  await lines.filter({ hasText: "job done" }).waitFor();
  expect(await page.evaluate(() => location.hash)).toBe("#/logs?units=j*");
  await units.fill("");
  await units.pressSequentially("web ");
  await lines.filter({ hasText: "job done" }).waitFor({ state: "detached" });
  await lines.filter({ hasText: "web is slow" }).waitFor();
  await units.pressSequentially("job");
  await lines.filter({ hasText: "job done" }).waitFor();
  expect(await page.evaluate(() => location.hash)).toBe("#/logs?units=web,job");
  await units.fill("nobody");
  await page.getByText("no unit matches nobody").waitFor();
});

browserTest("the overview leads to the logs of a service with its units, and to those of the selected units", async () => {
  await using daemon = await startDaemon({
    units: { web: says('echo "here is $SUP_INSTANCE"', { instances: 2 }), db: says("echo db up"), other: says("echo other up") },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  const lines = page.locator(".log-line");
  await page.getByRole("link", { name: "Logs of web", exact: true }).click();
  for (const number of [1, 2]) await lines.filter({ hasText: `here is ${number}` }).waitFor();
  await go(page, "/");
  await page.getByLabel("Select db", { exact: true }).check();
  await page.getByLabel("Select other", { exact: true }).check();
  await page.getByRole("group", { name: "Actions on the selected units" }).getByRole("link", { name: "Logs" }).click();
  for (const text of ["db up", "other up"]) await lines.filter({ hasText: text }).waitFor();
  await lines.filter({ hasText: "here is" }).first().waitFor({ state: "detached" });
  await go(page, "/");
  await row(page, "db").waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await lines.filter({ hasText: "here is 1" }).waitFor();
});

browserTest("a hit of a search or of a level filter opens the lines around it, by pointer and by keyboard", async () => {
  await using daemon = await startDaemon({
    units: { web: says('for i in $(seq 1 40); do [ $i = 20 ] && echo "ERROR found it" || echo "line $i"; done') },
  });
  await daemon.reaches("web", "running");
  await using visitor = await signedIn(daemon, "/unit/web/logs");
  const { page } = visitor;
  await page.locator(".log-line", { hasText: "line 40" }).waitFor();
  expect(await page.locator(".log-near").count()).toBe(0); // all lines are shown
  await page.getByLabel("Search the log").fill("found");
  await page.locator(".log-line", { hasText: "line 40" }).waitFor({ state: "detached" });
  const button = page.locator(".log-line", { hasText: "found it" }).getByRole("button");
  await button.click();
  const near = page.locator(".log-context .log-text");
  await near.nth(9).waitFor();
  const around = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
  expect(await near.allInnerTexts()).toEqual([...around(15, 19), ...around(21, 25)]);
  await button.click();
  await near.first().waitFor({ state: "detached" });
  await page.getByLabel("Search the log").fill("");
  await page.locator(".log-line", { hasText: "line 40" }).waitFor();
  await page.getByLabel("Level", { exact: true }).selectOption("error");
  await page.locator(".log-line:not([hidden])", { hasText: "line 40" }).waitFor({ state: "detached" });
  await button.focus();
  await page.keyboard.press("Enter");
  await near.nth(9).waitFor();
  expect(await near.first().isVisible()).toBe(true);
});

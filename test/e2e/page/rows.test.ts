/** The rows of the overview: actions without leaving the page, on one unit or several, and what a row says. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper, worker } from "../../harness/services.ts";
import { noBrowser, row, signedIn } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);

browserTest("a row starts, restarts and stops its unit without leaving the overview, and leads to its log", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper(), db: sleeper({ enabled: true }) } });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await page.getByRole("button", { name: "Start web", exact: true }).click();
  await row(page, "web", "running").waitFor();
  const { pid } = await daemon.service("web");
  await page.getByRole("button", { name: "Restart web", exact: true }).click();
  await page.getByRole("dialog", { name: "Restart web?" }).getByRole("button", { name: "Restart", exact: true }).click();
  await daemon.reaches("web", (service) => service.state === "running" && service.pid !== pid);
  await page.getByRole("button", { name: "Stop web", exact: true }).click();
  await page.getByRole("dialog", { name: "Stop web?" }).getByRole("button", { name: "Stop", exact: true }).click();
  await row(page, "web", "stopped").waitFor();
  expect(await page.evaluate(() => location.hash)).toMatch(/^#?\/?$/);
  await page.getByRole("link", { name: "Logs of db" }).click();
  await page.getByRole("log", { name: "Log of db" }).waitFor();
});

browserTest("several units are selected with the pointer or the keyboard, and stopped and started together", async () => {
  await using daemon = await startDaemon({
    units: { a: sleeper({ enabled: true }), b: sleeper({ enabled: true, critical: true }), c: sleeper({ enabled: true }) },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await row(page, "c", "running").waitFor();
  await page.getByLabel("Select a", { exact: true }).check();
  await page.keyboard.press("Home");
  await page.keyboard.press("x");
  const bar = page.getByRole("group", { name: "Actions on the selected units" });
  await bar.getByText("2 units selected").waitFor();
  await bar.getByRole("button", { name: "Stop" }).click();
  const dialog = page.getByRole("dialog", { name: "Stop 2 units?" });
  await dialog.getByText("Critical: b.").waitFor();
  await dialog.getByText("b: ").waitFor();
  await dialog.getByRole("button", { name: "Stop", exact: true }).click();
  for (const id of ["a", "b"]) await row(page, id, "stopped").waitFor();
  expect((await daemon.service("c")).state).toBe("running");
  await bar.getByRole("button", { name: "Start", exact: true }).click();
  for (const id of ["a", "b"]) await row(page, id, "running").waitFor();
  await page.getByLabel("Select all shown units").check();
  await bar.getByText("3 units selected").waitFor();
  await bar.getByRole("button", { name: "Clear selection" }).click();
  await bar.waitFor({ state: "detached" });
});

browserTest("only states with units have a chip, unhealthy units too, and rows say why and when", async () => {
  await using daemon = await startDaemon({
    units: {
      sick: worker({
        enabled: true,
        health_check: {
          ...{ type: "exec", command: "/bin/sh", args: ["-c", "echo lag 90s; exit 1"], action: "none" },
          ...{ interval: 0.2, start_interval: 0.2, failure_threshold: 1 },
        },
      }),
      backup: { command: "true", type: "oneshot", schedule: { cron: "0 3 1 1 *" }, enabled: true },
      idle: sleeper({ description: "Does nothing" }),
    },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await row(page, "sick", "lag 90s").waitFor();
  await row(page, "backup", "next run in").waitFor();
  await row(page, "idle", "Does nothing").waitFor();
  const chips = page.getByRole("group", { name: "Filter by state" }).getByRole("button");
  expect((await chips.allInnerTexts()).map((text) => text.replace(/\s+/, " "))).toEqual(["2 stopped", "1 starting", "1 unhealthy"]);
  await page.getByRole("columnheader", { name: "Health" }).waitFor();
  expect(await page.getByRole("columnheader", { name: "Priority" }).count()).toBe(0);
  await page.getByRole("button", { name: "1 unhealthy" }).click();
  await row(page, "idle").waitFor({ state: "detached" });
  await row(page, "sick").waitFor();
});

/** The page with a service of several units. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { noBrowser, row, signedIn } from "../page/browser.ts";

test.skipIf(noBrowser)(
  "a service is one row that opens to its units; its page has actions for all of them",
  async () => {
    await using daemon = await startDaemon({
      units: { web: sleeper({ enabled: true, instances: 2 }), app: sleeper({ dependencies: ["web"] }) },
    });
    await daemon.reaches("web@2", "running");
    await using visitor = await signedIn(daemon);
    const { page } = visitor;
    await row(page, "web").getByText("2 of 2 ready").waitFor();
    expect(await row(page, "web@1").count()).toBe(0);
    await row(page, "web").locator(".c-state").click();
    await row(page, "web@2").waitFor();
    await row(page, "web").locator(".c-state").click();
    await row(page, "web@2").waitFor({ state: "detached" });

    await row(page, "web").getByRole("link", { name: "web", exact: true }).click();
    await page.getByRole("link", { name: "web@1" }).waitFor();
    await page.getByRole("button", { name: "Restart one by one" }).click();
    await page.getByText(/Rollout 1 is running: [012] of 2 restarted/).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText(/Rollout 1 is paused/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText(/Rollout 1 is cancelled/).waitFor();

    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await page.locator("dialog[open]").getByRole("button", { name: "Stop", exact: true }).click();
    await daemon.reaches("web@1", "stopped");
    await daemon.reaches("web@2", "stopped");
    await page.goto(`${page.url().split("#")[0]}#/graph`);
    await page.locator(".node", { hasText: "web" }).first().waitFor();
  },
  60_000,
);

/** Unit files are edited in the page: checked, planned, written with the token only, and recorded with a name. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";
import { addressOf, go, noBrowser, row, signedIn, visit } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);

const fileOf = ({ home }: Daemon, id: string): string => join(home, `units/${id}.unit.json`);
const field = (page: Page) => page.getByLabel("Content of the unit file");
const tokenOf = async (daemon: Daemon): Promise<string> => (await daemon.sup("token")).stdout.trim();

async function openEditor(page: Page, daemon: Daemon): Promise<void> {
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Token").fill(await tokenOf(daemon));
  await page.getByRole("button", { name: "Continue" }).click();
  await field(page).waitFor();
}

const DENIED = /status of 40[13]/; // the browser logs each refused request

browserTest("a change is checked and planned before it is saved, applied, and recorded with the name", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true, environment: { API_TOKEN: "very-secret" } }) } });
  const { pid } = await daemon.reaches("web", "running");
  await using visitor = await signedIn(daemon, "/unit/web/file", { allow: DENIED });
  const { page } = visitor;
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Token").fill("not-the-token");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("The token is wrong.").waitFor();
  await page.getByLabel("Token").fill(await tokenOf(daemon));
  await page.getByRole("button", { name: "Continue" }).click();
  await field(page).waitFor();
  const before = await field(page).inputValue();
  expect(before).toBe(readFileSync(fileOf(daemon, "web"), "utf8")); // with secrets, so that saving keeps them
  await page.getByText("Nothing changes.").waitFor();

  await field(page).fill(before.replace('"enabled"', '"enabeld"'));
  await page.getByText('unknown key "enabeld"').waitFor();
  expect(await page.getByRole("button", { name: "Save", exact: true }).isDisabled()).toBe(true);
  await page.getByRole("button", { name: /^Line \d+$/ }).first().click(); // prettier-ignore
  expect(await field(page).evaluate((area: HTMLTextAreaElement) => area.value.slice(area.selectionStart, area.selectionStart + 9))).toBe(
    '"enabeld"',
  );
  expect(readFileSync(fileOf(daemon, "web"), "utf8")).toBe(before);

  await field(page).fill(before.replace("1000", "1001"));
  await page.getByText(/web: .*restart/i).first().waitFor(); // prettier-ignore
  await page.getByLabel("Your name, for the history").fill("Ann");
  await page.getByRole("button", { name: "Save and apply" }).click();
  const after = await daemon.reaches("web", (service) => service.state === "running" && service.pid !== pid);
  expect(after.changed_on_disk).toBe(false);
  expect(readFileSync(fileOf(daemon, "web"), "utf8")).toBe(before.replace("1000", "1001"));
  const events = (await daemon.json("events", "web", "--type", "file-written")) as Array<{ message: string; details: object }>;
  expect(events.map(({ message }) => message)).toEqual(["its unit file was changed by Ann"]);
  expect(JSON.stringify(events)).not.toContain("very-secret");
  await page.getByRole("button", { name: "Edit", exact: true }).waitFor();
});

browserTest("a file that changed meanwhile is not overwritten, and saving without applying marks the unit", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await daemon.reaches("web", "running");
  await using visitor = await signedIn(daemon, "/unit/web/file", { allow: /status of 409/ });
  const { page } = visitor;
  await openEditor(page, daemon);
  const mine = (await field(page).inputValue()).replace("1000", "1001");
  await field(page).fill(mine);
  const theirs = mine.replace("1001", "1002");
  await page.getByText("No errors.").waitFor();
  const save = page.getByRole("button", { name: "Save", exact: true });
  writeFileSync(fileOf(daemon, "web"), theirs);
  await save.click();
  await page.getByText("the file was changed since it was read").waitFor();
  expect(readFileSync(fileOf(daemon, "web"), "utf8")).toBe(theirs);
  await page.getByRole("button", { name: "Discard my text and load the file" }).click();
  await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("1002"));
  await field(page).fill(mine);
  await page.getByText("No errors.").waitFor();
  await save.click();
  await until(() => readFileSync(fileOf(daemon, "web"), "utf8") === mine, { what: "the new file" });
  await daemon.reaches("web", ({ changed_on_disk }) => changed_on_disk);
  await go(page, "/unit/web");
  await page.getByRole("button", { name: "Apply…" }).click();
  const dialog = page.getByRole("dialog", { name: "Apply the changed unit files?" });
  await dialog.getByText(/web: /).waitFor();
  await dialog.getByRole("button", { name: "Apply" }).click();
  await daemon.reaches("web", ({ changed_on_disk, state }) => !changed_on_disk && state === "running");
});

browserTest("a broken file is fixed in the page", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper() } });
  writeFileSync(fileOf(daemon, "bad"), '{\n  "comand": "sleep",\n  "args": ["1000"]\n}\n');
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await row(page, "bad", "broken").waitFor();
  await go(page, "/unit/bad");
  await page.getByRole("button", { name: "Edit the file" }).click();
  await page.getByLabel("Token").fill(await tokenOf(daemon));
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Line 2" }).first().waitFor();
  await field(page).fill('{\n  "command": "sleep",\n  "args": ["1000"]\n}\n');
  await page.getByText("No errors.").waitFor();
  await page.getByRole("button", { name: /^Save/ }).last().click();
  await daemon.reaches("bad", "stopped");
  await page.getByRole("button", { name: "Start", exact: true }).waitFor();
});

browserTest("an empty overview leads to a sample unit, which needs no token if the daemon needs none", async () => {
  await using daemon = await startDaemon({ settings: { api: { port: 0, auth: "none" } } });
  await using visitor = await visit(await addressOf(daemon));
  const { page } = visitor;
  await page.getByRole("link", { name: "Create a sample unit" }).click();
  await page.getByLabel("Name").fill("no name");
  await page.getByText("A name has letters").waitFor();
  await page.getByLabel("Name").fill("clock");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("No errors.").waitFor();
  await page.getByRole("button", { name: "Create" }).click();
  await daemon.reaches("clock", "running");
  await page.getByRole("heading", { name: "clock" }).waitFor();
});

browserTest("signing out forgets the token and the text that was not saved", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await using visitor = await signedIn(daemon, "/unit/web/file");
  const { page } = visitor;
  await openEditor(page, daemon);
  await field(page).fill("{}");
  await page.getByRole("button", { name: "Sign out" }).click();
  const { url } = (await daemon.json("dashboard")) as { url: string };
  await page.evaluate((hash) => void (location.hash = hash), new URL(url).hash);
  await page.locator(".link-live").waitFor();
  await go(page, "/unit/web/file");
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Token").waitFor();
  await page.getByLabel("Token").fill(await tokenOf(daemon));
  await page.getByRole("button", { name: "Continue" }).click();
  expect(await field(page).inputValue()).toContain("sleep");
});

browserTest("a session cannot read or write unit files, and a read-only page has no editor", async () => {
  await using daemon = await startDaemon({ units: { web: sleeper({ enabled: true }) } });
  await using visitor = await signedIn(daemon, "/", { allow: DENIED });
  const status = (init: RequestInit = {}) =>
    visitor.page.evaluate(async (options) => (await fetch("api/supervisor/unit-files/web", options as RequestInit)).status, init as object);
  expect(await status()).toBe(403);
  const put = { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ text: "{}", dry_run: true }) };
  expect(await status(put)).toBe(403);

  await using readOnly = await startDaemon({ settings: { api: { port: 0, page: "read-only" } }, units: { web: sleeper() } });
  await using reader = await signedIn(readOnly, "/unit/web/file");
  await reader.page.locator(".file-text").waitFor();
  expect(await reader.page.getByRole("button", { name: "Edit" }).count()).toBe(0);
  await go(reader.page, "/new");
  await reader.page.getByText("The page is read-only.").waitFor();
});

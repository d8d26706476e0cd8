/** The log in the browser: following, pausing, searching, and hostile text. */
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { sleeper, type UnitFile } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";
import { go, noBrowser, PHONE, signedIn } from "./browser.ts";

const browserTest = test.skipIf(noBrowser);
const sh = (script: string, more: UnitFile = {}): UnitFile => ({ command: "/bin/sh", args: ["-c", script], enabled: true, ...more });

/** Prints each line that is appended to the file `tell` in its directory. */
const teller = (more: UnitFile = {}): UnitFile =>
  sh(`: >>"$HOME/tell"; exec tail -n +1 -f "$HOME/tell"`, { environment: { HOME: "%h" }, ...more });

async function withTeller(more: UnitFile = {}): Promise<{ daemon: Daemon; tell: (text: string) => void }> {
  const daemon = await startDaemon();
  const file = join(daemon.home, "tell");
  writeFileSync(file, "");
  daemon.writeUnit("teller", { ...teller(more), args: ["-c", `exec tail -n +1 -f '${file}'`] });
  await daemon.reaches("teller", "running");
  // Append: if the file were rewritten, `tail` might see it empty for a moment and print everything again.
  return { daemon, tell: (text) => appendFileSync(file, text) };
}

browserTest("new lines appear by themselves, also across a rotation, none missing and none duplicated", async () => {
  const made = await withTeller({ log: { max_size_mb: 0.05, keep: 10 } });
  await using daemon = made.daemon;
  await using visitor = await signedIn(daemon, "/unit/teller/logs");
  const { page } = visitor;
  await page.getByText("following").waitFor();
  const pad = "x".repeat(80);
  const total = 1500; // 150 kB: three files
  for (let from = 0; from < total; from += 250) {
    made.tell(Array.from({ length: 250 }, (_, i) => `line ${from + i} ${pad}\n`).join(""));
    await page.locator(".log-line", { hasText: `line ${from + 249} ` }).waitFor();
  }
  const numbers = await page
    .locator(".log-text")
    .evaluateAll((all) => all.map((one) => Number(/^line (\d+)/.exec(one.textContent ?? "")?.[1])));
  expect(numbers).toEqual(Array.from({ length: total }, (_, i) => i));
  expect(readFileSync(join(daemon.home, "logs/teller.log"), "utf8")).not.toContain("line 0 ");
  // When the log is opened again, rotated lines are read, too.
  await page.reload();
  await page.locator(".log-line", { hasText: `line ${total - 1} ` }).waitFor();
  expect(await page.locator(".log-line").count()).toBe(1000);
});

browserTest("pausing or scrolling up stops the log; Follow shows the rest", async () => {
  const made = await withTeller();
  await using daemon = made.daemon;
  await using visitor = await signedIn(daemon, "/unit/teller/logs");
  const { page } = visitor;
  made.tell(Array.from({ length: 200 }, (_, i) => `first ${i}\n`).join(""));
  await page.getByText("first 199").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  made.tell("while paused\n");
  await page.getByText("paused, 1 new").waitFor();
  expect(await page.getByText("while paused").count()).toBe(0);
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByText("while paused").waitFor();

  await page.locator(".log-lines").evaluate((box) => void (box.scrollTop = 0));
  await page.locator(".shown", { hasText: "paused" }).waitFor();
  made.tell("while scrolled\n");
  await page.getByText("paused, 1 new").waitFor();
  expect(await page.locator(".log-lines").evaluate((box) => box.scrollTop)).toBe(0);
});

browserTest("the log stays at its end when lines wrap and when its size changes; a chosen time is shown from its beginning", async () => {
  const made = await withTeller();
  await using daemon = made.daemon;
  const long = "words of a line that is much longer than a narrow screen is wide, ".repeat(6);
  made.tell(Array.from({ length: 150 }, (_, i) => `first ${i} ${long}\n`).join(""));
  await until(() => daemon.log("teller").includes("first 149"), { what: "the lines in the log" });
  await using visitor = await signedIn(daemon, "/unit/teller/logs", { viewport: PHONE });
  const { page } = visitor;
  const toEnd = (): Promise<number> =>
    page.locator(".log-lines").evaluate((box) => Math.round(box.scrollHeight - box.scrollTop - box.clientHeight));
  const staysAtEnd = () =>
    until(async () => (await toEnd()) < 2, { what: "the end of the log", explain: async () => `${await toEnd()} px` });
  for (const place of ["/unit/teller/logs", "/unit/teller"]) {
    await go(page, place);
    await page.locator(".log-line", { hasText: "first 149" }).waitFor({ state: "attached" });
    await page.locator(".log-lines").evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await staysAtEnd();
    made.tell(`next on ${place} ${long}\n`);
    await page.locator(".log-line", { hasText: `next on ${place} ` }).waitFor();
    await staysAtEnd();
    await page.setViewportSize({ width: 320, height: 500 });
    await staysAtEnd();
    made.tell(`narrow on ${place} ${long}\n`);
    await page.locator(".log-line", { hasText: `narrow on ${place} ` }).waitFor();
    await staysAtEnd();
    await page.setViewportSize(PHONE);
  }
  await go(page, "/unit/teller/logs");
  await page.getByLabel("Go to a time").fill("25:00");
  await page.keyboard.press("Enter");
  await page.locator(".time-field[aria-invalid=true]").waitFor();
  const before = new Date(Date.now() - 3_600_000);
  await page.getByLabel("Go to a time").fill(`${before.getHours()}:${String(before.getMinutes()).padStart(2, "0")}`);
  await page.keyboard.press("Enter");
  await page.getByText("not following").waitFor();
  await page.locator(".log-line", { hasText: "first 0 " }).waitFor();
  expect(await page.locator(".log-lines").evaluate((box) => box.scrollTop)).toBe(0);
});

browserTest("search, stream, go to a time and download show the right lines", async () => {
  await using daemon = await startDaemon({
    units: { app: sh("for i in 1 2 3; do echo request $i took 5 ms; echo ERROR in $i >&2; done; exec sleep 1000") },
  });
  await until(() => daemon.log("app").includes("ERROR in 3"), { what: "the lines in the log" });
  await using visitor = await signedIn(daemon, "/unit/app/logs");
  const { page } = visitor;
  const texts = (): Promise<string[]> => page.locator(".log-text").allInnerTexts();
  const reads = (wanted: readonly string[]) =>
    until(async () => JSON.stringify((await texts()).toSorted()) === JSON.stringify(wanted.toSorted()), {
      what: `the lines ${wanted.join(", ")}`,
      explain: async () => JSON.stringify(await texts()),
    });
  await page.getByLabel("Search the log").fill("error IN 2");
  await reads(["ERROR in 2"]);
  expect(await page.locator(".log-text mark").innerText()).toBe("ERROR in 2");
  await page.getByLabel("Search the log").fill("/[13] took/");
  await reads(["request 1 took 5 ms", "request 3 took 5 ms"]);
  await page.getByLabel("Search the log").fill("");
  await page.getByLabel("Stream").selectOption("stderr");
  await reads(["ERROR in 1", "ERROR in 2", "ERROR in 3"]);
  await page.getByLabel("Stream").selectOption("");

  await page.getByLabel("Go to a time").fill("2000-01-01 00:00:00");
  await page.keyboard.press("Enter");
  await page.getByText("not following").waitFor();
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByText("following").waitFor();
  await reads([1, 2, 3].flatMap((i) => [`request ${i} took 5 ms`, `ERROR in ${i}`]));

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  expect(download.suggestedFilename()).toBe("app.log");
  expect(readFileSync(await download.path(), "utf8")).toBe(daemon.log("app"));
});

const EVIL = `<img src=x onerror="window.owned=1"><script>window.owned=1</script>`;

browserTest("a hostile log is shown as text: markup, escapes, bidi marks, a line of 1 MB", async () => {
  const script = [
    `printf '%%s\\n' '${EVIL}'`,
    "printf '\\033[31mred\\033[0m \\033]0;title\\007\\033[2Jgone \\000nul\\n'",
    "printf 'user\\342\\200\\256txt.exe\\n'",
    "head -c 1048576 /dev/zero | tr '\\0' w; echo END",
    "exec sleep 1000",
  ].join("; ");
  await using daemon = await startDaemon({ units: { evil: sh(script) } });
  await until(() => daemon.log("evil").includes("END"), { what: "the whole log" });
  await using visitor = await signedIn(daemon, "/unit/evil/logs");
  const { page } = visitor;
  await page.getByText(EVIL).waitFor();
  expect(await page.locator(".log-text .fg-red").innerText()).toBe("red");
  const texts = await page.locator(".log-text").allInnerTexts();
  expect(texts).toContain("red gone \\x00nul");
  expect(texts).toContain("user\\u{202e}txt.exe");
  await page
    .locator(".log-line")
    .nth(3)
    .getByText(/… \d{7} more characters|… \d{6} more characters/)
    .click();
  expect((await page.locator(".log-text").nth(3).innerText()).length).toBeGreaterThan(150_000);
  expect(await page.locator(".log-line").count()).toBe(4);
  expect(await page.evaluate(() => (window as { owned?: number }).owned)).toBeUndefined();
  expect(await page.locator(".log-lines img, .log-lines script").count()).toBe(0);
});

browserTest("hostile names, descriptions, labels, groups and events are shown as text everywhere", async () => {
  const turned = "safe\u202egnp.exe";
  await using daemon = await startDaemon({
    units: {
      web: sleeper({
        enabled: true,
        name: EVIL,
        description: `${EVIL} ${turned} \u001b[31m ${"long ".repeat(2000)}`,
        groups: [EVIL.slice(0, 60)],
        labels: { [EVIL.slice(0, 40)]: EVIL.slice(0, 60) },
      }),
      told: {
        type: "notify",
        command: "/bin/sh",
        args: ["-c", `exec sleep 1000`],
        start_timeout: 1,
        auto_restart: false,
        description: EVIL,
      },
      broken: `{"command": "${EVIL.replaceAll('"', '\\"')}", "nonsense": 1}`,
    },
  });
  await using visitor = await signedIn(daemon);
  const { page } = visitor;
  await page.locator(".units .description", { hasText: "<img src=x" }).first().waitFor();
  expect(await page.locator(".units .description").first().innerText()).not.toContain("\u202e");
  for (const place of ["/unit/web", "/unit/web/file", "/graph", "/events", "/alerts", `/unit/${encodeURIComponent(EVIL)}`]) {
    await page.evaluate((hash) => void (location.hash = hash), place);
    await page.locator("main h1, main .card").first().waitFor({ state: "attached" });
    expect(await page.locator("main").innerText()).not.toMatch(/[\u202a-\u202e\u2066-\u2069\x1b]/);
    expect(await page.locator("main img, main script").count()).toBe(0);
  }
  expect(await page.evaluate(() => (window as { owned?: number }).owned)).toBeUndefined();
});

browserTest("levels of lines are recognised and coloured, and a filter finds errors in the whole log", async () => {
  const script = [
    `echo '{"level":"warn","msg":"slow"}'`,
    "echo 'TypeError: x is not a function'; echo '    at main (a.js:1)'",
    "seq -f 'line %%g' 1 3000; echo 'level=debug msg=quiet'; exec sleep 1000",
  ].join("; ");
  await using daemon = await startDaemon({ units: { web: sh(script) } });
  await using visitor = await signedIn(daemon, "/unit/web/logs");
  const { page } = visitor;
  const lines = page.locator(".log-lines .log-line:not([hidden])");
  await page.locator(".level-debug", { hasText: "quiet" }).waitFor();
  expect(await lines.filter({ hasText: "TypeError" }).count()).toBe(0); // it is too far back
  await page.getByLabel("Level").selectOption("warning");
  await page.locator(".level-warning", { hasText: "slow" }).waitFor();
  await page.locator(".level-error", { hasText: "TypeError" }).waitFor();
  expect(await lines.count()).toBe(2);
  const colour = (level: string): Promise<string> =>
    page
      .locator(`.level-${level} .log-text`)
      .first()
      .evaluate((element) => getComputedStyle(element).color);
  expect(await colour("error")).not.toBe(await colour("warning"));
  await page.getByLabel("Level").selectOption("error");
  await page.locator(".level-warning").waitFor({ state: "detached" });
  await page.getByLabel("Search the log").fill("line 2999");
  await page.locator(".log-line", { hasText: "line 2999" }).waitFor({ state: "attached" });
  expect(await lines.count()).toBe(0); // the search finds a line, but it is no error
  await page.getByLabel("Level").selectOption("");
  await lines.filter({ hasText: "line 2999" }).waitFor();
});

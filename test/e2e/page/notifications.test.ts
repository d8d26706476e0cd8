/** The channels and messages of notifications, below the alerts. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { receiver } from "../../harness/http-receiver.ts";
import { noBrowser, signedIn } from "./browser.ts";

const FAILS = { command: "/bin/sh", args: ["-c", "exit 3"], auto_restart: false };

test.skipIf(noBrowser)("channels and messages are shown; buttons send a test message and silence all channels", async () => {
  let works = true;
  await using ops = receiver(() => new Response("no", { status: works ? 200 : 404 }));
  await using daemon = await startDaemon({
    units: { web: FAILS, api: FAILS },
    settings: { notifications: { channels: { ops: { type: "webhook", url: ops.url } }, rules: [{ channels: ["ops"], group_wait: 0 }] } },
  });
  await daemon.sup("start", "web");
  await using visitor = await signedIn(daemon, "/alerts");
  const { page } = visitor;
  const section = page.getByRole("region", { name: "Notifications" });
  await section.getByText("1 channel, 0 failing").waitFor();
  await section.getByText(/^web on .*: failed since/).waitFor();
  await section.getByRole("button", { name: "Send a test message to ops" }).click();
  await page.getByText("ops: test message sent").waitFor();
  works = false;
  await section.getByRole("button", { name: "Test all" }).click();
  await page
    .getByText(/ops: .* answered HTTP 404/)
    .first()
    .waitFor();
  await section.getByText("1 channel, 1 failing").waitFor();
  works = true;
  await section.getByRole("button", { name: "Silence for 1 hour" }).click();
  await section.getByText(/^silenced until/).waitFor();
  const before = ops.received.length;
  await daemon.sup("start", "api");
  await daemon.reaches("api", "failed");
  await section.getByRole("button", { name: "End silence" }).click();
  await section.getByText(/^api on .*: failed since/).waitFor();
  expect(ops.received).toHaveLength(before + 1);
});

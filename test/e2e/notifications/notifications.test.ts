/** From an alert to a message and back to quiet, with the executable: every kind of channel, the commands, the settings. */
import { expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NotificationExplanation, NotificationSimulation } from "../../../src/api/contract/shapes.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { receiver } from "../../harness/http-receiver.ts";
import { mailServer } from "../../harness/mail-server.ts";
import { freePort } from "../../harness/ports.ts";
import { sleeper } from "../../harness/services.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";
import { atOnce, FAILS, heard, list, resettle, settled, withOps } from "./scene.ts";

test("the beginning of a problem and its end, once each, with cause, output, what comes next and the link", async () => {
  await using ops = receiver();
  await using daemon = await startDaemon({
    units: { web: FAILS },
    settings: { page_url: "https://sup.example.org/", ...withOps(ops.url) },
  });
  await daemon.sup("start", "web");
  await until(() => ops.received.length === 1, { what: "the message" });
  const { title, text } = ops.json() as { title: string; text: string };
  expect(title).toMatch(/^web on \S+: failed since \d\d:\d\d:\d\d \S+$/);
  expect(text).toContain("Cause: it is failed: exit code 3");
  expect(text).toContain("Next: Nothing automatically. `sup start web` starts it.");
  expect(text).toContain("Last output:\n  out of luck");
  expect(text).toEndWith("Look: sup why web\nhttps://sup.example.org/#/unit/web");
  await daemon.sup("reset-failed", "web");
  await until(() => ops.received.length === 2, { what: "the end" });
  expect(heard(ops)).toEqual(["begin web", "end web"]);
  const [begin, end] = [0, 1].map((n) => (ops.json(n) as { notices: [{ episode: string }] }).notices[0].episode);
  expect(end).toBe(begin!);
});

test("what is planned is silent: restart, stop, reload of a changed file, re-execution, the end of the daemon", async () => {
  await using ops = receiver();
  await using daemon = await startDaemon({
    units: { db: sleeper({ enabled: true, critical: true }), web: sleeper({ enabled: true, critical: true, dependencies: ["db"] }) },
    settings: withOps(ops.url),
  });
  await daemon.reaches("web", "running");
  for (const command of [
    ["restart", "db"],
    ["stop", "db", "--cascade"],
    ["start", "web"],
  ])
    expect((await daemon.sup(...command)).code).toBe(0);
  daemon.writeUnit("web", sleeper({ args: ["1001"], enabled: true, critical: true, dependencies: ["db"] }));
  await daemon.sup("reload");
  await daemon.reaches("web", "running");
  await daemon.sup("daemon", "reexec");
  await daemon.stop();
  await daemon.start();
  await daemon.reaches("web", "running");
  expect(heard(ops)).toEqual([]);
  expect((await list(daemon)).messages).toEqual([]);
});

test("mail, SMS, a command and chat hear of the same problem; the unit's notify restricts who does", async () => {
  using dir = tempDir();
  await using web = receiver();
  await using mails = await mailServer();
  writeFileSync(join(dir.path, "hook"), `#!/bin/sh\ncat >'${dir.path}/message'\n`);
  chmodSync(join(dir.path, "hook"), 0o755);
  writeFileSync(join(dir.path, "url"), `${web.url}/slack\n`);
  const channels = {
    mail: { type: "email", host: "127.0.0.1", port: mails.port, user: "sup", password: { env: "MAIL_PASSWORD" }, from: "sup@example.org", to: ["ops@example.org"], insecure_tls: true }, // prettier-ignore
    phone: { type: "sms", base_url: `${web.url}/sms`, account: "AC1", token: { env: "MAIL_PASSWORD" }, from: "+1555", to: ["+15551111"] },
    hook: { type: "exec", command: join(dir.path, "hook") },
    chat: { type: "webhook", preset: "slack", url: { file: join(dir.path, "url") } },
    other: { type: "webhook", url: `${web.url}/other` },
  };
  await using daemon = await startDaemon({
    units: { web: { ...FAILS, notify: ["mail", "phone", "hook", "chat"] }, mute: { ...FAILS, notify: [] } },
    settings: { notifications: { channels, rules: [atOnce(...Object.keys(channels))] } },
    env: { MAIL_PASSWORD: "mail-password" },
  });
  await daemon.sup("start", "mute", "web");
  await until(async () => (await list(daemon)).messages.filter(({ state }) => state === "sent").length === 4, {
    what: "four messages to be sent",
    explain: async () => JSON.stringify(await list(daemon), null, 1),
  });
  expect(mails.mails).toMatchObject([
    { to: ["ops@example.org"], secure: true, user: "sup", text: expect.stringMatching(/^Subject: web on /m) },
  ]);
  expect(web.received.map(({ path }) => path).toSorted()).toEqual(["/slack", "/sms/2010-04-01/Accounts/AC1/Messages.json"]);
  expect(JSON.parse(readFileSync(join(dir.path, "message"), "utf8"))).toMatchObject({ notices: [{ unit: "web", what: "begin" }] });
});

test("a channel that fails is an event and an alert, and shows in status, doctor and metrics; the others hear of it", async () => {
  await using ops = receiver(({ path }) => new Response("", { status: path === "/gone" ? 404 : 200 }));
  const channels = { gone: { type: "webhook", url: `${ops.url}/gone` }, ops: { type: "webhook", url: ops.url } };
  const settings = { notifications: { channels, rules: [atOnce("gone", "ops")] } };
  await using daemon = await startDaemon({ units: { web: FAILS }, settings });
  await daemon.sup("start", "web");
  await until(() => heard(ops).filter((one) => one === "begin sup").length === 1, {
    what: "the message about the channel",
    explain: () => heard(ops).join(),
  });
  expect(ops.received.filter(({ path }) => path === "/gone")).toHaveLength(1); // 404 is never tried again
  const words = /notifications cannot be sent to gone: .* answered HTTP 404/;
  expect((await daemon.sup("status")).stdout).toMatch(words);
  expect((await daemon.sup("doctor")).stdout).toMatch(words);
  expect((await daemon.sup("alerts")).stdout).toMatch(/channel-gone/);
  expect((await eventsOf(daemon, "", "notification-failed")).map(({ message }) => message)).toEqual([
    expect.stringMatching(/^cannot notify gone: .*HTTP 404; given up: web on /),
  ]);
  const metrics = await (await daemon.api("/metrics")).text();
  for (const line of [
    'sup_notification_channel_up{channel="gone"} 0',
    'sup_notification_channel_up{channel="ops"} 1',
    'sup_notifications_total{channel="gone",result="failed"} 1',
  ])
    expect(metrics).toContain(line);
  // With a working address the message that was given up can be sent after all.
  await resettle(daemon, {
    notifications: { ...settings.notifications, channels: { ...channels, gone: { type: "webhook", url: `${ops.url}/back` } } },
  });
  expect((await daemon.sup("notify", "retry", "gone")).stdout).toBe("1 message will be tried again now\n");
  await until(() => ops.received.some(({ path }) => path === "/back"), { what: "the message" });
  await until(async () => !(await daemon.sup("status")).stdout.includes("cannot be sent"), { what: "the channel to be well" });
});

test("settings are applied by a reload, and a bad file leaves them as they are", async () => {
  await using ops = receiver();
  await using daemon = await startDaemon({ units: { web: FAILS, api: FAILS } });
  await daemon.sup("start", "web");
  await daemon.reaches("web", "failed");
  await resettle(daemon, withOps(ops.url));
  await until(() => ops.received.length === 1, { what: "the channel to hear what is open" });
  writeFileSync(
    join(daemon.home, "sup.json"),
    '{"notifications": {"channels": {"ops": {"type": "webhook", "url": "http://127.0.0.1:1/"}}, "rules": [{"channels": ["opps"]}]}}',
  );
  const bad = await daemon.sup("reload");
  expect(bad.stdout + bad.stderr).toContain('there is no channel "opps"');
  await daemon.sup("start", "api");
  await until(() => ops.received.length === 2, { what: "the message about api" });
  expect(heard(ops)).toEqual(["begin web", "begin api"]);
});

test("sup notify: list, test, explain, simulate, drop", async () => {
  await using ops = receiver();
  const dead = `http://127.0.0.1:${freePort()}/`;
  const channels = { ops: { type: "webhook", url: ops.url }, dead: { type: "webhook", url: dead } };
  const rules = [
    { channels: ["ops"], group_wait: 0 },
    { channels: ["dead"], events: ["failed"], group_wait: 0 },
  ];
  await using daemon = await startDaemon({
    units: { web: FAILS, calm: sleeper({ critical: true }) },
    settings: { notifications: { channels, rules } },
  });
  const tested = await daemon.sup("notify", "test");
  expect(tested.code).toBe(1);
  expect(tested.stdout).toMatch(/^sent ops: HTTP 200\nfailed dead: 127\.0\.0\.1:\d+: the connection was refused\n$/);
  expect((await daemon.sup("notify", "test", "ops")).code).toBe(0);
  expect(await daemon.sup("notify", "test", "nobody")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("there is no channel nobody"),
  });
  expect(ops.received).toHaveLength(2);

  const explained = (await daemon.json("notify", "explain", "calm", "--type", "memory-limit")) as NotificationExplanation;
  expect(explained).toMatchObject({
    severity: "critical",
    channels: [
      { channel: "ops", sends: true },
      { channel: "dead", sends: false },
    ],
  });
  expect(ops.received).toHaveLength(2);

  await daemon.sup("start", "web");
  await until(() => ops.received.length === 3, { what: "the message" });
  await until(async () => (await list(daemon)).messages.some(({ last_error }) => last_error !== null), {
    what: "the first attempt to fail",
  });
  const shown = (await daemon.sup("notify")).stdout;
  expect(shown).toMatch(/^ops +generic +ok +0 +1 +0 /m);
  expect(shown).toMatch(/^ *\d+ +\S+ +dead +pending +web on .* 1 attempt: 127/m);
  const simulated = (await daemon.json("notify", "simulate", "--since", "1h")) as NotificationSimulation;
  expect(simulated).toMatchObject({
    alerts: 1,
    channels: [
      { channel: "ops", messages: 1 },
      { channel: "dead", messages: 1 },
    ],
  });
  expect(ops.received).toHaveLength(3);
  expect((await daemon.sup("notify", "drop", "dead")).stdout).toBe("1 message dropped\n");
  await settled(daemon);
  expect((await daemon.sup("notify", "shout")).code).toBe(2);
});

test("the heartbeat requests its URL, and its failure is an alert", async () => {
  let works = true;
  await using there = receiver(() => new Response("", { status: works ? 200 : 500 }));
  await using daemon = await startDaemon({ settings: { heartbeat: { url: `${there.url}/ping/token`, interval: 5 } } });
  await until(() => there.received.length >= 1, { what: "the first request" });
  expect(there.received[0]).toMatchObject({ method: "GET", path: "/ping/token" });
  works = false;
  await until(async () => (await daemon.sup("status")).stdout.includes("the heartbeat fails: "), {
    what: "the failure to show",
    timeoutMs: 25_000,
  });
  expect((await daemon.sup("alerts")).stdout).toContain("heartbeat");
});

test("a command leaves no file in the runtime directory", async () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "hook"), "#!/bin/sh\ncat >/dev/null\n");
  chmodSync(join(dir.path, "hook"), 0o755);
  await using daemon = await startDaemon({
    settings: { notifications: { channels: { hook: { type: "exec", command: join(dir.path, "hook") } } } },
  });
  expect((await daemon.sup("notify", "test")).code).toBe(0);
  expect([...new Bun.Glob("notification-*").scanSync(join(daemon.home, "run"))]).toEqual([]);
});

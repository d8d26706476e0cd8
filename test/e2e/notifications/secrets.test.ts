/** The secrets of channels reach their provider and nothing else. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { routes } from "../../../src/api/contract/routes.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { receiver } from "../../harness/http-receiver.ts";
import { mailServer } from "../../harness/mail-server.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";
import { atOnce, FAILS, list } from "./scene.ts";

const SECRET = /s3cret/;

test("no secret is in any output, log, event, answer of the API, page, or in the database, even if a receiver repeats it", async () => {
  using dir = tempDir();
  const file = (name: string, value: string): { file: string } => {
    writeFileSync(join(dir.path, name), `${value}\n`);
    return { file: join(dir.path, name) };
  };
  await using web = receiver(
    ({ path, headers, text }) => new Response(`cannot take ${path} ${headers.authorization} ${text}`, { status: 403 }),
  );
  await using mail = await mailServer({ authOptional: false });
  const channels = {
    slack: { type: "webhook", preset: "slack", url: file("slack", `${web.url}/services/s3cret-slack`) },
    discord: { type: "webhook", preset: "discord", url: file("discord", `${web.url}/api/s3cret-discord`) },
    teams: { type: "webhook", preset: "teams", url: { env: "TEAMS_URL" } },
    ntfy: { type: "webhook", preset: "ntfy", url: `${web.url}/ntfy`, topic: "alerts", key: file("ntfy", "s3cret-ntfy") },
    pagerduty: { type: "webhook", preset: "pagerduty", url: `${web.url}/pd`, key: file("pd", "s3cret-pd") },
    jsm: { type: "webhook", preset: "jsm", url: `${web.url}/jsm`, key: file("jsm", "s3cret-jsm") },
    generic: { type: "webhook", url: `${web.url}/generic`, secret: file("hmac", "s3cret-hmac"), key: file("bearer", "s3cret-bearer") },
    phone: { type: "sms", base_url: `${web.url}/sms`, account: "AC1", token: file("sms", "s3cret-sms"), from: "+1555", to: ["+15551111"] },
    mail: { type: "email", host: "127.0.0.1", port: mail.port, user: "sup", password: file("mail", "s3cret-mail"), from: "sup@example.org", to: ["ops@example.org"], insecure_tls: true }, // prettier-ignore
  };
  await using daemon = await startDaemon({
    units: { web: FAILS },
    settings: {
      notifications: { channels, rules: [atOnce(...Object.keys(channels))] },
      heartbeat: { url: file("beat", `${web.url}/ping/s3cret-beat`), interval: 5 },
    },
    env: { TEAMS_URL: `${web.url}/s3cret-teams` },
  });
  await daemon.sup("start", "web");
  const tried = async (): Promise<boolean> => (await list(daemon)).channels.every(({ last_error }) => last_error !== null);
  await until(tried, { what: "every channel to fail", explain: async () => JSON.stringify(await list(daemon), null, 1) });
  expect(web.received.some(({ path }) => path === "/services/s3cret-slack")).toBe(true); // they do reach their provider
  expect(web.received.find(({ path }) => path === "/pd")!.text).toMatch(/s3cret-pd/);

  const commands = [["notify"], ["notify", "list"], ["notify", "test"], ["notify", "explain", "web"], ["notify", "simulate"], ["notify", "retry"], ["status"], ["status", "web"], ["why", "web"], ["alerts", "--all"], ["events"], ["doctor"], ["reload"], ["daemon", "status"], ["logs", "web"], ["show", "web"]]; // prettier-ignore
  for (const command of commands)
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr } = await daemon.sup(...command, ...json);
      expect(
        (stdout + stderr).split("\n").filter((line) => SECRET.test(line)),
        command.join(" "),
      ).toEqual([]);
    }
  for (const { method, path } of Object.values(routes)) {
    if (method !== "GET" || path.endsWith("/stream")) continue;
    const answer = await daemon.api(path.replace(":id", "web").replace("/explain", "/explain?unit=web"));
    expect(await answer.text(), path).not.toMatch(SECRET);
  }
  expect(await (await daemon.api("/")).text()).not.toMatch(SECRET);
  expect(daemon.output()).not.toMatch(SECRET);
  for (const place of ["state", "logs", "run"])
    for (const name of readdirSync(join(daemon.home, place), { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      expect(readFileSync(join(name.parentPath, name.name)).includes("s3cret"), join(place, name.name)).toBe(false);
    }
});

test("a secret in the settings themselves is refused, without being repeated", async () => {
  await using daemon = await startDaemon({});
  for (const channel of [
    { type: "webhook", preset: "slack", url: "https://hooks.example.org/s3cret" },
    { type: "webhook", preset: "pagerduty", key: "s3cret" },
    { type: "webhook", url: "https://u:s3cret@example.org/" },
    { type: "email", host: "h", from: "a@b.c", to: ["a@b.c"], user: "u", password: "s3cret" },
  ]) {
    writeFileSync(join(daemon.home, "sup.json"), JSON.stringify({ notifications: { channels: { ops: channel } } }));
    const { stdout, stderr } = await daemon.sup("reload");
    expect(stdout + stderr).toMatch(/error/);
    expect(stdout + stderr).not.toMatch(SECRET);
    expect((await daemon.sup("doctor")).stdout).not.toMatch(SECRET);
  }
});

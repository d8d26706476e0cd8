/** No way out of the daemon shows a secret to a client with read access: the same units are read by every command and route. */
import { expect, test } from "bun:test";
import { routes } from "../../../src/api/contract/routes.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const SECRET = /s3cret/;

const leaks = (text: string): string[] => text.split("\n").filter((line) => SECRET.test(line));

/** Comments and white space as people write them. */
const FILE = `{
  "command": "sleep", "args": ["1000"], "enabled": true, "description": "mails via smtp://u:s3cret@mail",
  "labels": {"deploy_token": "s3cret"},
  // "OLD_PASSWORD": "s3cret",
  "environment": {"PGPASSWORD" /*c*/ : "s3cret", "SMTP_PWD": "s3cret", "STRIPE_KEY": "s3cret", "DATABASE_URL": "postgres://u:s3cret@db/x"},
  "health_check": {
    "type": "http", "endpoint": "http://admin:s3cret@127.0.0.1:1/?token=s3cret", "action": "none", "interval": 1, "failure_threshold": 1,
    "headers": {"Authorization": "Bearer s3cretABC123", "X-Api-Key": "s3cret"},
    "fallback_check": {"type": "http", "endpoint": "http://127.0.0.1:1/?api_key=s3cret"}
  }
}`;

test("secrets are hidden in every command and every route, and in the daemon's own log", async () => {
  const broken = '{"command": "x", "environment": {"DB_PASSWORD": ["s3cret"]}}';
  const syntax = '{"command": "x", "environment": {"DB_PASSWORD": s3cret}}';
  await using daemon = await startDaemon({ units: { web: FILE, broken, syntax, half: sleeper({ enabled: true }) } });
  await daemon.reaches("web", ({ health }) => health === "unhealthy");
  await daemon.reaches("half", "running");
  daemon.writeUnit("half", broken);
  await until(async () => (await daemon.service("half")).problems.length > 0, { what: "the problems of half" });

  const commands = [
    ..."show cat why explain status health events deps logs list forecast metrics".split(" ").map((name) => [name, "web"]),
    ..."why status events start".split(" ").map((name) => [name, "half"]),
    ..."status start why show".split(" ").flatMap((name) => ["broken", "syntax"].map((id) => [name, id])),
    ...[["status"], ["doctor"], ["reload", "--dry-run"], ["alerts"], ["list"], ["health"], ["summary"], ["events"]],
  ];
  for (const command of commands)
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr } = await daemon.sup(...command, ...json);
      expect(leaks(stdout + stderr), command.join(" ")).toEqual([]);
    }
  for (const { method, path } of Object.values(routes)) {
    if (method !== "GET" || path.endsWith("/stream")) continue;
    for (const id of ["web", "half", "broken"]) {
      const answer = await daemon.api(path.replace(":id", id).replace("/resolve", "/resolve?unit=web"));
      expect(leaks(await answer.text()), `path ${path}`).toEqual([]);
    }
  }
  expect(daemon.output()).not.toMatch(SECRET);
  expect((await daemon.sup("show", "web", "--reveal")).stdout).toMatch(SECRET);
});

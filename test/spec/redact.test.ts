import { describe, expect, test } from "bun:test";
import { loadUnit } from "../../src/spec/load/load.ts";
import { isSecretName, redactFile, redactSettings, redactString } from "../../src/spec/redact.ts";
import { unitKeys } from "../../src/spec/parse/draft.ts";
import { LATER } from "../../src/spec/parse/later.ts";

test.each([
  ..."DB_PASSWORD PGPASSWORD SMTP_PWD MYSQL_ROOT_PASS redispass STRIPE_KEY apiKey API_KEYS APIKEY JWT GITHUB_PAT SENTRY_DSN".split(" "),
  ..."Authorization Proxy-Authorization X-Api-Key X-Auth-Token Cookie access_token sig client_secret TLS_PRIVATE HMAC_SALT".split(" "),
])("%s is the name of a secret", (name) => expect(isSecretName(name)).toBe(true));

test.each(
  "PATH PORT HOME AUTHOR authority KEYBOARD MONKEY bypass COMPASS X-Forwarded-Host Accept LOG_LEVEL TZ TOPIC PINNED PATTERN".split(" "),
)("%s is no name of a secret", (name) => expect(isSecretName(name)).toBe(false));

test("no key of a unit file is the name of a secret", () => {
  const refused = new Set(LATER.map(({ key }) => key));
  expect([...unitKeys().keys()].filter((key) => isSecretName(key) && !refused.has(key))).toEqual([]);
});

describe("in a string", () => {
  const H = "********";
  test.each([
    ["postgres://app:s3cret@db/x", `postgres://app:${H}@db/x`],
    ["redis://:s3cret@cache:6379", `redis://:${H}@cache:6379`],
    ["amqp://u:s3/cr@et@mq/v", `amqp://u:${H}@mq/v`],
    ["postgres://u:s3 cret@db", `postgres://u:${H}@db`],
    ["http://admin:s3cret@127.0.0.1:80/x", `http://${H}@127.0.0.1:80/x`],
    ["https://s3cret@api.example/x", `https://${H}@api.example/x`],
    ["http://h:1/x?token=s3cret&a=1", `http://h:1/x?token=${H}&a=1`],
    ["http://h/x?a=1&api%5Fkey=s3cret", `http://h/x?a=1&api%5Fkey=${H}`],
    ["http://h/#access_token=s3cret", `http://h/#access_token=${H}`],
    ["unix:/run/a.sock:/x?sig=s3cret", `unix:/run/a.sock:/x?sig=${H}`],
    ["see redis://:s3cret@a and redis://:s3cret@b", `see redis://:${H}@a and redis://:${H}@b`],
    ["Authorization: Bearer s3cretABCDEF", `Authorization: Bearer ${H}`],
    ["http://127.0.0.1:8080/@me", "http://127.0.0.1:8080/@me"],
    ["http://h/x?page=2&name=a", "http://h/x?page=2&name=a"],
    ["git@host:repo", "git@host:repo"],
    ["basic checks of the bearer network", "basic checks of the bearer network"],
  ])("%s", (text, shown) => expect(redactString(text)).toBe(shown));
});

test("settings keep their shape", () => {
  const check = { endpoint: "http://h/?token=s3cret", headers: { Authorization: "Bearer s3cret", "X-Api-Key": "s3cret", Accept: "*/*" } };
  const settings = {
    args: ["--password=shown", "redis://:s3cret@a"],
    environment: { SMTP_PWD: "s3cret", URL: "mysql://u:s3cret@h", CONN: "host=h password=s3cret", PIN: 1234, EMPTY_KEY: "", A: "b" },
    health_check: { ...check, fallback_check: { ...check } },
  };
  const shown = redactSettings(settings);
  expect(JSON.stringify(shown)).not.toMatch(/s3cret|1234/);
  expect(shown).toMatchObject({
    args: ["--password=shown", "redis://:********@a"],
    environment: { SMTP_PWD: "********", CONN: "host=h password=********", EMPTY_KEY: "", A: "b" },
    health_check: { headers: { Accept: "*/*", "X-Api-Key": "********" } },
  });
});

describe("in the text of a file", () => {
  test.each([
    ['{"environment": {"PGPASSWORD" /*c*/ : "s3cret", "A": "b"}}', '{"environment": {"PGPASSWORD" /*c*/ : "********", "A": "b"}}'],
    ['{"A_KEY": // x\n "s3cret" }', '{"A_KEY": // x\n "********" }'],
    ['{"\\u0050IN": 1234, "B": 1}', '{"\\u0050IN": "********", "B": 1}'],
    ['{"TOKEN": ["s3cret", {"a": "s3cret"}], "B": "c"}', '{"TOKEN": ["********", {"a": "********"}], "B": "c"}'],
    ['{"a": [{"b": 1}, "x"], "PWD": "s3cret"}', '{"a": [{"b": 1}, "x"], "PWD": "********"}'],
    ['{"URL": "redis://:s3cr\\"et@h"}', '{"URL": "redis://:********@h"}'],
    ['{ // "DB_PASSWORD": "s3cret",\n "a": 1 }', '{ // "DB_PASSWORD": "********",\n "a": 1 }'],
    ["{ /* redis://:s3cret@h DB_PASSWORD=s3cret */ }", "{ /* redis://:********@h DB_PASSWORD=******** */ }"],
    ['{"DB_PASSWORD": s3cret, "a": 1}', '{"DB_PASSWORD": "********", "a": 1}'],
    ['{"DB_PASSWORD": "s3cret\n "a": "b"}', '{"DB_PASSWORD": "********"\n "********": "********"}'],
  ])("%s", (text, shown) => expect(redactFile(text)).toBe(shown));
});

describe("in a problem", () => {
  const wrong: ReadonlyArray<readonly [string]> = [
    ['{"command": "a", "environment": {"DB_PASSWORD": ["s3cret"]}}'],
    ['{"command": "a", "environment": {"DB_PASSWORD": 53713}}'],
    ['{"command": "a", "environment": ["DB_PASSWORD=s3cret"]}'],
    ['{"command": "a", "environment": "DB_PASSWORD=s3cret"}'],
    ['{"command": "a", "environment": {"DB_PASSWORD": "s3cret%q"}}'],
    ['{"command": "a", "env": {"DB_PASSWORD": "s3cret"}}'],
    ['{"command": "a", "password": "s3cret"}'],
    ['{"command": "a", "environment": {"DB_PASSWORD": s3cret}}'],
    ['{"command": "a", "environment": {"DB_PIN": 0537130}}'],
    ['[{"DB_PASSWORD": "s3cret"}]'],
    ['{"command": "a", "health_check": {"type": "http", "endpoint": "http://u:s3cret@ h/"}}'],
    ['{"command": "a", "health_check": {"type": "http", "endpoint": "http://h/", "headers": ["X-Api-Key: s3cret"]}}'],
    ['{"command": "a", "health_check": {"type": "http", "endpoint": "http://h/", "headers": {"X-Api-Key": {"a": "s3cret"}}}}'],
  ];
  test.each(wrong)("%s", (text) => {
    const loaded = loadUnit({ id: "web", main: { path: "/web.unit.json", text }, dropIns: [] });
    expect(loaded.ok).toBe(false);
    expect(JSON.stringify(loaded)).not.toMatch(/s3cret|53713/);
  });
});

import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { z } from "zod";
import { diffSpecs } from "../../../src/spec/load/diff.ts";
import { unitKeys } from "../../../src/spec/parse/draft.ts";
import { keyInfoAt } from "../../../src/spec/parse/keys.ts";
import { LATER } from "../../../src/spec/parse/later.ts";
import { formatProblem } from "../../../src/spec/parse/problems.ts";
import { jsonSchema, unitReference } from "../../../src/spec/documents/unit-reference.ts";
import { loadSettings, settingsKeys } from "../../../src/spec/schema/settings.ts";
import { notificationsSchema } from "../../../src/spec/schema/notifications.ts";
import { UNIT_ROWS } from "../../../src/spec/schema/unit.ts";
import { bad, good } from "../fixtures.ts";

describe("differences between two versions", () => {
  test.each<[string, object, object, Array<[string, string]>]>([
    ["nothing", { command: "x" }, { command: "x" }, []],
    ["a default written out", { command: "x" }, { command: "x", priority: 100, restart_policy: { max_retries: 5 } }, []],
    ["a command", { command: "x" }, { command: "y" }, [["command", "restart"]]],
    ["arguments, as one value", { command: "x", args: ["a", "b"] }, { command: "x", args: ["a"] }, [["args", "restart"]]],
    [
      "one variable",
      { command: "x", environment: { A: "1", B: "2" } },
      { command: "x", environment: { A: "1", B: "3" } },
      [["environment.B", "restart"]],
    ],
    [
      "keys of a policy",
      { command: "x" },
      { command: "x", restart_policy: { max_retries: 1, jitter: 0.5 } },
      [
        ["restart_policy.max_retries", "live"],
        ["restart_policy.jitter", "live"],
      ],
    ],
    ["a whole health check", { command: "x" }, { command: "x", health_check: { type: "process" } }, [["health_check", "live"]]],
    [
      "a key of a health check",
      { command: "x", health_check: { type: "process" } },
      { command: "x", health_check: { type: "process", interval: 5 } },
      [["health_check.interval", "live"]],
    ],
    [
      "several, in the order of the reference",
      { command: "x" },
      { log: { keep: 1 }, port: 5, command: "y", description: "d" },
      [
        ["description", "live"],
        ["command", "restart"],
        ["port", "restart"],
        ["log.keep", "live"],
      ],
    ],
    ["dependencies", { command: "x" }, { command: "x", dependencies: ["a"] }, [["dependencies", "live"]]],
  ])("%s", (_, before, after, expected) => {
    expect(diffSpecs(good(before), good(after)).map(({ key, applies }) => [key, applies])).toEqual(expected as never);
  });
});

describe("metadata", () => {
  test("every key has a description, inside objects too", () => {
    const without: string[] = [];
    const visit = (keys: ReturnType<typeof unitKeys>): void => {
      for (const info of keys.values()) {
        if (info.description === "") without.push(info.path);
        if (info.name !== "fallback_check") visit(info.children());
      }
    };
    visit(unitKeys());
    visit(settingsKeys());
    expect(without).toEqual([]);
  });

  test("every row of LATER names a key of the schema", () => {
    for (const { key } of LATER) expect(keyInfoAt(unitKeys(), key.split("."))?.path).toBe(key);
  });

  test("keys that the contract lists as live apply live", () => {
    for (const key of [
      "health_check",
      "resource_limits",
      "restart_policy",
      "notify",
      "log",
      "auto_restart",
      "description",
      "priority",
      "labels",
      "groups",
      "critical",
    ]) {
      expect(unitKeys().get(key)!.applies).toBe("live");
    }
    for (const key of ["command", "args", "environment", "user", "type", "port"]) expect(unitKeys().get(key)!.applies).toBe("restart");
  });
});

describe("the JSON Schema", () => {
  const schema = jsonSchema() as {
    properties: Record<string, { description: string; default?: unknown; properties?: Record<string, { description: string }> }>;
    required: string[];
    additionalProperties: boolean;
  };

  test("has every key with its description, and only the command is required", () => {
    expect(Object.keys(schema.properties)).toEqual(Object.keys(UNIT_ROWS));
    for (const property of Object.values(schema.properties)) expect(property.description).not.toBe("");
    expect(schema.required).toEqual(["command"]);
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties.priority!.default).toBe(100);
  });

  test("marks keys that are not supported yet, and contains none of our metadata", () => {
    expect(schema.properties.rolling!.properties!.canary!.description).not.toContain("Not supported");
    expect(JSON.stringify(schema)).not.toContain('"applies"');
  });
});

test("the reference contains every supported key", () => {
  const text = unitReference();
  for (const key of Object.keys(UNIT_ROWS)) expect(text).toContain(`\`${key}\``);
  expect(text).toContain("| `retry_delay` | number | `1` | Seconds before the first retry; 0: immediately. |");
  expect(text).not.toContain("undefined");
});

test("docs/notifications.md names every key of channels and rules", async () => {
  const text = await Bun.file(resolve(import.meta.dir, "../../../docs/notifications.md")).text();
  const schema = z.toJSONSchema(notificationsSchema(), { io: "input", unrepresentable: "any" });
  const keys = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    const { properties } = value as { readonly properties?: Record<string, unknown> };
    for (const key of Object.keys(properties ?? {})) keys.add(key);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(schema);
  expect(keys.size).toBeGreaterThan(35);
  expect([...keys].filter((key) => !text.includes(key))).toEqual([]);
});

describe("settings", () => {
  const load = (text: string) => loadSettings({ path: "/sup.json", text });

  test("no file means the defaults", () => {
    expect(loadSettings(null)).toEqual({
      settings: {
        api: {
          enabled: true,
          host: "127.0.0.1",
          port: 7870,
          auth: "token",
          allowedHosts: [],
          allowedOrigins: [],
          basePath: "",
          page: "on",
        },
        metrics: { intervalMs: 5000, retentionDays: 7 },
        events: { retentionDays: 90 },
        logs: { maxTotalBytes: null, retentionDays: 90 },
        startConcurrency: 0,
        containment: "auto",
        onCriticalFatal: "nothing",
        notifications: { channels: {}, rules: [] },
        pageUrl: null,
        heartbeat: null,
        store: { maxSizeBytes: 1024 * 1024 * 1024 },
        unitDefaults: null,
      },
      problems: [],
    });
    expect(load("{}")).toEqual(loadSettings(null));
  });

  for (const [given, page] of [
    ["true", "on"],
    ["false", "off"],
    ['"read-only"', "read-only"],
  ] as const)
    test(`api.page ${given} is ${page}`, () => expect(load(`{"api": {"page": ${given}}}`).settings.api.page).toBe(page));

  test("any other api.page is refused with the allowed values", () => {
    const { problems } = load('{"api": {"page": "readonly"}}');
    expect(problems).toHaveLength(1);
    expect(`${problems[0]!.message} ${problems[0]!.hint}`).toContain("read-only");
  });

  test("values from the file are used", () => {
    const { settings, problems } = load(
      '{"api": {"port": 1, "base_path": "/sup", "allowed_origins": ["https://a.b"]}, "metrics": {"interval": 1}, "start_concurrency": 4}',
    );
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      api: { port: 1, basePath: "/sup", allowedOrigins: ["https://a.b"] },
      metrics: { intervalMs: 1000 },
      startConcurrency: 4,
    });
  });

  test("logs.max_total_mb and logs.retention_days are used", () => {
    const { settings, problems } = load('{"logs": {"max_total_mb": 2.5, "retention_days": 3}}');
    expect(problems).toEqual([]);
    expect(settings.logs).toEqual({ maxTotalBytes: 2.5 * 1024 * 1024, retentionDays: 3 });
  });

  test.each([
    ['{"logs": {"max_total_mb": 0}}', "1:27", '"logs.max_total_mb"', null],
    ['{"logs": {"max_size_mb": 10}}', "1:11", 'unknown key "logs.max_size_mb"', null],
    ['{"api":\n {"prot": 1}}', "2:3", 'unknown key "api.prot"', 'did you mean "api.port"?'],
    ['{"api": {"port": "x"}}', "1:18", '"api.port" must be a number, not "x"', null],
    ['{"api": {"auth": "none", "host": "0.0.0.0"}}', "1:18", "would let everyone", "127.0.0.1"],
    ['{"api": {"base_path": "/x/"}}', "1:23", '"api.base_path" must be empty or a path', null],
    ['{"notify": {}}', "1:2", 'unknown key "notify"', null],
    ['{"logging": {}}', "1:2", 'unknown key "logging"', 'did you mean "log"?'],
    ["{", "1:2", "never closed", "}"],
    ["[]", "1:1", "must be a JSON object", null],
  ])("refused: %s", (text, position, message, hint) => {
    const { problems } = load(text);
    expect(problems).toHaveLength(1);
    expect(`${problems[0]!.line}:${problems[0]!.column}`).toBe(position);
    expect(problems[0]).toMatchObject({ severity: "error", file: "/sup.json" });
    expect(problems[0]!.message).toContain(message);
    if (hint !== null) expect(problems[0]!.hint).toContain(hint);
  });

  test("no authentication on loopback is a warning", () => {
    const { settings, problems } = load('{"api": {"auth": "none"}}');
    expect(settings.api.auth).toBe("none");
    expect(problems).toMatchObject([{ severity: "warning", key: "api.auth" }]);
  });
});

describe("a problem in full", () => {
  test("has file, line, column, severity, the line with a caret, and the hint", () => {
    const text = '{\n\t"command": "x",\n\t"enabled": "yes"\n}';
    expect(formatProblem(bad(text)[0]!, text)).toBe(
      [
        '/u/web.unit.json:3:13: error: "enabled" must be a boolean, not "yes"',
        '    3 |  "enabled": "yes"',
        "      |             ^",
        "  hint: write true, without quotes",
      ].join("\n"),
    );
  });

  test("names the key if the message does not", () => {
    expect(formatProblem(bad({ command: "x", args: ["%q"] })[0]!)).toStartWith(
      '/u/web.unit.json:1:25: error: args[0]: unknown specifier "%q"\n',
    );
  });

  test("has only the file without a position", () => {
    expect(formatProblem(bad("{}", "../x")[0]!)).toStartWith('/u/../x.unit.json: error: "../x" is not a valid unit name');
  });

  test("shortens long lines around the position and shows control characters as blanks", () => {
    const text = `{"command": "x", "description": "${"a".repeat(300)}", "enabled": "\\u001b"}`;
    const lines = formatProblem(bad(text)[0]!, text).split("\n");
    expect(lines[1]!.length).toBeLessThan(120);
    expect(lines[1]![lines[2]!.indexOf("^")]).toBe('"');
    const escape = formatProblem({ ...bad(text)[0]!, line: 1, column: 1 }, "\u001b[31m");
    expect(escape).not.toContain("\u001b");
  });
});

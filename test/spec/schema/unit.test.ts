// tidy: long because every key of the unit file has its rows here
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LATER } from "../../../src/spec/parse/later.ts";
import { parse } from "../../../src/spec/parse/parse.ts";
import { Source } from "../../../src/spec/parse/tree.ts";
import { UNIT_ROWS, unitSchema } from "../../../src/spec/schema/unit.ts";
import { type Issue, validateUnit } from "../../../src/spec/parse/validate.ts";
import { bad, good } from "../fixtures.ts";

describe("the defaults of the contract", () => {
  test("the smallest unit", () => {
    const { spec } = good({ command: "/bin/true" });
    expect(spec).toEqual({
      id: "web",
      service: "web",
      instance: null,
      instances: null,
      scaling: null,
      name: "web",
      description: "",
      file: "/u/web.unit.json",
      enabled: false,
      priority: 100,
      critical: false,
      groups: [],
      labels: {},
      type: "simple",
      remainAfterExit: false,
      exec: { command: "/bin/true", args: [], shell: false, workingDirectory: null },
      conditions: [],
      preStart: [],
      preRestart: [],
      postStop: [],
      environment: {},
      environmentFiles: [],
      identity: { user: null, group: null, umask: null, nice: null, oomScoreAdj: null, limits: {} },
      tty: false,
      port: null,
      sockets: [],
      readyLog: null,
      failLog: null,
      startTimeoutMs: 60_000,
      stop: { graceful: true, timeoutMs: 10_000, signal: 15, killMode: "group" },
      restart: {
        autoRestart: true,
        restartOnExit: false,
        successExitCodes: [0],
        noRestartExitCodes: [],
        maxRetries: 5,
        retryDelayMs: 1000,
        backoffMultiplier: 2,
        maxBackoffMs: 300_000,
        jitter: 0,
        resetAfterMs: 60_000,
        fatalRetryAfterMs: null,
      },
      onFatal: "nothing",
      reload: null,
      dependencies: [],
      check: null,
      watchdogMs: null,
      limits: null,
      log: { format: "cri", maxSizeBytes: 10 * 1024 * 1024, keep: 5, maxAgeMs: null, compress: "zstd", group: null, rateLimit: null },
      schedule: null,
      watch: null,
      notify: null,
      rolling: null,
    });
  });

  test("a oneshot has no start timeout unless its file sets one", () => {
    expect(good({ command: "x", type: "oneshot" }).spec.startTimeoutMs).toBeNull();
    expect(good({ command: "x", type: "oneshot", start_timeout: 5 }).spec.startTimeoutMs).toBe(5000);
  });

  test("health checks: 30 s, 10 s (tcp 5), start interval 1 s, 3 failures, 1 success, restart", () => {
    const check = (health_check: object) => good({ command: "x", port: 80, health_check }).spec.check!;
    expect(check({ type: "http", endpoint: "http://h/" })).toEqual({
      probe: {
        type: "http",
        timeoutMs: 10_000,
        endpoint: "http://h/",
        method: "GET",
        headers: {},
        expectedStatus: [[200, 399]],
        expectedContent: null,
        insecureTls: false,
      },
      fallback: null,
      intervalMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 1000,
      failureThreshold: 3,
      successThreshold: 1,
      action: "restart",
    });
    expect(check({ type: "tcp" }).probe).toEqual({ type: "tcp", timeoutMs: 5000, host: "localhost", port: "${PORT}" });
    expect(check({ type: "process" }).probe).toEqual({ type: "process", timeoutMs: 10_000 });
    expect(check({ type: "exec", command: "c" }).probe).toEqual({ type: "exec", timeoutMs: 10_000, command: "c", args: [] });
  });
});

describe("values of the Spec", () => {
  test.each<[string, object, (spec: ReturnType<typeof good>["spec"]) => unknown, unknown]>([
    ["seconds become milliseconds", { start_timeout: 1.5 }, (s) => s.startTimeoutMs, 1500],
    ["a signal by name", { graceful_shutdown: { signal: "SIGINT" } }, (s) => s.stop.signal, 2],
    ["a signal without SIG", { graceful_shutdown: { signal: "quit" } }, (s) => s.stop.signal, 3],
    ["reload by signal", { reload: { signal: "SIGHUP" } }, (s) => s.reload, { kind: "signal", signal: 1 }],
    [
      "reload by command",
      { reload: { command: "r", args: ["a"] } },
      (s) => s.reload,
      { kind: "command", command: "r", args: ["a"], timeoutMs: 60_000 },
    ],
    ["umask in octal", { umask: "027" }, (s) => s.identity.umask, 0o27],
    ["one number for both limits", { limits: { nofile: 9 } }, (s) => s.identity.limits, { nofile: { soft: 9, hard: 9 } }],
    ["unlimited", { limits: { core: { soft: 0, hard: "unlimited" } } }, (s) => s.identity.limits, { core: { soft: 0, hard: null } }],
    [
      "an optional environment file",
      { environment_files: ["-/etc/x", "~/y"] },
      (s) => s.environmentFiles,
      [
        { path: "/etc/x", optional: true },
        { path: "~/y", optional: false },
      ],
    ],
    [
      "a dependency by name",
      { dependencies: ["db"] },
      (s) => s.dependencies,
      [{ unit: "db", condition: null, required: true, restart: false, quorum: null }],
    ],
    ["a dependency by file name", { dependencies: ["db.unit.json"] }, (s) => s.dependencies[0]?.unit, "db"],
    [
      "a dependency in full",
      { dependencies: [{ unit: "db", condition: "started", required: false, restart: true, quorum: 2 }] },
      (s) => s.dependencies,
      [{ unit: "db", condition: "started", required: false, restart: true, quorum: 2 }],
    ],
    [
      "conditions",
      { conditions: [{ path_exists: "/a" }, { directory_not_empty: "~/b", not: true }, { command: "c", args: ["d"], timeout: 2 }] },
      (s) => s.conditions,
      [
        { kind: "path_exists", path: "/a", not: false },
        { kind: "directory_not_empty", path: "~/b", not: true },
        { kind: "command", command: "c", args: ["d"], timeoutMs: 2000, not: false },
      ],
    ],
    ["ready_log", { ready_log: "up" }, (s) => s.readyLog, { kind: "text", text: "up" }],
    ["fail_log", { fail_log: "/^ERROR/" }, (s) => s.failLog, { kind: "regex", text: "^ERROR" }],
    ["on_fatal", { on_fatal: "shutdown" }, (s) => s.onFatal, "shutdown"],
    ["hooks", { pre_start: [{ command: "c", timeout: 2 }] }, (s) => s.preStart, [{ command: "c", args: [], timeoutMs: 2000 }]],
    [
      "retrying forever",
      { restart_policy: { max_retries: -1, fatal_retry_after: 60 } },
      (s) => [s.restart.maxRetries, s.restart.fatalRetryAfterMs],
      [-1, 60_000],
    ],
    ["log.group", { log: { group: "adm" } }, (s) => s.log.group, "adm"],
    ["log sizes", { log: { max_size_mb: 0.5, keep: 0 } }, (s) => [s.log.maxSizeBytes, s.log.keep], [524_288, 0]],
  ])("%s", (_, keys, pick, expected) => {
    expect(pick(good({ command: "x", ...keys }).spec)).toEqual(expected);
  });

  test.each<[unknown, unknown]>([
    [204, [[204, 204]]],
    ["2xx", [[200, 299]]],
    ["200-204", [[200, 204]]],
    [
      [200, "3xx"],
      [
        [200, 200],
        [300, 399],
      ],
    ],
  ])("expected_status %j", (expected_status, ranges) => {
    const { check } = good({ command: "x", health_check: { type: "http", endpoint: "http://h/", expected_status } }).spec;
    expect(check!.probe).toMatchObject({ expectedStatus: ranges as [] });
  });

  test("expected_content is a string, or a regular expression between slashes", () => {
    const content = (expected_content: string) => {
      const { probe } = good({ command: "x", health_check: { type: "http", endpoint: "http://h/", expected_content } }).spec.check!;
      return probe.type === "http" ? probe.expectedContent : null;
    };
    expect(content("ok")).toEqual({ kind: "text", text: "ok" });
    expect(content("/^ok$/")).toEqual({ kind: "regex", text: "^ok$" });
  });

  test("fallback checks nest: the first belongs to the check, the next to the first", () => {
    const tcp = { type: "tcp", port: 1 };
    const { check } = good({
      command: "x",
      health_check: { ...tcp, fallback_check: { ...tcp, port: 2, fallback_check: { type: "process" } } },
    }).spec;
    expect(check!.probe.fallback).toBeUndefined();
    expect(check!.fallback).toMatchObject({ port: "2", fallback: { type: "process" } });
  });
});

describe("wrong values: line, column, message and hint", () => {
  test.each<[string, string, string, string, string | null]>([
    ["enabled", '"yes"', "2:14", '"enabled" must be a boolean, not "yes"', "write true, without quotes"],
    ["port", '"8080"', "2:11", '"port" must be a number, not "8080"', "write 8080, without quotes"],
    ["port", "0", "2:11", '"port" must be at least 1, not 0', null],
    ["port", "70000", "2:11", '"port" must be at most 65535, not 70000', null],
    ["port", "80.5", "2:11", '"port" must be an integer, not 80.5', null],
    ["port", "null", "2:11", '"port" must be a number, not null', "omit the key"],
    ["args", '"-v"', "2:11", '"args" must be a list, not "-v"', 'write ["-v"]'],
    ["args", '["a", 5]', "2:17", '"args[1]" must be a string, not 5', 'write "5", in quotes'],
    ["start_timeout", '"10s"', "2:20", '"start_timeout" must be a number, not "10s"', "write 10"],
    ["start_timeout", '"2m"', "2:20", '"start_timeout"', "times are in seconds: write 120"],
    ["start_timeout", "-1", "2:20", '"start_timeout" must be at least 0.001, not -1', null],
    ["type", '"onshot"', "2:11", '"type" must be one of "simple", "notify" or "oneshot", not "onshot"', 'did you mean "oneshot"?'],
    ["groups", '["@web"]', "2:14", '"groups[0]" must be a name', null],
    ["umask", "27", "2:12", '"umask" must be a string, not 27', 'write "27"'],
    ["umask", '"99"', "2:12", '"umask" must be an octal string such as "027", not "99"', null],
    ["nice", "40", "2:11", '"nice" must be at most 19, not 40', null],
    ["working_directory", '"srv/app"', "2:24", "must be an absolute path or start with ~/", null],
    ["environment", '{"A": 1}', "2:24", '"environment.A" must be a string, not 1', 'write "1"'],
    ["environment", '{"A B": "x"}', "2:19", '"environment.A B" must be a variable name', null],
    ["environment", '{"SUP_UNIT": "x"}', "2:19", '"environment.SUP_UNIT" is set by sup itself', null],
    ["environment_files", '["x.env"]', "2:25", "must be an absolute path", null],
    ["limits", '{"nofil": 1}', "2:14", 'unknown key "limits.nofil"', 'did you mean "limits.nofile"?'],
    ["limits", '{"core": "x"}', "2:22", '"limits.core" must be an integer, "unlimited" or', null],
    ["limits", '{"core": {"soft": 1}}', "2:22", '"limits.core.hard" is missing', null],
    [
      "graceful_shutdown",
      '{"signal": "SIGFOO"}',
      "2:35",
      '"graceful_shutdown.signal" must be a signal such as SIGTERM, not "SIGFOO"',
      null,
    ],
    ["graceful_shutdown", '{"kill_mode": "grup"}', "2:38", '"graceful_shutdown.kill_mode" must be one of', 'did you mean "group"?'],
    ["restart_policy", '{"jitter": 2}', "2:32", '"restart_policy.jitter" must be at most 1, not 2', null],
    ["restart_policy", '{"max_retry": 2}', "2:22", 'unknown key "restart_policy.max_retry"', 'did you mean "restart_policy.max_retries"?'],
    ["success_exit_codes", "[]", "2:25", '"success_exit_codes" must not be empty', null],
    ["success_exit_codes", "[256]", "2:26", '"success_exit_codes[0]" must be at most 255, not 256', null],
    ["dependencies", "[5]", "2:20", '"dependencies[0]" must be a unit name or { "unit": … }, not 5', null],
    [
      "dependencies",
      '[{"unit": "a", "when": "ready"}]',
      "2:34",
      'unknown key "dependencies[0].when"',
      'did you mean "dependencies[0].condition"?',
    ],
    ["dependencies", '[{"unit": "a", "condition": "redy"}]', "2:47", "must be one of", 'did you mean "ready"?'],
    ["dependencies", '[{"unit": "a", "quorum": 0}]', "2:44", '"dependencies[0].quorum" must be at least 1, not 0', null],
    ["dependencies", '[{"unit": "a", "quorum": 1.5}]', "2:44", '"dependencies[0].quorum" must be an integer, not 1.5', null],
    [
      "health_check",
      '"tcp"',
      "2:19",
      '"health_check" must be an object, not "tcp"',
      'for example { "type": "http", "endpoint": "http://localhost:PORT/PATH" }',
    ],
    ["health_check", '{"interval": 5}', "2:19", '"health_check.type" is missing', "`http` | `tcp` | `process` | `exec`"],
    [
      "health_check",
      '{"type": "htp"}',
      "2:28",
      '"health_check.type" must be one of "http", "tcp", "process" or "exec", not "htp"',
      'did you mean "http"?',
    ],
    [
      "health_check",
      '{"type": "http", "endpont": "http://x"}',
      "2:36",
      'unknown key "health_check.endpont"',
      'did you mean "health_check.endpoint"?',
    ],
    ["health_check", '{"type": "http", "endpoint": "ftp://x"}', "2:48", '"health_check.endpoint" must start with http://', null],
    [
      "health_check",
      '{"type": "http", "endpoint": "http://x", "host": "x"}',
      "2:60",
      'unknown key "health_check.host"',
      'it exists only for type "tcp"',
    ],
    [
      "health_check",
      '{"type": "http", "endpoint": "http://x", "expected_status": [true]}',
      "2:80",
      '"health_check.expected_status[0]" must be a status code',
      null,
    ],
    [
      "health_check",
      '{"type": "http", "endpoint": "http://x", "expected_status": 99}',
      "2:79",
      '"health_check.expected_status" must be at least 100, not 99',
      null,
    ],
    [
      "health_check",
      '{"type": "process", "fallback_check": {"type": "process", "interval": 1}}',
      "2:77",
      'unknown key "health_check.fallback_check.interval"',
      null,
    ],
    ["max_retries", "3", "2:3", 'unknown key "max_retries"', 'it belongs in "restart_policy"'],
    ["log", '{"command": "x"}', "2:11", 'unknown key "log.command"', "top level"],
    ["zzzzzzzz", "3", "2:3", 'unknown key "zzzzzzzz"', null],
  ])("%s: %s", (key, text, position, message, hint) => {
    const [problem, ...others] = bad(`{ "command": "x",\n  "${key}": ${text} }`);
    expect(others).toEqual([]);
    expect(`${problem!.line}:${problem!.column}`).toBe(position);
    expect(problem!.message).toContain(message);
    expect(problem!.file).toBe("/u/web.unit.json");
    expect(problem!.severity).toBe("error");
    if (hint === null) expect(problem!.hint?.startsWith("did you mean") ?? false).toBe(false);
    else expect(problem!.hint).toContain(hint);
  });

  test("a missing command is reported at the object", () => {
    expect(bad("\n {}")).toMatchObject([{ line: 2, column: 2, key: "command", message: '"command" is missing' }]);
  });

  test("a misspelt command is one problem, not two", () => {
    expect(bad({ comand: "x" }).map(({ message }) => message)).toEqual(['unknown key "comand"']);
  });

  test("all problems of a file are reported at once, in the order of the file", () => {
    expect(bad('{"port": "x",\n"foo": 1,\n"command": 3,\n"sandbox": {"private_tmp": true}}').map(({ line }) => line)).toEqual([1, 2, 3, 4]);
  });

  test("nesting that is too deep is reported with its line and column", () => {
    expect(bad(`{"command": "x",\n"labels": ${"[".repeat(100_000)}`)).toMatchObject([
      { line: 2, column: 11 + 63, message: "nested deeper than 64 levels" },
    ]);
  });

  test("half of a surrogate pair is refused, because it has no bytes in UTF-8; a whole pair is a character", () => {
    expect(bad('{"command": "x", "environment": {"A": "\\ud83d"}}')).toMatchObject([
      { key: "environment.A", message: expect.stringContaining("half of a surrogate pair") },
    ]);
    expect(good('{"command": "x", "environment": {"A": "\\uD83d\\ude00"}}').spec.environment).toEqual({ A: "😀" });
  });

  test("a NUL character is refused wherever it is", () => {
    expect(bad('{"command": "a\\u0000b"}')).toMatchObject([{ line: 1, column: 13, message: "the string contains a NUL character" }]);
  });
});

describe("keys that are not implemented yet are refused, never ignored", () => {
  const sample: Record<string, string> = {
    sandbox: '{"private_tmp": true}',
    credentials: '{"db": {"file": "/etc/db.password"}}',
  };

  test.each(LATER.flatMap(({ key, values }) => (values ?? [undefined]).map((value) => [key, value] as const)))("%s %s", (key, value) => {
    const text = value === undefined ? sample[key]! : JSON.stringify(value);
    const [outer, inner] = key.split(".");
    const problems = bad(
      `{ "command": "x", ${outer === "rolling" ? '"instances": 1, ' : ""}"${outer}": ${inner ? `{"${inner}": ${text}}` : text} }`,
    );
    expect(problems.every(({ message }) => message.endsWith("is not supported yet"))).toBe(true);
    expect(problems.map((problem) => problem.key)).toContain(key);
    expect(problems[0]!.line).toBe(1);
  });
});

describe("validating key by key gives the same result as the whole schema", () => {
  const whole = (value: object) => unitSchema().safeParse(value);
  const single = (value: object) => {
    const parsed = parse(new Source("f", JSON.stringify(value)));
    if (!parsed.ok || parsed.value.kind !== "object") throw new Error("unreadable");
    return validateUnit(parsed.value);
  };
  const junk = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("type", "unit", "signal", "keep", "max_retries", "timeout"), fc.oneof(fc.string(), fc.nat()), {
      maxKeys: 3,
    }),
  );

  test("for any values of any keys", () => {
    const unit = fc.dictionary(fc.constantFrom(...Object.keys(UNIT_ROWS), "nonsense"), junk, { maxKeys: 8 });
    fc.assert(
      fc.property(unit, (value) => {
        const [all, one] = [whole(value), single(value)];
        const summary = (issues: readonly Issue[]) => issues.map(({ code, path }) => `${code} ${path.join()}`).sort();
        expect(summary(one.issues)).toEqual(summary(all.error?.issues ?? []));
        if (all.success) expect(one.unit).toEqual(all.data as never);
      }),
      { numRuns: 400 },
    );
  });

  test("for a full unit", () => {
    const value = {
      command: "x",
      port: 5,
      log: { keep: 1 },
      health_check: { type: "tcp", fallback_check: { type: "process" } },
      dependencies: ["a", { unit: "b" }],
    };
    expect(single(value)).toEqual({ unit: whole(value).data as never, issues: [] });
  });
});

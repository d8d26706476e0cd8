import { describe, expect, test } from "bun:test";
import { bad, good } from "../fixtures.ts";

const http = { type: "http", endpoint: "http://h/" };

test.each<[string, object, string, string]>([
  ["remain_after_exit is for oneshots", { remain_after_exit: true }, "remain_after_exit", 'with type "oneshot" only'],
  [
    "a oneshot is not restarted after success",
    { type: "oneshot", restart_on_exit: true },
    "restart_on_exit",
    "a oneshot is done after a clean exit",
  ],
  ["a oneshot has no health", { type: "oneshot", health_check: { type: "process" } }, "health_check", "runs to completion"],
  ["a oneshot gets no reload signal", { type: "oneshot", reload: { signal: "HUP" } }, "reload.signal", "no process"],
  ["a shell takes one string", { shell: true, args: ["a"] }, "args", '"args" contradicts "shell"'],
  [
    "a code cannot be success and forbid restarts",
    { success_exit_codes: [0, 3], no_restart_exit_codes: [3, 4] },
    "no_restart_exit_codes",
    "exit code 3",
  ],
  ["max_backoff below retry_delay", { restart_policy: { retry_delay: 10, max_backoff: 5 } }, "restart_policy.max_backoff", "(5) is less"],
  ["the default max_backoff below retry_delay", { restart_policy: { retry_delay: 400 } }, "restart_policy.retry_delay", "(300) is less"],
  ["reload needs something to do", { reload: {} }, "reload", 'neither "signal" nor "command"'],
  ["reload does one thing", { reload: { signal: "HUP", command: "r" } }, "reload.command", "both"],
  ["reload.args go with a command", { reload: { signal: "HUP", args: ["a"] } }, "reload.args", 'needs a "reload.command"'],
  ["soft above hard", { limits: { nofile: { soft: 5, hard: 4 } } }, "limits.nofile", "above its hard limit"],
  ["soft unlimited above hard", { limits: { nofile: { soft: "unlimited", hard: 4 } } }, "limits.nofile", "above its hard limit"],
  ["a broken regular expression for output", { fail_log: "/(/" }, "fail_log", "not a regular expression"],
  ["a line has no line break", { ready_log: "a\nb" }, "ready_log", "contains a line break"],
  ["ready_log beside READY=1", { type: "notify", ready_log: "up" }, "ready_log", 'contradicts "type": "notify"'],
  ["ready_log of a oneshot", { type: "oneshot", ready_log: "up" }, "ready_log", "has no effect"],
  ["a condition requires something", { conditions: [{ path_exists: "/a" }, { not: true }] }, "conditions[1]", "requires nothing"],
  [
    "a condition requires one thing",
    { conditions: [{ path_exists: "/a", command: "c" }] },
    "conditions[0].command",
    'both "path_exists" and "command"',
  ],
  [
    "arguments of a condition go with a command",
    { conditions: [{ path_exists: "/a", args: [] }] },
    "conditions[0].args",
    'needs a "command"',
  ],
  [
    "a timeout of a condition goes with a command",
    { conditions: [{ path_missing: "/a", timeout: 1 }] },
    "conditions[0].timeout",
    'needs a "command"',
  ],
  ["a dependency twice", { dependencies: ["a", { unit: "a" }] }, "dependencies[1]", "listed twice"],
  ["a tcp check without any port", { health_check: { type: "tcp" } }, "health_check.port", "neither the check nor the unit"],
  ["a tcp port in words", { health_check: { type: "tcp", port: "http" } }, "health_check.port", "must be a number"],
  ["an endpoint that is not a URL", { health_check: { ...http, endpoint: "http://[x" } }, "health_check.endpoint", "is not a URL"],
  [
    "a password in a URL with a raw percent sign",
    { health_check: { ...http, endpoint: "http://u:50%%-off@h/" } },
    "health_check.endpoint",
    'has a password with a "%"',
  ],
  [
    "a user name in the URL of a fallback check that is not UTF-8",
    { health_check: { ...http, fallback_check: { ...http, endpoint: "http://%%ff@h/" } } },
    "health_check.fallback_check.endpoint",
    'has a user name with a "%"',
  ],
  [
    "a broken regular expression",
    { health_check: { ...http, expected_content: "/(/" } },
    "health_check.expected_content",
    "not a regular expression",
  ],
  ["a range backwards", { health_check: { ...http, expected_status: "300-200" } }, "health_check.expected_status", "not a range"],
  [
    "the same rules in a fallback",
    { health_check: { type: "process", fallback_check: { type: "tcp" } } },
    "health_check.fallback_check.port",
    "a tcp check needs",
  ],
  ["schedule without a time", { type: "oneshot", schedule: {} }, "schedule", "neither"],
  ["schedule on a service", { schedule: { every: 60 } }, "schedule", 'with type "oneshot" only'],
  ["a wrong cron", { type: "oneshot", schedule: { cron: "* * *" } }, "schedule.cron", "expected 5"],
  ["seconds in a cron", { type: "oneshot", schedule: { cron: "* * * * * *" } }, "schedule.cron", "too many fields"],
  ["a day that never comes", { type: "oneshot", schedule: { cron: "0 0 31 4 *" } }, "schedule.cron", "never matches"],
  ["an unknown zone", { type: "oneshot", schedule: { cron: "@daily", timezone: "Mars" } }, "schedule.timezone", "not a time zone"],
  ["a zone without cron", { type: "oneshot", schedule: { every: 5, timezone: "UTC" } }, "schedule.timezone", "no effect"],
  ["two schedules", { type: "oneshot", schedule: { every: 60, cron: "* * * * *" } }, "schedule.every", "both"],
])("error: %s", (_, keys, key, message) => {
  const problems = bad({ command: "x", ...keys }).filter((problem) => !problem.message.endsWith("not supported yet"));
  expect(problems).toMatchObject([{ severity: "error", key, line: 1 }]);
  expect(problems[0]!.message).toContain(message);
});

test.each<[string, object, string, string]>([
  [
    "a fatal unit that ends the daemon is not retried",
    { on_fatal: "shutdown", restart_policy: { fatal_retry_after: 5 } },
    "restart_policy.fatal_retry_after",
    "the daemon exits first",
  ],
  ["output in a raw log", { fail_log: "up", log: { format: "raw" } }, "fail_log", "may miss a line that sup reads while it is killed"],
  ["flags after an expression for output", { ready_log: "/up/i" }, "ready_log", "matched as plain text"],
  ["a command with spaces and no shell", { command: "node server.js" }, "command", "contains spaces, but no shell splits it"],
  ...[
    "cd /tmp && ./run",
    "a; b",
    "a | b",
    "a >log",
    "sort <in",
    "a || b",
    "a &",
    "echo $HOME",
    "echo $(id)",
    "echo `id`",
    'echo "a b"',
    "export A",
    ". ./env",
    "A=1 node",
    "A=1",
  ].map((command): [string, object, string, string] => [command, { command }, "command", "uses shell syntax, but no shell runs it"]),
  [
    "codes that forbid restarts that never happen",
    { auto_restart: false, no_restart_exit_codes: [3] },
    "no_restart_exit_codes",
    "no effect",
  ],
  ["restart after success only", { auto_restart: false, restart_on_exit: true }, "restart_on_exit", "not after a failure"],
  ["a stop signal that is never sent", { graceful_shutdown: { enabled: false, signal: "INT" } }, "graceful_shutdown.signal", "no effect"],
  [
    "a check that fails the unit while it starts",
    { health_check: { ...http, failure_threshold: 1 } },
    "health_check.failure_threshold",
    "the first failed probe counts",
  ],
  ["PORT against port", { port: 80, environment: { PORT: "81" } }, "environment.PORT", 'PORT will be "81"'],
  ["a timeout over the interval", { health_check: { ...http, interval: 5, timeout: 6 } }, "health_check.timeout", "longer"],
  [
    "flags after a regular expression",
    { health_check: { ...http, expected_content: "/ok/i" } },
    "health_check.expected_content",
    "plain text",
  ],
])("warning: %s", (_, keys, key, message) => {
  const { warnings } = good({ command: "x", ...keys });
  expect(warnings).toMatchObject([{ severity: "warning", key }]);
  expect(warnings[0]!.message).toContain(message);
});

test.each<[string, object]>([
  ["a default timeout over a short interval", { health_check: { ...http, interval: 5 } }],
  ["a tcp check on the unit's port", { port: 80, health_check: { type: "tcp" } }],
  ["a tcp check on a variable", { health_check: { type: "tcp", port: "${X}" } }],
  ["percent-encoded characters in an endpoint", { health_check: { ...http, endpoint: "http://u:50%%25@h/a%%20b?100%%" } }],
  ["a threshold of one after a start period", { health_check: { ...http, failure_threshold: 1, start_period: 5 } }],
  ["an endpoint with a variable", { health_check: { ...http, endpoint: "http://h:${PORT}/" } }],
  ["PORT as port says it", { port: 80, environment: { PORT: "80" } }],
  ["a oneshot that stays", { type: "oneshot", remain_after_exit: true }],
  ["a shell line", { command: "a | b", shell: true }],
  ["shell syntax in the arguments of a shell", { command: "sh", args: ["-c", "a | b"] }],
  ["a variable that sup expands", { command: "${BIN}" }],
  ["a name that starts like a built-in command", { command: "exec.sh" }],
])("neither: %s", (_, keys) => {
  expect(good({ command: "x", ...keys }).warnings).toEqual([]);
});

test("fallback checks have a limit to their depth", () => {
  const nested = (depth: number): object => (depth === 0 ? { type: "process" } : { type: "process", fallback_check: nested(depth - 1) });
  expect(good({ command: "x", health_check: nested(3) }).warnings).toEqual([]);
  expect(bad({ command: "x", health_check: nested(4) })[0]!.message).toContain("deeper than 3 levels");
});

test("shell syntax gets the hint to use a shell", () => {
  expect(good({ command: "cd /tmp && ./run" }).warnings).toMatchObject([{ hint: 'set "shell": true' }]);
});

describe("schema errors and contradictions are reported in one round", () => {
  const keys = (text: string | object): string[] => bad(text).map(({ key }) => key);

  test("together, in the order of the file", () => {
    expect(keys('{"command": "x", "reload": {},\n "port": "x", "foo": 1,\n "remain_after_exit": true}')).toEqual([
      "reload",
      "port",
      "foo",
      "remain_after_exit",
    ]);
  });

  test("warnings too", () => {
    expect(bad({ command: "a | b", port: "x" })).toMatchObject([
      { key: "command", severity: "warning" },
      { key: "port", severity: "error" },
    ]);
  });

  test("a rule does not judge by a wrong value", () => {
    expect(keys({ command: "x", type: "onshot", remain_after_exit: true })).toEqual(["type"]);
    expect(keys({ command: "x", shell: "yes", args: ["a"] })).toEqual(["shell"]);
    expect(keys({ remain_after_exit: true })).toEqual(["command", "remain_after_exit"]);
  });

  test("a rule does not judge by the default of a misspelt key", () => {
    expect(keys({ command: "x", typ: "oneshot", remain_after_exit: true })).toEqual(["typ"]);
    expect(keys({ command: "x", health_check: { type: "tcp" }, prot: 80 })).toEqual(["prot"]);
    expect(keys({ command: "x", retry_delay: 400, restart_policy: { max_backoff: 0 } })).toEqual(["retry_delay"]);
  });

  test("a key that a drop-in wrongly removes does not hide other errors", () => {
    expect(bad({ command: "x", port: "x" }, "web", { prot: null }).map(({ key }) => key)).toEqual(["port", "prot"]);
  });
});

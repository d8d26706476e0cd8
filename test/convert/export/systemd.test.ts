import { describe, expect, test } from "bun:test";
import { toCalendar } from "../../../src/convert/export/systemd/calendar.ts";
import { entryOf, exported, textOf, type Json } from "./exporting.ts";

const web = (json: Json, options = {}) => exported("systemd", { web: { command: "/bin/web", ...json } }, options);
const lines = (json: Json, options = {}): string[] => textOf(web(json, options), "web.service").split("\n");

test("a usual service", () => {
  const result = exported("systemd", {
    db: { command: "/usr/bin/db", health_check: { type: "tcp", port: 5432 } },
    web: {
      description: "The shop",
      enabled: true,
      command: "node",
      args: ["server.js", "--port", "${PORT}", "100%% $HOME"],
      working_directory: "/srv/web",
      port: 8080,
      environment: { NODE_ENV: "production", GREETING: 'say "hi"', URL: "http://localhost:${PORT}/%n" },
      environment_files: ["-/etc/default/web"],
      user: "www-data",
      dependencies: ["db"],
      reload: { signal: "SIGHUP" },
      resource_limits: { max_memory_mb: 512, action: "enforce" },
      restart_policy: { max_retries: -1, retry_delay: 2, backoff_multiplier: 1 },
    },
  });
  expect(textOf(result, "web.service")).toBe(`# Exported by sup from /etc/sup/units/web.unit.json
[Unit]
Description=The shop
Requires=db.service
After=db.service
StartLimitIntervalSec=0

[Service]
User=www-data
WorkingDirectory=/srv/web
Environment=PORT=8080
Environment=NODE_ENV=production
Environment="GREETING=say \\"hi\\""
Environment=URL=http://localhost:8080/web
EnvironmentFile=-/etc/default/web
Type=exec
ExecStart=node server.js --port \${PORT} "100%% $$HOME"
ExecReload=/bin/kill -s HUP $MAINPID
Restart=on-failure
TimeoutStartSec=60
TimeoutStopSec=10
RestartForceExitStatus=SIGHUP SIGINT SIGTERM SIGPIPE
RestartSec=2
MemoryMax=512M

[Install]
WantedBy=multi-user.target
`);
  expect(entryOf(result, "health_check")).toMatchObject({ unit: "db", outcome: "dropped", where: "/etc/sup/units/db.unit.json:4" });
  expect(entryOf(result, "environment")).toMatchObject({ outcome: "approximated", how: expect.stringContaining("overrides NODE_ENV") });
  expect(entryOf(result, "dependencies")).toMatchObject({ outcome: "approximated", how: expect.stringContaining("stops this unit, too") });
  expect(result.steps.at(-1)).toBe("systemctl enable --now db.service web.service");
});

describe("commands", () => {
  const exec = (json: Json): string =>
    lines(json)
      .find((line) => line.startsWith("ExecStart="))!
      .slice("ExecStart=".length);

  test("a shell expands its variables by itself", () => {
    expect(exec({ command: 'echo "$HOME" ${A} 5%% %n', shell: true })).toBe('/bin/sh -c "echo \\"$$HOME\\" $${A} 5%% web"');
  });

  test("env(1) starts a program that systemd would not accept", () => {
    expect(exec({ command: "${PROGRAM}", args: ["x"], environment: { PROGRAM: "/bin/a" } })).toBe("/bin/a x");
    expect(exec({ command: "-x", args: ["y"] })).toBe("/usr/bin/env -- -x y");
    expect(web({ command: "@a=b" }).problems[0]?.message).toContain('cannot start a program with the name "@a=b"');
    expect(exec({ command: "@x" })).toBe("/usr/bin/env @x");
  });

  test("env(1) looks for a program in the unit's own PATH", () => {
    expect(exec({ command: "node", args: ["x"], environment: { PATH: "/opt/bin" } })).toBe("/usr/bin/env node x");
    expect(exec({ command: "/bin/node", environment: { PATH: "/opt/bin" } })).toBe("/bin/node");
  });

  test("a relative path is resolved", () => {
    expect(exec({ command: "./run", working_directory: "/srv/web" })).toBe("/srv/web/run");
    expect(exec({ command: "bin/../run", working_directory: "/srv/web" })).toBe("/srv/web/run");
  });

  test("a default is used for a variable that is never set, and reported for one of a file", () => {
    expect(exec({ command: "/bin/a", args: ["${X:-y z}"] })).toBe('/bin/a "y z"');
    const result = web({ args: ["${X:-y}"], environment_files: ["/etc/x.env"] });
    expect(textOf(result, "web.service")).toContain("ExecStart=/bin/web y\n");
    expect(entryOf(result, "environment_files")).toMatchObject({ outcome: "approximated" });
  });

  test("a variable without a value is refused", () => {
    expect(web({ args: ["${X}"] }).problems).toEqual([
      { where: "/etc/sup/units/web.unit.json", message: "cannot export web: command: the variable X is not set", hint: null },
    ]);
  });
});

describe("secrets", () => {
  const json = { environment: { DB_PASSWORD: 'a"b$c\\d', MODE: "x" } };

  test("without --with-secrets, only their names are written", () => {
    const result = web(json);
    expect(result.files.map(({ name, hasSecrets }) => [name, hasSecrets])).toEqual([
      ["web.service", false],
      ["web.env", false],
    ]);
    expect(textOf(result, "web.env")).toBe("#DB_PASSWORD=\n");
    expect(textOf(result, "web.service")).toContain("EnvironmentFile=%E/web.env\n");
    expect(result.files.map(({ text }) => text).join("")).not.toContain("b$c");
  });

  test("with it, the file with the values is for the owner only", () => {
    const result = web(json, { withSecrets: true });
    expect(textOf(result, "web.env")).toBe('DB_PASSWORD="a\\"b\\$c\\\\d"\n');
    expect(result.files.map(({ hasSecrets }) => hasSecrets)).toEqual([false, true]);
    expect(textOf(result, "web.service")).not.toContain("b$c");
  });
});

test("instances become a template and a target, with a PORT for each", () => {
  const result = exported("systemd", {
    web: { command: "/bin/web", args: ["%i", "%n", "${PORT}"], instances: 2, port: 8080 },
    job: { command: "/bin/job", dependencies: ["web"] },
  });
  expect(textOf(result, "web@.service")).toContain("ExecStart=/bin/web %i web@%i ${PORT}\n");
  expect(textOf(result, "web@.service")).toContain("PartOf=web.target\n");
  expect(textOf(result, "web.target")).toContain("Wants=web@1.service web@2.service\n");
  expect(textOf(result, "web@2.service.d/port.conf")).toBe("[Service]\nEnvironment=PORT=8081\n");
  expect(textOf(result, "job.service")).toContain("Requires=web.target\nAfter=web.target\n");
});

test("a schedule becomes a timer", () => {
  const result = web({ type: "oneshot", schedule: { cron: "30 2 * * 1-5", timezone: "Europe/Berlin", catch_up: true, overlap: "queue" } });
  expect(textOf(result, "web.timer")).toContain(
    "OnCalendar=Mon,Tue,Wed,Thu,Fri *-*-* 02:30:00 Europe/Berlin\nPersistent=true\nAccuracySec=1s\n",
  );
  expect(textOf(result, "web.service")).not.toContain("[Install]");
  expect(entryOf(result, "schedule.overlap")?.outcome).toBe("dropped");
});

test.each([
  ["*/15 * * * *", ["*-*-* *:00,15,30,45:00"]],
  ["0 0 1,15 jan-mar *", ["*-01..03-01,15 00:00:00"]],
  ["@weekly", ["Sun *-*-* 00:00:00"]],
  ["5 4 * * 5-7", ["Fri,Sat,Sun *-*-* 04:05:00"]],
  ["0 12 13 * FRI", ["*-*-13 12:00:00", "Fri *-*-* 12:00:00"]],
  ["0 12 */2 * FRI", ["Fri *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 12:00:00"]],
])("cron %s", (cron, calendar) => {
  expect(toCalendar(cron, null)).toEqual(calendar);
});

test("limits that give up later than the delays allow get a longer interval", () => {
  const result = web({ restart_policy: { max_retries: 4, retry_delay: 30, backoff_multiplier: 1, reset_after: 10 } });
  expect(textOf(result, "web.service")).toContain("StartLimitIntervalSec=240\nStartLimitBurst=5\n");
  expect(entryOf(result, "restart_policy.reset_after")?.how).toContain("240 s");
});

test("a death by SIGTERM is a failure, but systemd refuses to say so for a oneshot", () => {
  expect(lines({})).toContain("RestartForceExitStatus=SIGHUP SIGINT SIGTERM SIGPIPE");
  expect(lines({ type: "oneshot" }).filter((line) => line.startsWith("RestartForce"))).toEqual([]);
});

test("only enforced limits become limits of systemd", () => {
  expect(
    lines({ resource_limits: { max_memory_mb: 10, max_cpu_percent: 50 } }).filter((line) => /^(MemoryMax|CPUQuota)/.test(line)),
  ).toEqual([]);
  expect(lines({ resource_limits: { max_memory_mb: 10, max_cpu_percent: 50, action: "restart" } })).toContain("MemoryMax=10M");
  expect(lines({ resource_limits: { max_cpu_percent: 50, action: "enforce" } })).toContain("CPUQuota=50%");
});

test("user services", () => {
  const result = web({ enabled: true, args: ["%h"] }, { isUser: true, home: "/home/ann" });
  expect(textOf(result, "web.service")).toContain("ExecStart=/bin/web /home/ann\n");
  expect(textOf(result, "web.service")).toContain("WantedBy=default.target\n");
  expect(result.steps[0]).toContain("~/.config/systemd/user");
});

test("every key that a file sets is in the report", () => {
  const result = web({
    name: "Web", priority: 3, critical: true, groups: ["a"], labels: { a: "b" }, pre_restart: [{ command: "x" }], log: { keep: 3, format: "raw" },
    watch: { paths: ["/x"] }, notify: [], restart_policy: { jitter: 0.5, fatal_retry_after: 9 }, health_check: { type: "process" },
  }); // prettier-ignore
  expect(result.report.filter(({ outcome }) => outcome === "dropped").map(({ field }) => field).sort()).toEqual([
    "critical", "groups", "health_check", "labels", "log", "notify", "pre_restart", "priority",
    "restart_policy.fatal_retry_after", "restart_policy.jitter", "watch",
  ]); // prettier-ignore
});

describe("conditions", () => {
  const all = (json: Json): string[] => lines(json).filter((line) => /Condition/.test(line));

  test.each([
    [{ path_exists: "/a b%%" }, "ConditionPathExists=/a b%%"],
    [{ path_exists: "/a", not: true }, "ConditionPathExists=!/a"],
    [{ path_missing: "/a" }, "ConditionPathExists=!/a"],
    [{ path_missing: "/a", not: true }, "ConditionPathExists=/a"],
    [{ file_not_empty: "~/x" }, "ConditionFileNotEmpty=/home/sup/x"],
    [{ directory_not_empty: "%S/x" }, "ConditionDirectoryNotEmpty=/var/lib/sup/x"],
    [{ command: "/bin/a", args: ["$x", "b c"] }, 'ExecCondition=/bin/a $$x "b c"'],
  ])("%j", (condition, line) => expect(all({ conditions: [condition] })).toEqual([line]));

  test("a shell negates a command, and a failure of the command stays one", () => {
    expect(all({ conditions: [{ command: "/bin/a", args: ["x"], not: true }] })).toEqual([
      'ExecCondition=/bin/sh -c "\\"$$@\\"; case $$? in 0) exit 1;; 255) exit 255;; *) exit 0;; esac" sh /bin/a x',
    ]);
  });

  test("a path that only the start knows is dropped", () => {
    const result = web({ conditions: [{ path_exists: "${X}/a" }], environment_files: ["/etc/x"] });
    expect(entryOf(result, "conditions")).toMatchObject({ outcome: "dropped", how: "systemd expands no variables in ${X}/a" });
  });
});

test("on_fatal ends the service manager, and the report warns about machines", () => {
  expect(lines({ on_fatal: "shutdown" })).toContain("FailureAction=exit");
  expect(entryOf(web({ on_fatal: "shutdown" }), "on_fatal")).toMatchObject({
    outcome: "approximated",
    whatToDo: expect.stringContaining("it shuts the machine down"),
  });
  expect(lines({ on_fatal: "nothing" }).join()).not.toContain("FailureAction");
});

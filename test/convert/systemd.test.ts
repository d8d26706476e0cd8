import { describe, expect, test } from "bun:test";
import { completeUnit } from "../../src/convert/import/print-unit.ts";
import { toCron } from "../../src/convert/import/systemd/calendar.ts";
import { splitWords, toBytes, toSeconds } from "../../src/convert/import/systemd/values.ts";
import { entryOf, importFiles, unitOf, valueOf } from "./files.ts";

/** Imports a service with these lines in `[Service]`. */
const service = (...lines: string[]) => importFiles({ "/etc/systemd/system/web.service": `[Service]\n${lines.join("\n")}\n` });
const web = (...lines: string[]) => unitOf(service(...lines), "web").json;
const units = (files: Record<string, string>) =>
  importFiles(Object.fromEntries(Object.entries(files).map(([name, text]) => [`/etc/systemd/system/${name}`, text])));

test("a usual service", () => {
  const imported = units({
    "web.service": `[Unit]
Description=The shop
After=network.target db.service
Requires=db.service

[Service]
User=www-data
WorkingDirectory=/srv/web
Environment=NODE_ENV=production "GREETING=hello world"
EnvironmentFile=-/etc/default/web
ExecStart=/usr/bin/node server.js --port 80
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
LimitNOFILE=65536
MemoryMax=512M

[Install]
WantedBy=multi-user.target
`,
    "db.service": "[Service]\nExecStart=/usr/bin/db\n",
  });
  expect(unitOf(imported, "web").json).toEqual({
    description: "The shop",
    enabled: true,
    command: "/usr/bin/node",
    args: ["server.js", "--port", "80"],
    working_directory: "/srv/web",
    environment: { NODE_ENV: "${NODE_ENV:-production}", GREETING: "${GREETING:-hello world}" },
    environment_files: ["-/etc/default/web"],
    user: "www-data",
    limits: { nofile: 65_536 },
    restart_on_exit: true,
    restart_policy: { retry_delay: 5, backoff_multiplier: 1, max_retries: -1 },
    graceful_shutdown: { timeout: 90 },
    reload: { signal: "SIGHUP" },
    dependencies: ["db"],
    resource_limits: { max_memory_mb: 512, action: "enforce" },
  });
  expect(entryOf(imported, "After", "web")).toMatchObject({ outcome: "dropped", how: expect.stringContaining("needs no network.target") });
});

describe("the file", () => {
  test("a backslash continues a line, also over comments", () => {
    expect(web("ExecStart=/bin/echo a \\", "# no", "  b \\", "  c")).toMatchObject({ args: ["a", "b", "c"] });
  });
  test("the spaces at the beginning of a continuation stay", () => {
    expect(web("ExecStart=/bin/sh -c 'a || \\", "  b'")).toMatchObject({ args: ["-c", "a ||    b"] });
  });
  test("an empty assignment resets a list, in a drop-in too", () => {
    const imported = importFiles(
      {
        "/s/web.service": "[Service]\nExecStart=/bin/a\nEnvironment=A=1\n",
        "/s/web.service.d/20-x.conf": "[Service]\nExecStart=\nExecStart=/bin/b\n",
        "/s/web.service.d/10-y.conf": "[Service]\nExecStart=\nExecStart=/bin/c\nEnvironment=B=2\n",
      },
      ["/s/web.service"],
    );
    expect(unitOf(imported, "web").json).toMatchObject({ command: "/bin/b", environment: { A: "1", B: "2" } });
  });
  test("CRLF, and a line that is neither section nor key", () => {
    const imported = importFiles({ "/s/web.service": "[Service]\r\nExecStart=/bin/a\r\nnonsense\r\n" });
    expect(unitOf(imported, "web").json.command).toBe("/bin/a");
    expect(entryOf(imported, "nonsense")).toMatchObject({ outcome: "dropped", where: "/s/web.service:3" });
  });
  test("an unknown key is named", () => {
    expect(entryOf(service("ExecStart=/bin/a", "ExecStrat=/bin/b"), "ExecStrat")).toMatchObject({
      outcome: "dropped",
      how: expect.stringContaining("systemd does not know this key either"),
    });
  });
  test("keys with the names of properties of every object are unknown keys", () => {
    const imported = service("ExecStart=/bin/a", "__proto__=1", "constructor=2", "toString=3", "Environment=__proto__=4 A=5");
    expect(unitOf(imported, "web").json.environment).toEqual({ A: "5" });
    for (const key of ["__proto__", "constructor", "toString", "environment __proto__"])
      expect(entryOf(imported, key)?.outcome).toBe("dropped");
  });
  test("an empty assignment is reported, and removes all capabilities", () => {
    const imported = service("ExecStart=/bin/a", "CapabilityBoundingSet=", "ReadWritePaths=");
    expect(valueOf(imported, "CapabilityBoundingSet", "sandbox.capabilities")).toEqual([]);
    expect(entryOf(imported, "ReadWritePaths")?.outcome).toBe("carried");
  });
  test.each([
    ["x.target", "[Unit]\nDescription=x\n", "a target runs no process"],
    ["x.path", "[Path]\nPathExists=/x\n", "when a file appears"],
    ["x.timer", "[Timer]\nOnCalendar=daily\n", "without the unit that it starts: x.service"],
    ["x.service", "[Service]\nExecStart={{ cmd }}\n", "the file is a template (Jinja)"],
    ["x.service", "[Service]\nUser=a\n", "it has no command"],
  ])("%s is refused with the reason: %#", (name, text, reason) => {
    expect(units({ [name]: text }).problems.map(({ message }) => message)).toEqual([expect.stringContaining(reason)]);
  });
});

describe("commands", () => {
  test.each([
    [`a"b c"d 'e f' "g\\"h" i\\x41`, ["ab cd", "e f", 'g"h', "iA"]],
    ["50%% $$x ${A} x${A}y", ["50%%", "$x", "${A:-}", "x${A:-}y"]],
    ["a$B", ["a$B"]],
    ["$UNSET x", ["x"]],
    ["%p-%N %n", ["web-web", "web.service"]],
    ["%t/x %S %h", ["/run/x", "/var/lib", `/${"root"}`]],
    ['"" x', ["", "x"]],
  ])("%s", (line, args) => expect(web(`ExecStart=/bin/echo ${line}`).args).toEqual(args));

  test("$VAR of Environment= is split into words", () => {
    expect(web('Environment="OPTS=-a \\"b c\\""', "ExecStart=/bin/echo $OPTS ${OPTS}").args).toEqual(["-a", "b c", "${OPTS:-}"]);
  });
  test("$VAR of a file needs a shell", () => {
    expect(web("EnvironmentFile=/etc/default/x", 'ExecStart=/bin/d --name "x y" $OPTS "a$$b"')).toMatchObject({
      command: 'set -f; exec /bin/d --name "x y" $OPTS "a\\$b"',
      shell: true,
    });
  });
  test("a secret that a file may override is in a file before it", () => {
    const imported = service("EnvironmentFile=/etc/default/x", "Environment=API_TOKEN=abc A=1", "ExecStart=/bin/a");
    const unit = unitOf(imported, "web");
    expect(unit.secrets).toEqual({ API_TOKEN: "abc" });
    expect(completeUnit(unit, "/u/web.env")).toMatchObject({
      environment: { A: "${A:-1}" },
      environment_files: ["/u/web.env", "/etc/default/x"],
    });
  });
  test("prefixes: - on a hook, @ and +", () => {
    const imported = service("ExecStartPre=-/bin/a x", "ExecStart=@/bin/b name y", "ExecStartPre=+/bin/c");
    expect(unitOf(imported, "web").json).toMatchObject({
      command: "/bin/b",
      args: ["y"],
      pre_start: [{ command: "/bin/sh", args: ["-c", '"$@" || :', "sh", "/bin/a", "x"] }, { command: "/bin/c" }],
    });
    expect(entryOf(imported, "ExecStart @")?.outcome).toBe("approximated");
    expect(entryOf(imported, "ExecStartPre +")?.outcome).toBe("approximated");
  });
  test("several commands of a oneshot, also in one line", () => {
    expect(web("Type=oneshot", "ExecStart=/bin/a ; /bin/b", "ExecStart=/bin/c \\; d")).toMatchObject({
      type: "oneshot",
      command: "/bin/c",
      args: [";", "d"],
      pre_start: [{ command: "/bin/a" }, { command: "/bin/b" }],
    });
  });
  test("a backslash and a semicolon are no separator, and no escaped separator", () => {
    expect(web(String.raw`ExecStart=/bin/a "\\;" \\; ";"`)).toMatchObject({ command: "/bin/a", args: ["\\;", "\\;", ";"] });
  });
  test.each([
    ["/bin/kill -HUP $MAINPID", "SIGHUP"],
    ["/bin/kill -s USR2 ${MAINPID}", "SIGUSR2"],
    ["/usr/bin/kill $MAINPID", "SIGTERM"],
    ["kill --signal=12 $MAINPID", "SIGUSR2"],
  ])("ExecReload=%s is a signal", (line, signal) => {
    expect(web("ExecStart=/bin/a", `ExecReload=${line}`).reload).toEqual({ signal });
  });
  test("ExecStop of a service is dropped with advice; of a oneshot it is post_stop", () => {
    expect(entryOf(service("ExecStart=/bin/a", "ExecStop=/bin/b"), "ExecStop")).toMatchObject({
      outcome: "dropped",
      whatToDo: expect.stringContaining("graceful_shutdown"),
    });
    expect(web("Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/a", "ExecStop=/bin/b")).toMatchObject({
      remain_after_exit: true,
      post_stop: [{ command: "/bin/b" }],
    });
  });
  test("Type=forking is not enabled, and the report says what to do", () => {
    const imported = units({
      "d.service": "[Service]\nType=forking\nExecStart=/usr/sbin/d\nPIDFile=/run/d.pid\n[Install]\nWantedBy=multi-user.target\n",
    });
    expect(unitOf(imported, "d").json.enabled).toBeUndefined();
    expect(entryOf(imported, "Type")).toMatchObject({ outcome: "approximated", whatToDo: expect.stringContaining("in the foreground") });
  });
});

describe("restarts", () => {
  test.each([
    [[], { auto_restart: false }],
    [["Restart=on-failure"], { restart_policy: { retry_delay: 0.1, backoff_multiplier: 1, max_retries: 4, reset_after: 10 } }],
    [["Restart=on-success"], { auto_restart: false, restart_on_exit: true }],
    [
      ["Restart=on-failure", "RestartSec=1min", "StartLimitBurst=3", "StartLimitIntervalSec=10min"],
      { restart_policy: { retry_delay: 60, backoff_multiplier: 1, max_retries: 2, reset_after: 600 } },
    ],
    [["Restart=on-failure", "StartLimitIntervalSec=0"], { restart_policy: { retry_delay: 0.1, backoff_multiplier: 1, max_retries: -1 } }],
    [
      ["Restart=on-failure", "RestartSec=1", "RestartSteps=3", "RestartMaxDelaySec=8"],
      { restart_policy: { backoff_multiplier: 2, max_backoff: 8 } },
    ],
    [["SuccessExitStatus=143 TEMPFAIL SIGKILL"], { success_exit_codes: [0, 143, 75] }],
    [["Restart=always", "RestartPreventExitStatus=255 0"], { no_restart_exit_codes: [255] }],
  ])("%p", (lines, expected) => expect(web("ExecStart=/bin/a", ...lines)).toMatchObject(expected));
  test("timeouts and watchdog", () => {
    expect(web("Type=notify", "ExecStart=/bin/a", "TimeoutSec=20", "WatchdogSec=30s")).toMatchObject({
      type: "notify",
      start_timeout: 20,
      graceful_shutdown: { timeout: 20 },
      watchdog: 30,
    });
  });
});

describe("other units", () => {
  test("a socket belongs to its service", () => {
    const imported = units({
      "web.service": "[Unit]\nRequires=web.socket\n[Service]\nExecStart=/bin/a\n",
      "web.socket":
        "[Socket]\nListenStream=8080\nListenStream=127.0.0.1:81\nListenStream=/run/web.sock\nListenStream=@abstract\nListenDatagram=53\nSocketMode=0660\n",
    });
    expect(unitOf(imported, "web").json.sockets).toEqual([
      { name: "web.socket", listen: "*:8080" },
      { name: "web.socket-2", listen: "127.0.0.1:81" },
      { name: "web.socket-3", listen: "/run/web.sock" },
    ]);
    expect(
      imported.report.filter(({ outcome, field }) => outcome === "dropped" && /Listen|Socket/.test(field)).map(({ field }) => field),
    ).toEqual(["ListenStream", "ListenDatagram", "SocketMode"]);
  });
  test("a timer is the schedule of its service", () => {
    const imported = units({
      "backup.service": "[Service]\nExecStart=/bin/backup\n",
      "backup.timer": "[Timer]\nOnCalendar=Mon..Fri 02:30\nPersistent=true\nRandomizedDelaySec=1h\n[Install]\nWantedBy=timers.target\n",
    });
    expect(unitOf(imported, "backup").json).toMatchObject({ type: "oneshot", schedule: { cron: "30 2 * * 1-5", catch_up: true } });
    expect(entryOf(imported, "RandomizedDelaySec")?.outcome).toBe("dropped");
  });
  test("Before=, PartOf= and Wants= between imported units; a circle is broken and reported", () => {
    const imported = units({
      "a.service": "[Unit]\nBefore=b.service\nAfter=c.service\n[Service]\nExecStart=/a\n",
      "b.service": "[Unit]\nPartOf=c.service\nWants=gone.service\n[Service]\nExecStart=/b\n",
      "c.service": "[Unit]\nAfter=b.service\n[Service]\nExecStart=/c\n",
    });
    expect(unitOf(imported, "a").json.dependencies).toEqual([{ unit: "c", required: false }]);
    expect(unitOf(imported, "b").json.dependencies).toEqual([
      { unit: "a", required: false },
      { unit: "c", required: false, restart: true },
    ]);
    expect(unitOf(imported, "c").json.dependencies).toBeUndefined();
    expect(entryOf(imported, "After", "c")).toMatchObject({ outcome: "dropped", how: "the dependency on b closes a circle" });
    expect(entryOf(imported, "Wants", "b")).toMatchObject({ outcome: "dropped", how: "gone.service is not among the imported units" });
  });
  test("templates and their instances", () => {
    const imported = units({
      "w@.service": "[Service]\nExecStart=/w %i %N\n",
      "all.service": "[Unit]\nRequires=w@one.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    });
    expect(unitOf(imported, "w@").json).toMatchObject({ args: ["%i", "w@%i"] });
    expect(unitOf(imported, "all").json.dependencies).toEqual(["w@one"]);
  });
  test("conditions are reported with the value that they will have; an assertion is a pre_start command", () => {
    const imported = units({ "a.service": "[Unit]\nConditionPathExists=!/etc/off\nAssertPathExists=/etc/%p\n[Service]\nExecStart=/a\n" });
    expect(valueOf(imported, "ConditionPathExists", "conditions")).toEqual([{ path_exists: "/etc/off", not: true }]);
    expect(unitOf(imported, "a").json.pre_start).toEqual([{ command: "test", args: ["-e", "/etc/a"] }]);
  });
});

test.each([
  ["daily", "0 0 * * *", null],
  ["Mon,Wed..Fri *-*-* 10:05", "5 10 * * 1,3-5", null],
  ["*-*-01,15 04:00:00 Europe/Berlin", "0 4 1,15 * *", "Europe/Berlin"],
  ["*:0/15", "0-59/15 * * * *", null],
  ["00/3:00", "0 0-23/3 * * *", null],
  ["Sat..Sun 09:00", "0 9 * * 6-7", null],
  ["*-1..3-* *:30", "30 * * 1-3 *", null],
])("OnCalendar=%s", (text, cron, timezone) => expect(toCron(text)).toEqual({ ok: true, value: { cron, timezone, note: null } }));

test.each(["2026-01-01", "*-*~3", "Mon *-*-1..7", "*:*:0/10", "nonsense", "25:00", "*-13-*"])(
  "OnCalendar=%s has no cron expression",
  (text) => {
    expect(toCron(text).ok).toBe(false);
  },
);

test("time spans, sizes and words", () => {
  expect(["90", "1min 30s", "1.5h", "500ms", "infinity", "2d", "x", ""].map(toSeconds)).toEqual([
    90,
    90,
    5400,
    0.5,
    Infinity,
    172_800,
    null,
    null,
  ]);
  expect(["1024", "512M", "1.5G", "infinity", "50%"].map(toBytes)).toEqual([1024, 536_870_912, 1_610_612_736, Infinity, null]);
  expect(splitWords('a "b')).toBeNull();
});

import { describe, expect, test } from "bun:test";
import { entryOf, importFiles, outcomes, unitOf, valueOf } from "./files.ts";

describe("Procfile", () => {
  const procfile = (text: string, files: Record<string, string> = {}) =>
    importFiles({ "/srv/app/Procfile": text, ...files }, ["/srv/app/Procfile"]);
  test("process types, ports and a release", () => {
    const imported = procfile(
      "web: gunicorn app -b :$PORT\nworker: celery -A app worker\n# note\n\napi:  node api.js --port ${PORT:-1}\nrelease: ./migrate 'a  b'",
    );
    expect(imported.formats).toEqual(["procfile"]);
    expect(imported.units.map(({ name, json }) => [name, json.command, json.port, json.enabled, json.type])).toEqual([
      ["web", "gunicorn app -b :$PORT", 5000, true, undefined],
      ["worker", "celery -A app worker", undefined, true, undefined],
      ["api", "node api.js --port ${PORT:-1}", 5200, true, undefined],
      ["release", "./migrate 'a  b'", undefined, false, "oneshot"],
    ]);
    expect(unitOf(imported, "web").json).toMatchObject({ shell: true, working_directory: "/srv/app", restart_on_exit: true });
  });
  test("a .env beside it is read at each start; its PORT is the first port", () => {
    const imported = procfile("web: x $PORT\r\ncss: y\r\n", { "/srv/app/.env": "SECRET=1\nPORT=8000\n" });
    expect(unitOf(imported, "web").json).toMatchObject({ port: 8000, environment: { PORT: "8000" }, environment_files: ["/srv/app/.env"] });
    expect(JSON.stringify(imported.units)).not.toContain("SECRET");
  });
  test("a % in a command stays literal", () => {
    expect(unitOf(procfile("clock: date +%H%%"), "clock").json.command).toBe("date +%%H%%%%");
  });
  test("duplicates, lines of another form, and a bad .env are reported", () => {
    const imported = procfile("web: a\nnonsense here\nweb: b\n", { "/srv/app/.env": "1X=y\n" });
    expect(unitOf(imported, "web").json.command).toBe("b");
    expect(imported.report.filter(({ outcome }) => outcome === "dropped").map(({ field, where }) => [field, where])).toEqual([
      [".env", "/srv/app/.env:1"],
      ["nonsense here", "/srv/app/Procfile:2"],
      ["web", "/srv/app/Procfile:1"],
    ]);
  });
  test("a Procfile for development is not enabled", () => {
    expect(importFiles({ "/a/Procfile.dev": "web: x\n" }).units[0]!.json.enabled).toBe(false);
  });
  test("recognised by content under another name", () => {
    expect(importFiles({ "/a/procs": "web: bin/x --y=1\nworker: z\n" }).formats).toEqual(["procfile"]);
  });
});

describe("process-compose", () => {
  const compose = (text: string, files: Record<string, string> = {}) =>
    importFiles({ "/srv/process-compose.yaml": text, ...files }, ["/srv/process-compose.yaml"]);
  test("nearly one to one", () => {
    const imported = compose(`
version: "0.5"
environment:
  - "A=1"
processes:
  db:
    command: postgres -D /data
    namespace: back
    availability: { restart: on_failure, backoff_seconds: 2, max_restarts: 5 }
    readiness_probe:
      http_get: { host: 127.0.0.1, port: 8080, path: /live?x=50%25 }
      initial_delay_seconds: 3
      period_seconds: 5
    shutdown: { signal: 2, timeout_seconds: 30, parent_only: true }
  migrate:
    command: "./migrate && echo done"
    depends_on: { db: { condition: process_healthy } }
  web:
    command: node server.js
    working_dir: web
    environment: { B: two, DB_PASSWORD: hush }
    depends_on:
      migrate: { condition: process_completed_successfully }
      gone: {}
    availability: { restart: always }
    liveness_probe: { exec: { command: "curl -f localhost" } }
    disabled: true
`);
    expect(unitOf(imported, "db").json).toEqual({
      enabled: true,
      groups: ["back"],
      command: "postgres",
      args: ["-D", "/data"],
      working_directory: "/srv",
      environment: { A: "1" },
      health_check: {
        type: "http",
        endpoint: "http://127.0.0.1:8080/live?x=50%%25",
        expected_status: 200,
        interval: 5,
        timeout: 1,
        start_period: 3,
        failure_threshold: 3,
      },
      restart_policy: { max_retries: 5, retry_delay: 2, backoff_multiplier: 1 },
      graceful_shutdown: { signal: "SIGINT", timeout: 30, kill_mode: "mixed" },
    });
    expect(unitOf(imported, "migrate").json).toMatchObject({
      type: "oneshot",
      command: "bash",
      args: ["-c", "./migrate && echo done"],
      auto_restart: false,
      dependencies: [{ unit: "db", condition: "ready" }],
    });
    const web = unitOf(imported, "web");
    expect(web.json).toMatchObject({
      enabled: false,
      working_directory: "/srv/web",
      environment: { A: "1", B: "two" },
      restart_on_exit: true,
      restart_policy: { max_retries: -1, retry_delay: 1, backoff_multiplier: 1 },
      dependencies: [{ unit: "migrate", condition: "succeeded" }],
      health_check: { type: "exec", command: "curl", args: ["-f", "localhost"], interval: 10, timeout: 1, failure_threshold: 3 },
    });
    expect(web.secrets).toEqual({ DB_PASSWORD: "hush" });
    expect(entryOf(imported, "depends_on.gone")?.outcome).toBe("dropped");
  });
  test("variables of process-compose's environment, $$, and vars", () => {
    const imported = compose(`
vars: { PORT: 80 }
processes:
  a: { command: "echo $HOME \${X} $$Y {{.PORT}} {{.NOPE}}", environment: ["Z=\${X}/z", "P=$$5"] }
`);
    expect(unitOf(imported, "a").json).toMatchObject({
      args: ["-c", "echo $HOME $${X} $Y 80 {{.NOPE}}"],
      environment: { Z: "${X:-}/z", P: "$5" },
    });
    expect(entryOf(imported, "variables")).toMatchObject({ how: expect.stringContaining("reads X from its own environment") });
    expect(entryOf(imported, "templates")).toMatchObject({ how: "{{.NOPE}} could not be filled" });
  });
  test("replicas, entrypoint, schedule, and a .env beside the file", () => {
    const imported = compose(
      `
processes:
  w: { entrypoint: [/bin/w, "a b", "50%"], replicas: 2 }
  n: { entrypoint: [/bin/n, "a b", "50%", "{{.PC_REPLICA_NUM}}"], replicas: 2 }
  job: { command: backup, schedule: { cron: "0 2 * * *", timezone: Europe/Berlin, max_concurrent: 1, run_on_start: true } }
  x: { command: exit 1, depends_on: { n: { condition: process_started }, w: {} } }
`,
      { "/srv/.env": "A=1\n" },
    );
    expect(imported.units.map(({ name }) => name)).toEqual(["w", "n-0", "n-1", "job", "x"]);
    expect(unitOf(imported, "w").json).toMatchObject({ instances: 2, environment: { PC_REPLICA_NUM: "%i" } });
    expect(unitOf(imported, "n-1").json).toMatchObject({
      args: ["a b", "50%%", "1"],
      environment: { PC_REPLICA_NUM: "1" },
      environment_files: ["/srv/.env"],
    });
    expect(unitOf(imported, "job").json).toMatchObject({ type: "oneshot", schedule: { cron: "0 2 * * *", timezone: "Europe/Berlin" } });
    expect(unitOf(imported, "x").json).toMatchObject({
      command: "bash",
      args: ["-c", "exit 1"],
      dependencies: [
        { unit: "n-0", condition: "started" },
        { unit: "n-1", condition: "started" },
        { unit: "w", condition: "started" },
      ],
    });
    expect(entryOf(imported, "schedule.run_on_start")?.outcome).toBe("dropped");
  });
  test("what sup cannot do is dropped with a reason", () => {
    const imported = compose(`
log_location: /x
processes:
  a: { command: a, ready_log_line: "up.*", is_interactive: true, is_daemon: true, log_location: /y, nonsense: 1, x-own: 2 }
  b: { command: b, shutdown: { command: stop } }
`);
    expect(unitOf(imported, "a").json.enabled).toBe(false);
    expect(valueOf(imported, "ready_log_line", "ready_log")).toBe("/up.*/");
    expect(outcomes(imported)).toEqual(
      expect.arrayContaining([
        "is_interactive: dropped",
        "nonsense: dropped",
        "shutdown.command: dropped",
        "log_location: dropped",
        "log_location: approximated",
        "is_daemon: approximated",
      ]),
    );
    expect(outcomes(imported).join()).not.toContain("x-own");
  });
  test("a process on a terminal stays on one", () => {
    const imported = compose("processes:\n  a: { command: a, is_tty: true }\n  b: { command: b, is_tty: false }\n");
    expect([unitOf(imported, "a").json.tty, unitOf(imported, "b").json.tty]).toEqual([true, undefined]);
    expect(entryOf(imported, "is_tty")?.outcome).toBe("carried");
  });
  test("a command that starts something in the background, and one that stops it", () => {
    const imported = compose(`
shell: { command: /bin/zsh, shell_command: zsh }
processes:
  db: { command: "docker compose up -d", is_daemon: true, shutdown: { command: "docker compose down" }, readiness_probe: { exec: { command: x } } }
  web: { command: web, environment: ["URL=\${HOST:-localhost}:\${PORT}"], depends_on: { db: { condition: process_healthy } } }
`);
    expect(unitOf(imported, "db").json).toMatchObject({
      type: "oneshot",
      remain_after_exit: true,
      post_stop: [{ command: "docker", args: ["compose", "down"] }],
    });
    expect(unitOf(imported, "web").json).toMatchObject({
      environment: { URL: "${HOST:-localhost}:${PORT:-}" },
      dependencies: [{ unit: "db", condition: "succeeded" }],
    });
    expect(entryOf(imported, "shell.command")?.outcome).toBe("dropped");
    expect(entryOf(imported, "variables")?.how).toContain("reads PORT from");
  });
  test.each([
    ["processes: [", "not valid YAML"],
    ["processes:\n  a: {{ x }}\n", "template"],
    ["processes: 1\n", 'no object "processes"'],
    [
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${Array.from(
        { length: 8 },
        (_, n) =>
          `a${n}: &a${n} [${Array(10)
            .fill(`*a${n === 0 ? "" : n - 1}`)
            .join()}]`,
      ).join("\n")}\n`,
      "not valid YAML",
    ],
  ])("refused with the reason: %#", (text, reason) => {
    expect(importFiles({ "/a/process-compose.yml": text }, undefined, { format: "process-compose" }).problems[0]!.message).toContain(
      reason,
    );
  });
});

const PROCESS_KEYS = "entrypoint working_dir environment env_file availability depends_on readiness_probe liveness_probe ready_log_line shutdown schedule success_exit_codes vars is_dotenv_disabled description namespace disabled is_disabled replicas log_location is_daemon is_tty is_interactive is_foreground is_elevated is_strict log_configuration disable_ansi_colors launch_timeout_seconds watch extends invented".split(" "); // prettier-ignore

test.each(PROCESS_KEYS)("process-compose: %s is in the report, whatever its value is", (key) => {
  for (const value of ["x", "1", "true", "false", "[a]", "{ a: b }"]) {
    const imported = importFiles({ "/a/process-compose.yaml": `processes:\n  a:\n    command: z\n    ${key}: ${value}\n` });
    const reported = imported.report.some(({ field }) => field === key || field.startsWith(`${key}.`));
    expect({ value, units: imported.units.length, reported }).toEqual({ value, units: 1, reported: true });
  }
});

test("a compose file is refused, and the reason says why", () => {
  const imported = importFiles({
    "/a/compose.yaml": "services:\n  web:\n    image: nginx\n",
    "/b/x.yml": "version: '3'\nservices:\n  web: { build: . }\n",
  });
  expect(imported.units).toEqual([]);
  expect(imported.problems.map(({ message }) => message)).toEqual([
    expect.stringContaining("are containers"),
    expect.stringContaining("are containers"),
  ]);
});

describe("services JSON", () => {
  test("the keys of a unit file, and those of other supervisors", () => {
    const imported = importFiles({
      "/a/services.json": `{ // note
        "services": {
          "db": { "command": "db", "environment": { "DB_PASSWORD": "x", "N": 3 } },
          "web": { "command": "node", "args": ["a"], "dependencies": ["db", "gone"], "autostart": true, "instances": 2, "rolling": { "max_surge": 1 }, "colour": "red", "restart_policy": { "max_retries": 3 } }
        }
      }`,
    });
    expect(imported.formats).toEqual(["services"]);
    expect(unitOf(imported, "db")).toMatchObject({ json: { environment: { N: "3" } }, secrets: { DB_PASSWORD: "x" } });
    expect(unitOf(imported, "web").json).toMatchObject({
      enabled: true,
      command: "node",
      args: ["a"],
      restart_policy: { max_retries: 3 },
      dependencies: ["db"],
      instances: 2,
    });
    expect(valueOf(imported, "rolling", "rolling")).toEqual({ max_surge: 1 });
    expect(entryOf(imported, "colour")).toMatchObject({ outcome: "dropped" });
  });
  test("a value of the wrong type is dropped, and the unit is still valid", () => {
    const imported = importFiles({ "/a/s.json": '{"services":{"a":{"command":"x","nice":"low","priority":5}}}' });
    expect(unitOf(imported, "a").json).toEqual({ priority: 5, command: "x" });
    expect(entryOf(imported, "nice", "a")).toBeDefined();
    expect(imported.report.some(({ field, outcome }) => field === "nice" && outcome === "dropped")).toBe(true);
  });
});

describe("runit and s6", () => {
  test("a directory of runit", () => {
    const imported = importFiles(
      {
        "/etc/sv/web/run*": "#!/bin/sh\nexec chpst -u www node x.js 2>&1\n",
        "/etc/sv/web/finish*": '#!/bin/sh\necho "$1"\n',
        "/etc/sv/web/check*": "#!/bin/sh\n",
        "/etc/sv/web/log/run*": "#!/bin/sh\nexec svlogd .\n",
        "/etc/sv/web/control/t*": "#!/bin/sh\n",
        "/etc/sv/off/run": "#!/bin/sh\n",
        "/etc/sv/off/down": "",
        "/etc/sv/README": "x",
      },
      ["/etc/sv"],
    );
    expect(imported.formats).toEqual(["runit"]);
    expect(unitOf(imported, "web").json).toEqual({
      enabled: true,
      command: "/etc/sv/web/run",
      working_directory: "/etc/sv/web",
      post_stop: [{ command: "/etc/sv/web/finish" }],
      health_check: { type: "exec", command: "/etc/sv/web/check", action: "none" },
      restart_on_exit: true,
      restart_policy: { max_retries: -1, retry_delay: 1, backoff_multiplier: 1 },
      graceful_shutdown: { kill_mode: "mixed" },
    });
    expect(unitOf(imported, "off").json.enabled).toBe(false);
    expect(entryOf(imported, "run", "off")).toMatchObject({ outcome: "approximated", whatToDo: "chmod +x /etc/sv/off/run" });
    expect(entryOf(imported, "control/t", "web")?.outcome).toBe("dropped");
  });
  test("definitions of s6-rc: longrun, oneshot, bundle, dependencies", () => {
    const imported = importFiles(
      {
        "/s/web/type": "longrun\n",
        "/s/web/run*": "#!/command/with-contenv sh\nexec web\n",
        "/s/web/notification-fd": "3\n",
        "/s/web/timeout-kill": "5000\n",
        "/s/web/down-signal": "SIGINT",
        "/s/web/dependencies.d/init": "",
        "/s/web/dependencies.d/base": "",
        "/s/init/type": "oneshot\n",
        "/s/init/up": "/etc/init.sh --all\n",
        "/s/init/down": 'foreground { echo "bye" }\n',
        "/s/user/type": "bundle\n",
        "/s/user/contents.d/web": "",
      },
      ["/s"],
    );
    expect(unitOf(imported, "web").json).toMatchObject({
      command: "/s/web/run",
      groups: ["user"],
      dependencies: ["init"],
      graceful_shutdown: { signal: "SIGINT", timeout: 5 },
    });
    expect(unitOf(imported, "init").json).toEqual({
      enabled: true,
      type: "oneshot",
      remain_after_exit: true,
      command: "/etc/init.sh",
      args: ["--all"],
      post_stop: [{ command: "execlineb", args: ["-P", "/s/init/down"] }],
      auto_restart: false,
    });
    expect(entryOf(imported, "notification-fd")?.outcome).toBe("dropped");
  });
  test("an ordinary service directory of s6 with `down`", () => {
    const imported = importFiles({ "/s/a/run*": "#!/usr/bin/execlineb -P\na\n", "/s/a/down": "" }, ["/s/a"]);
    expect(imported.formats).toEqual(["s6"]);
    expect(unitOf(imported, "a").json.enabled).toBe(false);
  });
});

describe("recognising a format", () => {
  test.each([
    ["/a/x.conf", "[program:x]\ncommand=y\n", ["supervisord"]],
    ["/a/x", "[Unit]\nDescription=d\n[Service]\nExecStart=/y\n", ["systemd"]],
    ["/a/x.yaml", "processes:\n  a:\n    command: b\n", ["process-compose"]],
    ["/a/x.json", '{"services": {"a": {"command": "b"}}}', ["services"]],
  ])("%s", (path, text, formats) => expect(importFiles({ [path]: text }).formats as string[]).toEqual(formats));
  test.each([
    ["/a/x.txt", "", "it is empty"],
    ["/a/x.bin", "a\0b", "not a text file"],
    ["/a/x.ini", "[core]\neditor=vi\n", "an INI file without a [program:x] section"],
    ["/a/x.md", "Some words.\nMore words.\n", "its format is unknown"],
  ])("%s is refused with the reason", (path, text, reason) => {
    expect(importFiles({ [path]: text }).problems[0]!.message).toContain(reason);
  });
  test("a missing file, and a directory without anything to import", () => {
    expect(importFiles({ "/a/b.md": "x" }, ["/gone", "/a"]).problems.map(({ message }) => message)).toEqual([
      "cannot read it: no such file or directory",
      "cannot find anything to import in this directory",
    ]);
  });
});

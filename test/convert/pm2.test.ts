import { describe, expect, test } from "bun:test";
import { mustRun } from "../../src/convert/import/pm2/pm2.ts";
import { readJs } from "../../src/convert/import/pm2/read-js.ts";
import { wordsOf } from "../../src/convert/import/pm2/words.ts";
import { entryOf, importFiles, outcomes, unitOf } from "./files.ts";

const PATH = "/srv/app/ecosystem.config.js";
const ecosystem = (text: string, files: Record<string, string> = {}) => importFiles({ [PATH]: text, ...files }, [PATH]);
/** Imports one app, given as the text of an object literal. */
const app = (text: string) => ecosystem(`module.exports = { apps: [${text}] }`);

test("an app that says autorestart: true restarts after a clean exit too, as PM2 does", () => {
  expect(unitOf(app(`{ name: "a", script: "a.js", autorestart: true }`), "a").json.restart_on_exit).toBe(true);
  expect(unitOf(app(`{ name: "a", script: "a.js", autorestart: true, stop_exit_codes: [0] }`), "a").json.restart_on_exit).toBeUndefined();
});

test("a usual file", () => {
  const imported = app(`{
    name: "api", script: "./dist/server.js", cwd: "/srv/api", args: "--verbose --name 'a b'", node_args: ["--enable-source-maps"],
    env: { NODE_ENV: "production", PORT: 3000, API_KEY: "s3cret", FLAG: true }, env_staging: { NODE_ENV: "staging" },
    max_memory_restart: "300M", max_restarts: 10, exp_backoff_restart_delay: 100, min_uptime: "10s", kill_timeout: 5000,
    listen_timeout: 8000, watch: ["dist"], ignore_watch: ["node_modules", "*.log"], out_file: "/var/log/api.log", time: true,
    namespace: "shop", wait_ready: true, wach: true, source_map_support: false,
  }`);
  const unit = unitOf(imported, "api");
  expect(unit.json).toEqual({
    enabled: true,
    groups: ["shop"],
    command: "node",
    args: ["--enable-source-maps", "/srv/api/dist/server.js", "--verbose", "--name", "a b"],
    working_directory: "/srv/api",
    environment: { NODE_ENV: "production", FLAG: "true" },
    port: 3000,
    start_timeout: 8,
    restart_on_exit: true,
    restart_policy: { max_retries: 10, retry_delay: 0.1, backoff_multiplier: 1.5, max_backoff: 15, reset_after: 10 },
    graceful_shutdown: { signal: "SIGINT", timeout: 5 },
    resource_limits: { max_memory_mb: 300, action: "restart" },
    watch: { paths: ["/srv/api/dist"], ignore: ["node_modules", "node_modules/**", "*.log"] },
  });
  expect(unit.secrets).toEqual({ API_KEY: "s3cret" });
  expect(outcomes(imported).filter((each) => each.endsWith("dropped"))).toEqual([
    "env_staging: dropped",
    "wach: dropped",
    "wait_ready: dropped",
  ]);
});

describe("programs", () => {
  test.each([
    [`{ script: "a.py" }`, ["python", "/srv/app/a.py"]],
    [`{ script: "a.sh", args: ["x y"] }`, ["bash", "/srv/app/a.sh", "x y"]],
    [`{ script: "npm", args: "run start" }`, ["npm", "run", "start"]],
    [`{ script: "npm start" }`, ["bash", "-c", "npm start"]],
    [`{ script: "serve", interpreter: "none" }`, ["serve"]],
    [`{ script: "./bin/x", interpreter: "none", args: "50% \${A}" }`, ["/srv/app/bin/x", "50%%", "$${A}"]],
    [`{ script: "./x.js", interpreter: "/opt/node", interpreter_args: "--a=1" }`, ["/opt/node", "--a=1", "/srv/app/x.js"]],
    [`{ command: "x.js" }`, ["node", "/srv/app/x.js"]],
    [`{ script: "../y.mjs", cwd: "./sub" }`, ["node", "/srv/app/y.mjs"]],
  ])("%s", (text, argv) => {
    const { json } = app(text).units[0]!;
    expect([json.command, ...((json.args ?? []) as string[])] as unknown).toEqual(argv);
  });
  test.each([
    ["--a 'b c' d", ["--a", "b c", "d"]],
    ['--x="a b" "q"', ['--x="a b"', "q"]],
    ["  ", []],
  ])("args %p are split as PM2 splits them", (text, words) => expect(wordsOf(text)).toEqual(words));
});

describe("instances", () => {
  test("in fork mode; PORT is counted up if increment_var says so", () => {
    expect(unitOf(app(`{ name: "w", script: "w.js", instances: "3", env: { PORT: 80 }, increment_var: "PORT" }`), "w").json).toMatchObject({
      instances: 3,
      port: 80,
      environment: { NODE_APP_INSTANCE: "%i" },
    });
    const shared = unitOf(app(`{ name: "w", script: "w.js", instances: 2, env: { PORT: 80 }, instance_var: "N" }`), "w").json;
    expect(shared).toMatchObject({ instances: 2, environment: { PORT: "80", N: "%i" } });
    expect(shared.port).toBeUndefined();
  });
  test("another counted variable needs one unit for each instance", () => {
    const imported = app(`{ name: "w", script: "w.js", instances: 2, env: { N: 5 }, increment_var: "N" }`);
    expect(imported.units.map(({ name, json }) => [name, json.environment])).toEqual([
      ["w-0", { N: "5", NODE_APP_INSTANCE: "0" }],
      ["w-1", { N: "6", NODE_APP_INSTANCE: "1" }],
    ]);
  });
  test("in cluster mode, and with one process per processor, one instance; more need a shared socket", () => {
    for (const [text, how] of [
      [`instances: 4, exec_mode: "cluster"`, "PM2 starts 4 processes, which share a port"],
      [`instances: "max"`, "PM2 starts one process per processor"],
    ]) {
      const imported = app(`{ name: "w", script: "w.js", ${text} }`);
      expect(unitOf(imported, "w").json.instances).toBe(1);
      expect(entryOf(imported, "instances")).toMatchObject({ outcome: "approximated", how: expect.stringContaining(how!) });
    }
  });
  test("cron_restart becomes a unit with a schedule", () => {
    const imported = app(`{ name: "my app", script: "w.js", cron_restart: "0 3 * * *", autorestart: false }`);
    expect(imported.units.map(({ name }) => name)).toEqual(["my-app", "my-app-restart"]);
    expect(unitOf(imported, "my-app-restart").json).toEqual({
      type: "oneshot",
      command: "sup",
      args: ["restart", "my-app"],
      schedule: { cron: "0 3 * * *" },
    });
    expect(unitOf(imported, "my-app").json.auto_restart).toBe(false);
  });
  test("exit codes that stop", () => {
    expect(unitOf(app(`{ name: "a", script: "a.js", stop_exit_codes: [0, 3] }`), "a").json).toMatchObject({ no_restart_exit_codes: [3] });
    expect(unitOf(app(`{ name: "a", script: "a.js", stop_exit_codes: [0] }`), "a").json.restart_on_exit).toBeUndefined();
  });
});

describe("JavaScript", () => {
  test.each([
    ["module.exports = [{ script: 'a.js' }]", "a"],
    ["module.exports = { script: 'a.js' }", "a"],
    ["module.exports.apps = [{ script: `a.js` }]", "a"],
    ["exports.apps = [{ script: 'a' + '.js' }]", "a"],
    ["export default { apps: [{ script: 'a.js' }] }", "a"],
    ["'use strict'; const apps = [{ script: 'a.js', }]; module.exports = exports = { apps };", "a"],
    ["const base = { env: { A: 1 } }; module.exports = { apps: [{ ...base, script: './a.js' }] }", "a"],
    ["#!/usr/bin/env node\nconst path = require('path');\nmodule.exports = { apps: [{ script: path.join(__dirname, 'a.js') }] }", "a"],
    ["import path from 'node:path';\nexport default { apps: [{ script: path.resolve('a.js') }] }", "a"],
    ["const { name } = require('./package.json'); module.exports = { apps: [{ name: 'a', script: 'a.js' }] }", "a"],
    ["module.exports = { apps: [{ name: false ? 'b' : 'a', script: 'x.js', instances: -1 + 2 }] }", "a"],
  ])("%s", (text, name) => expect(ecosystem(text).units.map((each) => each.name)).toEqual([name]));

  test("process.env is undefined, and its names are reported", () => {
    const imported = app(
      `{ name: "a", script: "a.js", env: { PORT: process.env.PORT || 80, DB: process.env.DB_URL, X: \`\${process.env["X"] ?? "y"}z\` } }`,
    );
    expect(unitOf(imported, "a").json).toMatchObject({ port: 80, environment: { X: "yz" } });
    expect(entryOf(imported, "process.env")?.how).toContain("PORT, DB_URL, X");
    expect(entryOf(imported, "env")).toMatchObject({ outcome: "dropped", how: "DB had no value during the import" });
  });
  test.each([
    ["module.exports = { apps: [1].map(() => ({})) }", "it calls a function"],
    ["const x = require('./x'); module.exports = { apps: [{ name: x.name, script: 'a' }] }", "it calls a function"],
    ["for (;;) {}\nmodule.exports = {}", "it runs code"],
    ["module.exports = { apps: [{ script: undefinedName }] }", "it uses undefinedName, whose value is not known"],
    ["const a = b; const b = a; module.exports = a", "whose value is not known"],
    ["start(); module.exports = {}", "it runs code"],
  ])("%s must run", (text, reason) => {
    const [problem] = ecosystem(text).problems;
    expect(problem!.message).toContain(`the file must run to know its value: `);
    expect(problem!.message).toContain(reason);
    expect(problem!.hint).toContain("--allow-js");
    expect(mustRun(PATH, text)).toBe(true);
  });
  test("a syntax error is refused with its line, and the file is not run", () => {
    expect(ecosystem("module.exports = {\n  apps: [\n}").problems).toEqual([
      { where: `${PATH}:3`, message: "the file is not valid JavaScript: Unexpected token", hint: null },
    ]);
    expect(mustRun(PATH, "module.exports = {")).toBe(false);
  });
  test("__proto__ is a key like any other", () => {
    const js = readJs("module.exports = { ['__proto__']: { polluted: 1 } }", PATH);
    expect(js.ok).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
  test("deep nesting is refused", () => {
    const js = readJs(`module.exports = ${"[".repeat(50_000)}`, PATH);
    expect(js.ok).toBe(false);
  });
});

test.each([
  ["/a/process.json", '{ "apps": [{ "name": "a", "script": "a.js", "env": { "X": 1 } }] }'],
  ["/a/pm2.json", "{ apps: [{ name: 'a', script: 'a.js', /* note */ env: { X: '1' }, }] }"],
  ["/a/pm2.yaml", "apps:\n  - name: a\n    script: a.js\n    env:\n      X: 1\n"],
  ["/a/one.json", '[{ "name": "a", "script": "a.js", "env": { "X": "1" } }]'],
])("%s", (path, text) => {
  const imported = importFiles({ [path]: text });
  expect(imported.formats).toEqual(["pm2"]);
  expect(unitOf(imported, "a").json).toMatchObject({ command: "node", args: ["/a/a.js"], environment: { X: "1" } });
});

test("a .env that the file loads with dotenv is an environment file", () => {
  for (const line of [
    "require('dotenv').config();",
    "const env = require('dotenv').config({ path: '.env' });",
    "import 'dotenv/config';",
    "const dotenv = require('dotenv'); dotenv.config(); console.log(1);",
    "import { config } from 'dotenv'; config();",
  ]) {
    const text = `${line}\n${line.startsWith("import") ? "export default" : "module.exports ="} { apps: [{ name: "a", script: "a.js", env: { ...process.env, X: process.X_Y } }] };`;
    const imported = ecosystem(text, { "/srv/app/.env": "A=1\n" });
    expect({ line, files: unitOf(imported, "a").json.environment_files }).toEqual({ line, files: ["/srv/app/.env"] });
    expect(entryOf(imported, "process.env")?.how).toContain("all variables (...process.env)");
    expect(entryOf(ecosystem(text), "dotenv")?.outcome).toBe("dropped");
  }
});

test("an app without a script, and a file without apps", () => {
  expect(app("{ name: 'a' }").problems[0]!.message).toBe('cannot import the app "a": it has no script');
  expect(ecosystem("module.exports = { x: 1 }").problems[0]!.message).toBe('the file has no list "apps"');
});

const PM2_KEYS = "name cwd args node_args interpreter out_file error_file log_file pid_file disable_logs log_type log_date_format time env max_memory_restart restart_delay exp_backoff_restart_delay source_map_support wait_ready instances kill_timeout shutdown_with_message listen_timeout cron_restart merge_logs vizion autostart autorestart stop_exit_codes watch_delay watch ignore_watch watch_options min_uptime max_restarts execute_command exec_mode force append_env_to_name post_update pmx automation treekill port uid gid kill_retry_time namespace filter_env increment_var instance_var invented".split(" "); // prettier-ignore

test.each(PM2_KEYS)("%s is in the report, whatever its value is", (key) => {
  for (const value of ['"x"', "1", "true", "false", '["a"]', '{ A: "b" }']) {
    const imported = app(`{ script: "a.js", ${key}: ${value} }`);
    const fields = imported.report.map(({ field }) => (field === "exec_interpreter" ? "interpreter" : field));
    expect({ value, units: imported.units.length > 0, reported: fields.includes(key) }).toEqual({ value, units: true, reported: true });
  }
});

test("deploy is reported once", () => {
  const imported = ecosystem("module.exports = { apps: [{ script: 'a.js' }], deploy: { production: {} } }");
  expect(entryOf(imported, "deploy")).toMatchObject({ unit: null, how: "sup does not deploy" });
});

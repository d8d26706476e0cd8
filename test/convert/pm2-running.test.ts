import { describe, expect, test } from "bun:test";
import { importApps } from "../../src/convert/import/import.ts";
import { readRunningApps, type RunningApp } from "../../src/convert/import/pm2/running.ts";
import { sourceOf } from "./files.ts";

/** A process as `pm2 jlist` prints it. */
const processOf = (id: number, env: object = {}, name = "api") => ({
  pid: 100 + id,
  name,
  pm_id: id,
  pm2_env: {
    name,
    status: "online",
    exec_mode: "fork_mode",
    exec_interpreter: "node",
    pm_exec_path: "/srv/api/server.js",
    pm_cwd: "/srv/api",
    autorestart: true,
    watch: false,
    username: "deploy",
    node_args: [],
    env: { NODE_ENV: "production", PATH: "/opt/node/bin:/bin", PM2_HOME: "/x", SSH_TTY: "/dev/pts/0", PWD: "/x", api: {} },
    ...env,
  },
});

const read = (processes: readonly object[], asRoot = false): RunningApp[] => readRunningApps(JSON.stringify(processes), asRoot)!;
const unitsOf = (apps: readonly RunningApp[]) =>
  importApps(
    apps.map(({ data }) => data),
    "PM2",
    sourceOf({}),
    "/home/ann",
  ).units;

test("an app keeps its command, its directory, and its environment without the variables of a session", () => {
  const [unit, ...others] = unitsOf(read([processOf(0, { args: ["a b", "--x"] })]));
  expect(others).toEqual([]);
  expect(unit).toMatchObject({ name: "api", origin: "PM2 (api)", processes: ["api"] });
  expect(unit!.json).toMatchObject({
    command: "node",
    args: ["/srv/api/server.js", "a b", "--x"],
    working_directory: "/srv/api",
    environment: { NODE_ENV: "production", PATH: "/opt/node/bin:/bin" },
    restart_on_exit: true,
  });
  expect(unit!.json.environment).not.toContainKeys(["PM2_HOME", "SSH_TTY", "PWD", "api"]);
  expect(unit!.json.user).toBeUndefined();
});

test("processes with the same name are one app; root's units name the user of PM2", () => {
  const apps = read([processOf(0), processOf(1, { status: "stopped" }), processOf(2, {}, "other")], true);
  expect(apps.map(({ name, processes }) => [name, processes.map(({ id, status }) => [id, status])])).toEqual([
    ["api", [[0, "online"], [1, "stopped"]]],
    ["other", [[2, "online"]]],
  ]); // prettier-ignore
  expect(unitsOf(apps).map(({ name, json }) => [name, json.instances, json.user])).toEqual([
    ["api", 2, "deploy"],
    ["other", undefined, "deploy"],
  ]);
});

describe("an app that PM2 would start again although it was stopped", () => {
  test.each([
    [{ cron_restart: "0 3 * * *" }, "cron_restart"],
    [{ watch: ["dist"] }, "a watched file"],
  ])("%j", (env, words) => expect(read([processOf(0, env)])[0]!.obstacle).toContain(words));

  test.each([[{}], [{ cron_restart: "0" }], [{ watch: false }]])("but not %j", (env) =>
    expect(read([processOf(0, env)])[0]!.obstacle).toBeNull(),
  );

  test("an id that is also a name", () => {
    expect(read([processOf(7), processOf(8, {}, "7")]).map(({ obstacle }) => obstacle !== null)).toEqual([true, false]);
  });
});

test("modules of PM2 are not apps; messages before the list are skipped; anything else is null", () => {
  expect(read([processOf(0, { pmx_module: true }, "pm2-logrotate")])).toEqual([]);
  expect(readRunningApps(`>>>> In-memory PM2 is out-of-date\n${JSON.stringify([processOf(0)])}`, false)).toHaveLength(1);
  for (const output of ["", "[PM2] Spawning PM2 daemon", "[1, 2", "{}"]) expect(readRunningApps(output, false)).toBeNull();
});

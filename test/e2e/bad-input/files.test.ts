/** Unit files with errors: each is reported with its position, and none affects other units. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SUP } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { run } from "../../harness/run.ts";
import { sleeper, type UnitFile } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { tempDir } from "../../harness/temp.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon({ units: { good: sleeper({ enabled: true }) } });

const notes = async (): Promise<string> => ((await shared.daemon.json("daemon", "status")) as { notes: string[] }).notes.join("\n");

test.each([
  ["truncated", `{ "command": "sleep",`, /truncated\.unit\.json:1:\d+: error/],
  [
    "unknown-key",
    `{ "command": "sleep", "restrat_policy": {} }`,
    /1:23: error: unknown key "restrat_policy"; did you mean "restart_policy"\?/,
  ],
  ["wrong-type", `{\n  "command": "sleep",\n  "args": "1000"\n}`, /wrong-type\.unit\.json:3:11: error: .*args.*list.*"1000"/],
  ["no-command", `{}`, /error: .*command/],
  ["empty", ``, /empty\.unit\.json.*error/],
  ["not-an-object", `[1]`, /not-an-object\.unit\.json:1:1: error/],
  ["contradiction", `{ "command": "a", "remain_after_exit": true }`, /error: .*remain_after_exit.*oneshot/],
  ["ini", `[program:ini]\ncommand=sleep 1000\n`, /ini\.unit\.json:1:1: error: this is an INI file \(supervisord or systemd\?\), not JSON/],
  ["too-deep", `{ "command": "a",\n "labels": ${"[".repeat(100_000)}`, /too-deep\.unit\.json:2:\d+: error: nested deeper than 64 levels/],
  ["other-words", `{ "exec": "sleep" }`, /1:3: error: unknown key "exec"; did you mean "command"\?/],
  [
    "quorum",
    `{ "command": "a", "dependencies": [{ "unit": "good", "quorum": 2 }] }`,
    /error: .*quorum of 2 can never be met: "good" is 1 unit/,
  ],
  ["later", `{ "command": "a", "sandbox": { "private_tmp": true } }`, /error: .*sandbox.*not supported yet/],
  [
    "no-cron",
    `{ "command": "a", "type": "oneshot", "schedule": { "cron": "61 * * * *" } }`,
    /error: .*"61 \* \* \* \*" is not a cron expression/,
  ],
  ["no-zone", `{ "command": "a", "type": "oneshot", "schedule": { "cron": "@daily", "timezone": "Mars/X" } }`, /error: .*not a time zone/],
  ["no-day", `{ "command": "a", "type": "oneshot", "schedule": { "cron": "0 0 30 2 *" } }`, /error: .*never matches/],
  ["nothing-to-watch", `{ "command": "a", "watch": { "paths": [] } }`, /error: .*watch\.paths/],
] as const)("%s: the daemon reports the error and its position, and running units keep running", async (name, text, wanted) => {
  const { daemon } = shared;
  const { pid } = await daemon.reaches("good", "running");
  daemon.writeUnit(name, text);
  await until(async () => (await notes()).includes(`${name}.unit.json`), { what: "the note" });
  expect(await notes()).toMatch(wanted);
  expect((await daemon.sup("status")).stdout).toMatch(wanted);
  expect((await daemon.sup("start", name)).code).toBe(4);
  expect(await daemon.service("good")).toMatchObject({ state: "running", pid });
  daemon.removeUnit(name);
  await until(async () => !(await notes()).includes(`${name}.unit.json`), { what: "the note to disappear" });
});

test("status shows the error of a changed unit file on one line, with the hint", async () => {
  const { daemon } = shared;
  daemon.writeUnit("good", `{ "command": "sleep", "restrat_policy": {} }`);
  await daemon.reaches("good", (row) => row.problems.length > 0);
  const long = (await daemon.sup("status", "good")).stdout;
  expect(long).toMatch(/Errors: .*1:23: error: unknown key "restrat_policy"; did you mean "restart_policy"\?$/m);
  daemon.writeUnit("good", sleeper({ enabled: true }));
  await daemon.reaches("good", (row) => row.problems.length === 0);
});

/** A unit that cannot be started fails with a readable cause, is retried, and becomes fatal. */
test.each<[string, UnitFile, string]>([
  ["no-binary", { command: "no-such-program-anywhere" }, "cannot execute no-such-program-anywhere: no such file or directory (ENOENT)"],
  ["no-path", { command: "/nowhere/at/all" }, "cannot execute /nowhere/at/all: no such file or directory (ENOENT)"],
  ["no-executable", { command: "/etc/passwd" }, "cannot execute /etc/passwd: permission denied (EACCES)"],
  [
    "no-directory",
    sleeper({ working_directory: "/nowhere" }),
    "cannot change to the working directory /nowhere: no such file or directory (ENOENT)",
  ],
  ["no-user", sleeper({ user: "nobody-of-that-name" }), "nobody-of-that-name"],
  [
    "no-limit",
    sleeper({ limits: { nofile: "unlimited" } }),
    "cannot set the limit nofile: operation not permitted (EPERM); it is above the hard limit",
  ],
  ["no-variable", sleeper({ args: ["${NOT_SET_ANYWHERE}"] }), "NOT_SET_ANYWHERE"],
])("%s: the start fails with its cause", async (name, unit, cause) => {
  const { daemon } = shared;
  daemon.writeUnit(name, { ...unit, restart_policy: { max_retries: 1, retry_delay: 0.02 } });
  await daemon.reaches(name, () => true);
  const { code, stdout, stderr } = await daemon.sup("start", name);
  expect(code).toBe(1);
  expect(stdout + stderr).toContain(cause);
  const fatal = await daemon.reaches(name, "fatal");
  expect(fatal.last_exit).toContain(cause);
  expect(fatal.reason).toBe("spawn");
  expect((await eventsOf(daemon, name, "start-failed")).map(({ message }) => message)[0]).toContain(cause);
  expect(await eventsOf(daemon, name, "started")).toEqual([]);
});

test("invalid names are refused: paths, spaces and options; files with such names are not units", async () => {
  const { daemon } = shared;
  for (const name of ["../../etc/passwd", "a/b", "..", "web unit", "x".repeat(200), "-rf"]) {
    const { code, stderr } = await daemon.sup("start", "--", name);
    expect({ name, code: [2, 4].includes(code) }).toEqual({ name, code: true });
    expect(stderr).not.toBe("");
  }
  writeFileSync(join(daemon.home, "units", ".hidden.unit.json"), JSON.stringify(sleeper()));
  writeFileSync(join(daemon.home, "units", "sp ace.unit.json"), JSON.stringify(sleeper()));
  writeFileSync(join(daemon.home, "units", "marker.unit.json"), JSON.stringify(sleeper()));
  await daemon.reaches("marker", () => true); // the other files were written before it
  const { services } = (await daemon.json("status")) as { services: Array<{ id: string }> };
  expect(services.map(({ id }) => id).filter((id) => /hidden|ace|\./.test(id))).toEqual([]);
});

test("a directory in place of a unit file is reported and does no harm", async () => {
  const { daemon } = shared;
  mkdirSync(join(daemon.home, "units", "folder.unit.json"));
  await until(async () => (await notes()).includes("folder.unit.json"), { what: "the note", explain: notes });
  expect((await daemon.sup("is-active", "good")).code).toBe(0);
});

test("verify exits with 0 for valid files, 1 for errors and 2 for wrong usage, without a daemon", async () => {
  using dir = tempDir();
  const write = (name: string, unit: UnitFile | string): string => {
    const path = join(dir.path, name);
    writeFileSync(path, typeof unit === "string" ? unit : JSON.stringify(unit));
    return path;
  };
  const env = { PATH: "/usr/bin:/bin", HOME: dir.path, SUP_HOME: join(dir.path, "home"), NO_COLOR: "1" };
  const verify = (...args: string[]) => run([SUP, "verify", ...args], { env });
  const good = write("good.unit.json", sleeper());
  const bad = write("bad.unit.json", `{ "command": "x", "auto_restrat": true }`);
  write("cycle-a.unit.json", sleeper({ dependencies: ["cycle-b"] }));
  write("cycle-b.unit.json", sleeper({ dependencies: ["cycle-a"] }));
  expect((await verify(good)).code).toBe(0);
  const refused = await verify(good, bad);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/bad\.unit\.json:1:19.*auto_restrat[^]*auto_restart/);
  const all = await verify("--units", dir.path);
  expect(all.code).toBe(1);
  expect(all.stderr).toContain("cycle-a → cycle-b");
  const json = await verify(bad, "--json");
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, problems: [{ line: 1, column: 19, key: "auto_restrat" }] });
  expect((await verify(join(dir.path, "none.unit.json"))).code).toBe(1);
  expect((await verify("--nonsense")).code).toBe(2);
});

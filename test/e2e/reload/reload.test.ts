/** `sup reload` brings files and what runs together with the least that does it. */
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ReloadPlan } from "../../../src/api/contract/shapes.ts";
import { eventsOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper, worker } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";
import { until } from "../../harness/until.ts";

const shared = sharedDaemon();
const { drop } = shared;

const pidOf = async (id: string): Promise<number> => (await shared.daemon.service(id)).pid!;

async function started(name: string, unit: Record<string, unknown>): Promise<number> {
  await drop(name, unit);
  expect((await shared.daemon.sup("start", name)).code).toBe(0);
  return pidOf(name);
}

/** Of one unit; the other tests' units have no part in it. */
async function plan(id: string, ...more: string[]): Promise<ReloadPlan["units"][number] | undefined> {
  const answer = (await shared.daemon.json("reload", ...more)) as ReloadPlan;
  return answer.units.find((row) => row.id === id);
}

const drops = (unit: string, name: string): string => {
  const directory = join(shared.daemon.home, "units", `${unit}.unit.json.d`);
  mkdirSync(directory, { recursive: true });
  return join(directory, name);
};

test("a changed file is marked, a dry run says what would happen and does nothing, reload does it", async () => {
  const { daemon } = shared;
  const pid = await started("web", sleeper({ description: "old" }));
  daemon.writeUnit("web", sleeper({ description: "new", args: ["2000"], restart_policy: { max_retries: 9 } }));
  await daemon.reaches("web", (row) => row.changed_on_disk);
  expect((await daemon.sup("status", "web")).stdout).toContain("changed on disk");

  const text = await daemon.sup("reload", "--dry-run");
  expect({ code: text.code, same: await pidOf("web") }).toEqual({ code: 0, same: pid });
  expect(text.stdout).toContain("~ web changed, restart (");
  const dry = await plan("web", "--dry-run");
  expect(dry).toMatchObject({ change: "changed", action: "restart" });
  expect(Object.fromEntries(dry!.keys.map(({ key, applies }) => [key, applies]))).toEqual({
    args: "restart",
    description: "live",
    "restart_policy.max_retries": "live",
  });

  expect((await plan("web"))?.action).toBe("restart");
  const after = await daemon.reaches("web", (row) => row.state === "running" && row.pid !== pid);
  expect(after).toMatchObject({ description: "new", max_retries: 9, changed_on_disk: false });
  expect(await plan("web", "--dry-run")).toBeUndefined();
});

test("keys that apply live leave the process alone, and a restart hits that unit only", async () => {
  const { daemon } = shared;
  const live = await started("live", sleeper());
  const hard = await started("hard", sleeper());
  const other = await started("other", sleeper());
  daemon.writeUnit(
    "live",
    sleeper({ graceful_shutdown: { timeout: 3 }, health_check: { type: "process", interval: 0.1 }, log: { keep: 2 } }),
  );
  daemon.writeUnit("hard", sleeper({ environment: { A: "1" } }));
  const answer = (await daemon.json("reload")) as ReloadPlan;
  expect(answer.units.map(({ id, action }) => [id, action])).toEqual([["hard", "restart"], ["live", "apply"]]); // prettier-ignore
  await daemon.reaches("hard", (row) => row.state === "running" && row.pid !== hard);
  expect({ live: await pidOf("live"), other: await pidOf("other") }).toEqual({ live, other });
  await daemon.reaches("live", (row) => row.health === "healthy"); // the new check is in force
});

test("a removed file's unit stops and is forgotten at reload, not before", async () => {
  const { daemon } = shared;
  const pid = await started("gone", worker());
  await until(() => daemon.log("gone").includes("up"), { what: "the trap to be set" });
  daemon.removeUnit("gone");
  await daemon.reaches("gone", (row) => row.changed_on_disk);
  expect(alive(pid)).toBe(true);
  expect(await plan("gone", "--dry-run")).toMatchObject({ change: "removed", action: "stop" });
  await plan("gone");
  await until(() => !alive(pid), { what: "its process to end" });
  await until(async () => (await daemon.sup("status", "gone")).code === 4, { what: "the unit to be forgotten" });
  expect(daemon.log("gone")).toContain("bye");
});

test("a bad file keeps the last good version running and is marked with its problems", async () => {
  const { daemon } = shared;
  const pid = await started("typo", sleeper());
  daemon.writeUnit("typo", `{ "command": "sleep", "args": ["1000"], "restrat_policy": {} }`);
  const marked = await daemon.reaches("typo", (row) => row.problems.length > 0);
  expect(marked).toMatchObject({ state: "running", pid, changed_on_disk: true });
  expect(marked.problems[0]).toContain("restart_policy");
  const { code, stdout, stderr } = await daemon.sup("reload");
  expect(code).toBe(1);
  expect(stdout).toContain("! typo broken, keep");
  expect(stderr).toContain("restart_policy"); // did you mean
  expect(await pidOf("typo")).toBe(pid);
  expect((await daemon.sup("status", "typo")).stdout).toMatch(/Errors: .*restrat_policy/);
  process.kill(pid, "SIGKILL"); // the last good version is what comes back
  await daemon.reaches("typo", (row) => row.state === "running" && row.pid !== pid);
  daemon.writeUnit("typo", sleeper());
  await daemon.reaches("typo", (row) => row.problems.length === 0 && !row.changed_on_disk);
});

test("a new enabled file starts at reload or by itself, whichever is first, and once", async () => {
  const { daemon } = shared;
  daemon.writeUnit("fresh", worker({ enabled: true }));
  await daemon.sup("reload");
  await daemon.reaches("fresh", "running");
  expect(await eventsOf(daemon, "fresh", "started")).toHaveLength(1);
});

test("a template is no unit; its instances are, each with its own %i", async () => {
  const { daemon } = shared;
  daemon.writeUnit("job@", worker({ args: ["-c", 'echo "I am %i, $SUP_INSTANCE, %n"; exec sleep 1000'] }));
  await until(async () => (await daemon.sup("start", "job@1", "job@blue")).code === 0, { what: "the template to be noticed" });
  expect(await daemon.service("job@1")).toMatchObject({ state: "running" });
  await until(() => daemon.log("job@blue").includes("I am blue, blue, job@blue"), { what: "its line" });
  expect((await daemon.sup("list")).stdout).not.toMatch(/job@\s/);
  expect((await daemon.sup("start", "nothing@1")).code).toBe(4);
  daemon.writeUnit("job@", worker({ description: "now %i", args: ["-c", "exec sleep 2000"] }));
  await daemon.reaches("job@1", (row) => row.changed_on_disk);
  const answer = (await daemon.json("reload")) as ReloadPlan;
  expect(answer.units.map(({ id, action }) => [id, action])).toEqual([["job@1", "restart"], ["job@blue", "restart"]]); // prettier-ignore
  await daemon.reaches("job@1", (row) => row.state === "running" && !row.changed_on_disk);
});

test("drop-ins are merged over the file in name order, and their going away counts too", async () => {
  const { daemon } = shared;
  await started("dropped", sleeper({ environment: { A: "file", B: "file" } }));
  writeFileSync(drops("dropped", "20-b.json"), `{ "environment": { "A": "second" }, "description": "from 20" }`);
  writeFileSync(drops("dropped", "10-a.json"), `{ "environment": { "A": "first", "B": null }, "description": "from 10" }`);
  await daemon.reaches("dropped", (row) => row.changed_on_disk);
  expect(await plan("dropped")).toMatchObject({ action: "restart" });
  const shown = (await daemon.json("show", "dropped")) as Array<{ effective: { environment: unknown; description: unknown } }>;
  const { effective } = [shown].flat()[0]!;
  expect(effective.environment).toEqual({ A: "second" });
  expect(effective.description).toBe("from 20");
  rmSync(drops("dropped", "20-b.json"));
  expect((await plan("dropped"))?.keys.map(({ key }) => key)).toContain("description");
  expect((await daemon.service("dropped")).description).toBe("from 10");
});

test("environment files are read again at each start, without a reload", async () => {
  const { daemon } = shared;
  const file = join(daemon.home, "settings.env");
  const missing = join(daemon.home, "missing.env");
  writeFileSync(file, `GREETING="good morning"\n# a comment\nexport OTHER=1\n`);
  const unit = { command: "/bin/sh", args: ["-c", 'echo "says $GREETING"; exec sleep 1000'], environment_files: [file, `-${missing}`] };
  await started("greets", unit);
  await until(() => daemon.log("greets").includes("says good morning"), { what: "the first greeting" });
  writeFileSync(file, "GREETING='good night'\n");
  expect((await daemon.service("greets")).changed_on_disk).toBe(false);
  await daemon.sup("restart", "greets");
  await until(() => daemon.log("greets").includes("says good night"), { what: "the second greeting" });
  rmSync(file);
  const { code, stdout, stderr } = await daemon.sup("restart", "greets");
  expect(code).toBe(1);
  expect(stdout + stderr).toContain(`cannot read environment file ${file}: no such file or directory (ENOENT)`);
  await daemon.sup("stop", "greets");
});

test("reload of a unit sends its signal, or runs its command; without one it can't", async () => {
  const { daemon } = shared;
  const script = "trap 'echo reread' HUP; echo up; while :; do sleep 0.02; done";
  await started("rereads", { command: "/bin/sh", args: ["-c", script], reload: { signal: "SIGHUP" } });
  await until(() => daemon.log("rereads").includes("up"), { what: "the trap to be set" });
  expect((await daemon.sup("reload", "rereads")).code).toBe(0);
  await until(() => daemon.log("rereads").includes("reread"), { what: "the reload to be heard" });
  const pid = await started("asks", sleeper({ reload: { command: "/bin/sh", args: ["-c", "echo reload of $MAINPID"] } }));
  expect((await daemon.sup("reload", "asks")).code).toBe(0);
  await until(() => daemon.log("asks").includes(`reload of ${pid}`), { what: "the command's line" });
  await started("cannot", sleeper());
  const refused = await daemon.sup("reload", "cannot");
  expect({ code: refused.code, said: (refused.stdout + refused.stderr).includes("cannot reload") }).toEqual({ code: 1, said: true });
});

test("two identical writes and a touched file change nothing", async () => {
  const { daemon } = shared;
  const pid = await started("same", sleeper({ description: "as ever" }));
  daemon.writeUnit("same", `// a comment more\n${JSON.stringify(sleeper({ description: "as ever" }))}`);
  expect(await plan("same")).toBeUndefined();
  expect(await daemon.service("same")).toMatchObject({ pid, changed_on_disk: false });
});

/** Starts that are skipped because a condition is not met. */
import { expect, test } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventsOf, typesOf } from "../../harness/history.ts";
import { canHang, hangingMount } from "../../harness/hung-mount.ts";
import { marker, sleeper, worker } from "../../harness/services.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { processesOf } from "../../harness/processes.ts";
import { sharedDaemon } from "../../harness/shared.ts";

const shared = sharedDaemon();
const { drop } = shared;
const sh = (script: string, more: object = {}): object => ({ command: "/bin/sh", args: ["-c", script], ...more });

test("a path that does not exist skips the start without a failure, and sup says which one; dependents start", async () => {
  const { daemon } = shared;
  const file = join(daemon.home, "app.conf");
  await drop("configured", worker({ conditions: [{ path_exists: daemon.home }, { file_not_empty: file }], post_stop: [sh("exit 1")] }));
  await drop("once", { type: "oneshot", command: "true", conditions: [{ path_missing: daemon.home }] });
  await drop("dependent", sleeper({ dependencies: ["configured", { unit: "once", condition: "succeeded" }] }));
  const started = await daemon.sup("start", "configured", "dependent");
  expect([started.code, started.stdout + started.stderr]).toEqual([0, expect.stringContaining(`condition not met: ${file} is not a file with content`)]); // prettier-ignore
  expect(await daemon.service("configured")).toMatchObject({ state: "stopped", reason: "condition", pid: null, restart_count: 0 });
  expect(await daemon.service("once")).toMatchObject({ state: "stopped", reason: "condition" });
  expect(await daemon.service("dependent")).toMatchObject({ state: "running" });
  expect(await typesOf(daemon, "configured")).toEqual(["loaded", "skipped"]);
  const why = (await daemon.sup("why", "configured")).stdout;
  expect(why).toContain(`Start skipped: condition not met: ${file} is not a file with content.`);
  expect(why).toContain(`Starts only if ${daemon.home} exists and ${file} is a file with content; otherwise the start is skipped.`);
  expect((await daemon.sup("status", "configured")).stdout).toContain("Start skipped: condition not met");
  expect((await daemon.sup("verify", join(daemon.home, "units", "configured.unit.json"))).code).toBe(0);

  writeFileSync(file, "x");
  expect((await daemon.sup("start", "configured")).code).toBe(0);
  expect(await daemon.service("configured")).toMatchObject({ state: "running", reason: "operator" });
  rmSync(file);
  const restarted = await daemon.sup("restart", "configured");
  expect([restarted.code, restarted.stdout + restarted.stderr]).toEqual([0, expect.stringContaining("condition not met")]);
  expect(await daemon.service("configured")).toMatchObject({ state: "stopped", reason: "condition" });
});

test("a condition may be a command: its exit code decides, its output is in the log, and nothing that it starts outlives it", async () => {
  const { daemon } = shared;
  const mark = join(daemon.home, "mark");
  const [yes, no] = [sh("echo checking; sleep 1000 & exit 0"), sh("exit 3", { not: true })];
  await drop("commanded", { ...marker(mark), conditions: [yes, no] });
  expect((await daemon.sup("start", "commanded")).code).toBe(0);
  expect(existsSync(mark)).toBe(true);
  expect(daemon.log("commanded")).toContain("stdout F checking");
  await drop("refused", { ...marker(mark), conditions: [sh("exit 3")] });
  expect((await daemon.sup("start", "refused")).code).toBe(0);
  expect((await eventsOf(daemon, "refused", "skipped")).map(({ message }) => message)).toEqual([
    "start skipped: condition not met: the command /bin/sh -c exit 3 fails",
  ]);
  await drop("broken", { ...marker(mark), conditions: [sh("exit 255")] });
  const broken = await daemon.sup("start", "broken");
  expect([broken.code, broken.stdout + broken.stderr]).toEqual([1, expect.stringContaining("condition /bin/sh: exit code 255")]);
});

test("a condition may require an environment file that does not exist", async () => {
  const { daemon } = shared;
  const file = join(daemon.home, "none.env");
  await drop("env", { ...worker(), environment_files: [file], conditions: [{ path_exists: file }] });
  expect((await daemon.sup("start", "env")).code).toBe(0);
  expect(await daemon.service("env")).toMatchObject({ state: "stopped", reason: "condition" });
});

test("a scheduled oneshot whose condition is not met is skipped, and runs at a later time when it is met", async () => {
  const { daemon } = shared;
  const [file, mark] = [join(daemon.home, "go"), join(daemon.home, "scheduled")];
  await drop("scheduled", { ...marker(mark), schedule: { every: 1 }, conditions: [{ path_exists: file }] });
  await daemon.reaches("scheduled", (row) => row.reason === "condition");
  expect(existsSync(mark)).toBe(false);
  writeFileSync(file, "");
  await daemon.reaches("scheduled", (row) => row.reason === "success");
  expect(existsSync(mark)).toBe(true);
});

test.if(canHang)("a path on a file system that does not answer blocks neither the daemon nor a stop", async () => {
  const { daemon } = shared;
  using hung = hangingMount(join(daemon.home, "mnt"));
  await drop("stuck", sleeper({ conditions: [{ path_exists: `${hung.path}/x` }], auto_restart: false }));
  await daemon.sup("start", "--no-wait", "stuck");
  await hung.swallow();
  expect((await daemon.api("/healthz")).ok).toBe(true);
  await drop("beside", sleeper());
  expect((await daemon.sup("start", "beside")).code).toBe(0);
  const began = performance.now();
  expect((await daemon.sup("stop", "stuck")).code).toBe(0);
  expect(performance.now() - began).toBeLessThan(8000);
});

test("SIGKILL of the daemon while it checks conditions: the unit runs once, and the start has not failed", async () => {
  await using daemon = await startDaemon();
  const ids = Array.from({ length: 8 }, (_, i) => `u${i}`);
  for (const id of ids) daemon.writeUnit(id, sleeper({ conditions: [{ path_exists: daemon.home }] }));
  await daemon.reaches(ids.at(-1)!, () => true);
  for (const [round, id] of ids.entries()) {
    // The request is accepted some milliseconds before the conditions are checked and the main process is started.
    await daemon.api(`/api/supervisor/services/${id}/start?wait=false`, { method: "POST" });
    for (const end = performance.now() + 2 * round; performance.now() < end;);
    await daemon.crash();
    await daemon.start();
    const { pid, restart_count } = await daemon.reaches(id, "running");
    expect(restart_count).toBe(0);
    expect(
      processesOf(daemon.home)
        .filter((one) => one.command.startsWith("sleep"))
        .map((one) => one.pid),
    ).toEqual([pid!]);
    await daemon.sup("stop", id);
  }
});

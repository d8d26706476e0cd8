/** pre_start, post_stop and health checks around a run. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventsOf, typesOf } from "../../harness/history.ts";
import { alive } from "../../harness/processes.ts";
import { sleeper, stubborn, worker } from "../../harness/services.ts";
import { sharedDaemon } from "../../harness/shared.ts";

const shared = sharedDaemon();
const { drop } = shared;

const sh = (script: string, more: object = {}): object => ({ command: "/bin/sh", args: ["-c", script], ...more });
const FEW_RETRIES = { max_retries: 1, retry_delay: 0.02 };

test("pre_start commands run in order with the unit's environment before the main command", async () => {
  const { daemon } = shared;
  const file = join(daemon.home, "order");
  const pre_start = [sh(`echo "first $WORD" >>'${file}'`), sh(`echo second >>'${file}'`)];
  await drop("prepared", { ...sh(`echo main >>'${file}'; exec sleep 1000`), environment: { WORD: "hello" }, pre_start });
  expect((await daemon.sup("start", "prepared")).code).toBe(0);
  await daemon.sup("stop", "prepared");
  expect(readFileSync(file, "utf8")).toStartWith("first hello\nsecond\n");
});

test("a failing pre_start is a failed start: its cause is reported, it is retried, and the main command never runs", async () => {
  const { daemon } = shared;
  await drop("unprepared", { ...worker(), pre_start: [sh("echo no luck >&2; exit 6")], restart_policy: FEW_RETRIES });
  const { code, stdout, stderr } = await daemon.sup("start", "unprepared");
  expect(code).toBe(1);
  expect(stdout + stderr).toContain("pre_start /bin/sh: exit code 6");
  await daemon.reaches("unprepared", "fatal");
  expect(await typesOf(daemon, "unprepared")).not.toContain("started");
  expect(daemon.log("unprepared")).toContain("stderr F no luck");
  expect(await eventsOf(daemon, "unprepared", "backoff")).toHaveLength(1);
});

test("a pre_start that exceeds its timeout is ended with all its processes", async () => {
  const { daemon } = shared;
  const pidFile = join(daemon.home, "slow-hook.pid");
  const pre_start = [{ ...sh(`sleep 1000 & echo $! >'${pidFile}'; wait`), timeout: 2 }];
  await drop("slow-hook", { ...worker(), pre_start, auto_restart: false });
  const { code, stdout, stderr } = await daemon.sup("start", "slow-hook");
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(/pre_start .* did not end within 2\s?s/);
  expect(alive(Number(readFileSync(pidFile, "utf8")))).toBe(false);
});

test.each([
  ["exit-code", sh("exit 5"), "SERVICE_RESULT=exit-code EXIT_CODE=exited EXIT_STATUS=5"],
  ["signal", sh("kill -KILL $$"), "SERVICE_RESULT=signal EXIT_CODE=killed EXIT_STATUS=KILL"],
  ["success", sh("exit 0"), "SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=0"],
])("post_stop gets the result of the run in its environment: %s", async (name, unit, wanted) => {
  const { daemon } = shared;
  const file = join(daemon.home, `result-${name}`);
  const print = `echo "SERVICE_RESULT=$SERVICE_RESULT EXIT_CODE=$EXIT_CODE EXIT_STATUS=$EXIT_STATUS" >'${file}'`;
  await drop(`ends-${name}`, { ...unit, auto_restart: false, post_stop: [sh(print)] });
  await daemon.sup("start", `ends-${name}`);
  await daemon.reaches(`ends-${name}`, (row) => row.state === "failed" || row.state === "stopped");
  expect(readFileSync(file, "utf8").trim()).toBe(wanted);
});

test("post_stop runs before the stop completes, and its failure is recorded without failing the stop", async () => {
  const { daemon } = shared;
  const file = join(daemon.home, "cleaned");
  await drop("cleans", { ...worker(), post_stop: [sh(`touch '${file}'; exit 3`)] });
  await daemon.sup("start", "cleans");
  expect((await daemon.sup("stop", "cleans")).code).toBe(0);
  expect(existsSync(file)).toBe(true);
  const events = (await eventsOf(daemon, "cleans")).map(({ message }) => message);
  expect(events).toContain("post_stop /bin/sh: exit code 3");
});

test("a unit with a check is starting until the check passes, and start waits for that", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "ready-gate");
  const health_check = { type: "exec", command: "test", args: ["-e", gate], start_interval: 0.1 };
  await drop("checked", { ...sleeper(), health_check });
  const starting = daemon.sup("start", "checked");
  const before = await daemon.reaches("checked", (row) => row.pid !== null);
  expect({ state: before.state, health: before.health }).toEqual({ state: "starting", health: "starting" });
  writeFileSync(gate, "");
  expect((await starting).code).toBe(0);
  expect(await daemon.service("checked")).toMatchObject({ state: "running", health: "healthy", pid: before.pid });
});

test("a unit that is not ready within start_timeout fails to start and does not become ready later", async () => {
  const { daemon } = shared;
  const health_check = { type: "exec", command: "false", start_interval: 0.1 };
  await drop("never-ready", { ...sleeper(), health_check, start_timeout: 0.35, restart_policy: FEW_RETRIES });
  const { code, stdout, stderr } = await daemon.sup("start", "never-ready");
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(/not ready within 350\s?ms/);
  expect(await daemon.reaches("never-ready", "fatal")).toMatchObject({ reason: "timeout", pid: null });
  expect(await typesOf(daemon, "never-ready")).not.toContain("running");
});

test("a service that becomes unhealthy is restarted, which uses up a retry", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "sick");
  const health_check = {
    type: "exec",
    command: "test",
    args: ["!", "-e", gate],
    interval: 0.1,
    start_interval: 0.1,
    failure_threshold: 2,
  };
  await drop("sick", { ...sleeper(), health_check, restart_policy: { max_retries: 1, retry_delay: 0.02 }, start_timeout: 3 });
  await daemon.sup("start", "sick");
  const { pid } = await daemon.reaches("sick", "running");
  writeFileSync(gate, "");
  const given = await daemon.reaches("sick", "fatal");
  expect(given.retries).toBe(1);
  expect(alive(pid!)).toBe(false);
  const [unhealthy] = await eventsOf(daemon, "sick", "unhealthy");
  expect(unhealthy?.details.by).toBe("health");
  const [backoff] = await eventsOf(daemon, "sick", "backoff");
  expect(backoff?.details).toMatchObject({ attempt: 1, reason: "health" });
});

test("a check with action none reports the failure and leaves the service running", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "ill");
  const probe = { type: "exec", command: "test", args: ["!", "-e", gate] };
  await drop("ill", { ...sleeper(), health_check: { ...probe, interval: 0.1, failure_threshold: 2, action: "none" } });
  await daemon.sup("start", "ill");
  const { pid } = await daemon.service("ill");
  writeFileSync(gate, "");
  expect(await daemon.reaches("ill", (row) => row.health === "unhealthy")).toMatchObject({ state: "running", pid });
  expect((await daemon.sup("health", "ill")).code).toBe(1);
});

test("a passing fallback makes the unit degraded, not unhealthy", async () => {
  const { daemon } = shared;
  const gate = join(daemon.home, "halfway");
  const primary = { type: "exec", command: "test", args: ["!", "-e", gate] };
  const fallback_check = { type: "process" };
  await drop("halfway", { ...sleeper(), health_check: { ...primary, interval: 0.1, failure_threshold: 1, fallback_check } });
  await daemon.sup("start", "halfway");
  const { pid } = await daemon.service("halfway");
  writeFileSync(gate, "");
  expect(await daemon.reaches("halfway", (row) => row.health === "degraded")).toMatchObject({ state: "running", pid });
});

test("a stop during pre_start ends its command, and the main command never runs", async () => {
  const { daemon } = shared;
  const pidFile = join(daemon.home, "hook.pid");
  await drop("halted", { ...worker(), pre_start: [sh(`echo $$ >'${pidFile}'; sleep 1000 & wait`)] });
  await daemon.sup("start", "halted", "--no-wait");
  await daemon.reaches("halted", (row) => row.sub_state === "preparing" && existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "");
  expect((await daemon.sup("stop", "halted")).code).toBe(0);
  expect(alive(Number(readFileSync(pidFile, "utf8")))).toBe(false);
  expect(await typesOf(daemon, "halted")).not.toContain("started");
});

test("a stop during the start stops a unit that never becomes ready", async () => {
  const { daemon } = shared;
  const health_check = { type: "exec", command: "false", start_interval: 0.1 };
  await drop("stuck", { ...stubborn(), health_check, graceful_shutdown: { timeout: 0.2 } });
  const starting = daemon.sup("start", "stuck");
  await daemon.reaches("stuck", (row) => row.pid !== null);
  expect((await daemon.sup("stop", "stuck")).code).toBe(0);
  expect((await starting).code).toBe(1);
  expect(await daemon.service("stuck")).toMatchObject({ state: "stopped", reason: "operator", pid: null });
});

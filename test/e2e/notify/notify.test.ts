/** Type notify with the real systemd-notify and the real libsystemd: readiness, reload, status, main process, watchdog. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon, SUP } from "../../harness/daemon.ts";
import type { Event } from "../../../src/api/contract/shapes.ts";
import { freePort } from "../../harness/ports.ts";
import { alive } from "../../harness/processes.ts";
import { until } from "../../harness/until.ts";
import { python, pythonService, sendSdNotify, shell, systemdNotify } from "./services.ts";

const eventsOf = async (daemon: Daemon): Promise<Event[]> => (await daemon.json("events", "web")) as Event[];

const withTool = test.if(systemdNotify !== null);
const withLibrary = test.if(python !== null);

withTool("a unit is starting until READY=1, and its dependents wait for it", async () => {
  await using daemon = await startDaemon();
  const go = join(daemon.home, "go");
  daemon.writeUnit("db", shell(`while [ ! -e ${go} ]; do sleep 0.01; done; systemd-notify --ready --status="open for business"`));
  daemon.writeUnit("web", shell("systemd-notify --ready", { dependencies: ["db"] }));
  await daemon.sup("reload");
  expect(await daemon.reaches("db", "starting")).toMatchObject({ sub_state: "starting" });
  expect(await daemon.service("web")).toMatchObject({ state: "starting", reason: "dependency", waiting_for: ["db"] });
  await Bun.write(go, "");
  expect(await daemon.reaches("db", "running")).toMatchObject({ status_text: "open for business" });
  await daemon.reaches("web", "running");
  expect((await daemon.sup("status", "db")).stdout).toContain("Says: open for business");
});

withTool('without READY=1 the start fails at start_timeout, never "ready anyway"', async () => {
  await using daemon = await startDaemon({ units: { web: shell("true", { start_timeout: 0.3, restart_policy: { max_retries: 0 } }) } });
  const fatal = await daemon.reaches("web", "fatal");
  expect(fatal).toMatchObject({ reason: "timeout", last_exit: "not ready within 300ms; it has not sent READY=1" });
});

withLibrary("libsystemd: status, reload, more time, and a service that stops by itself", async () => {
  // Python alone may take some seconds to begin, on a busy machine.
  const script = `
say("EXTEND_TIMEOUT_USEC=20000000")
time.sleep(4.5)
def reload(*_):
    say("RELOADING=1")
    say("STATUS=reading")
    while not os.path.exists("GATE"):
        time.sleep(0.02)
    say("READY=1\\nSTATUS=read")
signal.signal(signal.SIGHUP, reload)
say("READY=1\\nSTATUS=up")
quit = False
def end(*_):
    global quit
    quit = True
signal.signal(signal.SIGUSR1, end)
while not quit:
    time.sleep(0.02)
say("STOPPING=1\\nSTATUS=going")
time.sleep(0.2)
`;
  await using daemon = await startDaemon();
  const gate = join(daemon.home, "gate");
  daemon.writeUnit("web", pythonService(script.replace("GATE", gate), { start_timeout: 4, reload: { signal: "SIGHUP" } }));
  await daemon.reaches("web", "running", 20_000);
  expect(await daemon.service("web")).toMatchObject({ status_text: "up", restart_count: 0 });
  const reloaded = daemon.sup("reload", "web");
  await daemon.reaches("web", (row) => row.sub_state === "reloading");
  await Bun.write(gate, "");
  expect((await reloaded).code).toBe(0);
  await until(async () => (await daemon.service("web")).status_text === "read", { what: "the reload to end" });
  expect(await daemon.service("web")).toMatchObject({ state: "running", sub_state: "running" });
  expect((await daemon.sup("kill", "--signal", "USR1", "web")).code).toBe(0);
  const stopped = await daemon.reaches("web", "stopped");
  expect(stopped).toMatchObject({ reason: "success", restart_count: 0 });
  const events = (await eventsOf(daemon)).map(({ message }) => message);
  expect(events).toContain("the service announced that it is stopping (STOPPING=1)");
  expect(daemon.log("web")).toContain("said STOPPING 1");
});

withLibrary("a service that misses its watchdog gets SIGABRT and is restarted with the reason watchdog", async () => {
  const script = `
print("watched", os.environ["WATCHDOG_USEC"], os.environ["WATCHDOG_PID"] == str(os.getpid()), library.sd_watchdog_enabled(0, None), flush=True)
say("READY=1")
for i in range(20):
    time.sleep(0.05)
    say("WATCHDOG=1")
time.sleep(1000)
`;
  await using daemon = await startDaemon({ units: { web: pythonService(script, { watchdog: 0.5 }) } });
  const started = await until(async () => (await eventsOf(daemon)).find(({ event_type }) => event_type === "started"), {
    what: "its start",
  });
  await daemon.reaches("web", (row) => row.restart_count >= 1); // on a busy machine it may bite again
  expect(alive((started.details as { pid: number }).pid)).toBe(false);
  const events = await eventsOf(daemon);
  expect(events.find(({ event_type }) => event_type === "unhealthy")).toMatchObject({
    message: "no WATCHDOG=1 within 500ms",
    details: { by: "watchdog" },
  });
  expect(events.find(({ event_type }) => event_type === "exited")?.message).toContain("SIGABRT");
  expect(events.find(({ event_type }) => event_type === "backoff")?.details).toMatchObject({ reason: "watchdog" });
  expect(daemon.log("web")).toContain("watched 500000 True 1");
});

withTool("MAINPID: the service goes on when the process that was started ends, and stops as a whole", async () => {
  const script = `setsid sleep 1000 & child=$!; systemd-notify --ready MAINPID=$child; exit 3`;
  await using daemon = await startDaemon({ units: { web: shell(script) } });
  const changed = await until(async () => (await eventsOf(daemon)).find(({ event_type }) => event_type === "main-process"), {
    what: "the main process to change",
  });
  const child = Number((changed!.details as { pid: number }).pid);
  expect(await daemon.reaches("web", "running")).toMatchObject({ pid: child, restart_count: 0 });
  process.kill(child, "SIGKILL");
  await until(async () => (await daemon.service("web")).restart_count === 1, { what: "the restart after its end" });
  expect(await daemon.reaches("web", "running")).toMatchObject({ last_exit: "killed by SIGKILL" });
  const { pid } = await daemon.service("web");
  expect((await daemon.sup("stop", "web")).code).toBe(0);
  expect(alive(pid!)).toBe(false);
});

withTool("who is not of the unit is not heard, and the log says so", async () => {
  await using daemon = await startDaemon();
  daemon.writeUnit("web", shell(`echo $NOTIFY_SOCKET >${daemon.home}/where`));
  await daemon.sup("reload");
  const where = await until(() => existsSync(join(daemon.home, "where")) && readFileSync(join(daemon.home, "where"), "utf8"), {
    what: "its address",
  });
  expect(sendSdNotify(where.trim(), "READY=1")).toBe(true);
  await until(() => daemon.log("web").includes(`a notification of pid ${process.pid} was ignored`), { what: "the note" });
  expect(await daemon.service("web")).toMatchObject({ state: "starting" });
});

withTool("another user's service speaks too", async () => {
  if (process.getuid!() !== 0) return;
  await using daemon = await startDaemon({ units: { web: shell("systemd-notify --ready --status=nobody", { user: "nobody" }) } });
  expect(await daemon.reaches("web", "running")).toMatchObject({ status_text: "nobody" });
});

withTool("it is heard after a SIGKILL of sup and after its renewal", async () => {
  await using daemon = await startDaemon();
  const order = join(daemon.home, "order");
  const script = `systemd-notify --ready; while :; do [ -e ${order} ] && systemd-notify --status="$(cat ${order})"; sleep 0.05; done`;
  daemon.writeUnit("web", shell(script, { watchdog: 60 }));
  await daemon.sup("reload");
  const { pid } = await daemon.reaches("web", "running");
  await daemon.crash();
  await daemon.start();
  await Bun.write(order, "after the crash");
  await until(async () => (await daemon.service("web")).status_text === "after the crash", { what: "its word after the crash" });
  expect((await daemon.sup("daemon", "reexec")).code).toBe(0);
  await Bun.write(order, "after the renewal");
  await until(async () => (await daemon.service("web")).status_text === "after the renewal", { what: "its word after the renewal" });
  expect(await daemon.service("web")).toMatchObject({ pid, restart_count: 0 });
});

test("sup itself tells its supervisor: READY, a status that follows the units, signs of life, STOPPING", async () => {
  await using daemon = await startDaemon();
  const inner = join(daemon.home, "inner");
  const unit = JSON.stringify({ command: "sleep", args: ["1000"], enabled: true });
  await Bun.write(join(inner, "units", "one.unit.json"), unit);
  await Bun.write(join(inner, "sup.json"), JSON.stringify({ api: { enabled: false } }));
  daemon.writeUnit("inner", {
    type: "notify",
    enabled: true,
    command: SUP,
    args: ["daemon"],
    environment: { SUP_HOME: inner },
    watchdog: 3,
  });
  await daemon.sup("reload");
  await daemon.reaches("inner", "running");
  await until(async () => (await daemon.service("inner")).status_text === "1 running", { what: "the status line" });
  const { pid } = await daemon.service("inner");
  // Longer than the watchdog's period: the signs of life are what keeps it.
  expect(await daemon.reaches("inner", ({ uptime_seconds }) => uptime_seconds > 4)).toMatchObject({ pid, restart_count: 0 });
  expect((await daemon.sup("stop", "inner")).code).toBe(0);
  expect((await daemon.service("inner")).status_text).toBe("stopping the units");
});

test.if(Bun.which("redis-server") !== null)("the real redis says when it is ready, what it does, and that it stops", async () => {
  const port = freePort();
  await using daemon = await startDaemon();
  daemon.writeUnit("redis", {
    type: "notify",
    enabled: true,
    command: "redis-server",
    args: ["--port", String(port), "--dir", daemon.home, "--supervised", "systemd", "--bind", "127.0.0.1"],
  });
  await daemon.sup("reload");
  expect(await daemon.reaches("redis", "running")).toMatchObject({ status_text: "Ready to accept connections" });
  expect((await daemon.sup("stop", "redis")).code).toBe(0);
  expect(daemon.log("redis")).toContain("Redis is now ready to exit");
});

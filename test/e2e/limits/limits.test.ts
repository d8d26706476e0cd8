/** Limits on all processes of a unit, and the alerts for failures. */
import { expect, test } from "bun:test";
import type { Alert } from "../../../src/api/contract/shapes.ts";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { crasher, sleeper, type UnitFile } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const QUICK = { metrics: { interval: 0.5 } };

/** A shell whose child uses 20 MB: the limit applies to all processes of the unit. */
const hungry = (limits: object, more: UnitFile = {}): UnitFile => ({
  enabled: true,
  command: "/bin/sh",
  args: ["-c", `sh -c 'a=$(head -c 20000000 /dev/zero | tr "\\0" x); sleep 1000' & wait`],
  resource_limits: { max_memory_mb: 15, sustained: 2, ...limits },
  restart_policy: { max_retries: 1, retry_delay: 0.1 },
  ...more,
});

const alerts = async (daemon: Daemon, ...args: string[]): Promise<Alert[]> => (await daemon.json("alerts", ...args)) as Alert[];
const recorded = (daemon: Daemon, unit: string, type: string): Promise<unknown> =>
  until(async () => (await eventsOf(daemon, unit, type)).length > 0, { what: `${type} of ${unit}`, timeoutMs: 20_000 });

test("warn: one event, one log line and one alert; the unit keeps running; a stop resolves the alert", async () => {
  await using daemon = await startDaemon({ units: { web: hungry({}) }, settings: QUICK });
  await recorded(daemon, "web", "alert-opened");
  const { pid } = await daemon.service("web");
  const [event] = await eventsOf(daemon, "web", "limit-exceeded");
  expect(event!.details).toMatchObject({ limit: "memory", max: 15, action: "warn" });
  expect(daemon.log("web")).toContain("[sup] memory is over its limit");
  const [alert] = await alerts(daemon, "web");
  expect(alert).toMatchObject({
    service_id: "web",
    severity: "warning",
    alert_type: "memory-limit",
    resolved_at: null,
    acknowledged: false,
  });
  expect((await daemon.sup("alerts", "ack", "web")).stdout).toBe("1 alert acknowledged\n");
  expect((await alerts(daemon))[0]!.acknowledged).toBe(true);
  const counted = (await daemon.json("summary")) as { open_alerts: number };
  expect(counted.open_alerts).toBe(1);
  expect((await daemon.service("web")).pid).toBe(pid);
  expect((await daemon.sup("status", "web")).stdout).toContain("Limits: Memory, at most 15 MiB");
  await daemon.sup("stop", "web");
  await recorded(daemon, "web", "alert-resolved");
  expect(await alerts(daemon)).toEqual([]);
  expect((await alerts(daemon, "--all"))[0]!.resolved_at).not.toBeNull();
  expect((await eventsOf(daemon, "web", "limit-exceeded")).length).toBe(1);
});

test.each(["restart", "enforce"])("%s: the unit is restarted with the reason resources, which uses up a retry", async (action) => {
  // Sampling every second detects the breach before the first stored sample.
  const settings = { metrics: { interval: action === "enforce" ? 30 : 0.5 } };
  await using daemon = await startDaemon({ units: { web: hungry({ action }) }, settings });
  const service = await daemon.reaches("web", "fatal", 30_000);
  expect(service).toMatchObject({ reason: "resources", restart_count: 1, last_exit: expect.stringContaining("memory is over its limit") });
  const [event] = await eventsOf(daemon, "web", "limit-exceeded");
  expect(event!.message).toEndWith("restarting the unit");
  if (action === "enforce") expect(event!.details.enforcement).toContain("checked every second");
  expect((await alerts(daemon, "web")).map(({ alert_type }) => alert_type)).toContain("memory-limit");
});

test("a critical unit has a critical alert at its first failure; an alert survives a crash of the daemon and is not opened twice", async () => {
  const units = {
    main: crasher(1, { enabled: true, critical: true, restart_policy: { retry_delay: 60 } }),
    other: sleeper({ enabled: true }),
  };
  await using daemon = await startDaemon({ units, settings: QUICK });
  await recorded(daemon, "main", "alert-opened");
  expect(await alerts(daemon)).toMatchObject([{ service_id: "main", severity: "critical", alert_type: "failing" }]);
  await daemon.crash();
  await daemon.start();
  await daemon.reaches("other", "running");
  expect(await alerts(daemon)).toMatchObject([{ id: 1, service_id: "main" }]);
  expect(await daemon.sup("alerts", "ack", "99")).toMatchObject({ code: 1, stderr: expect.stringContaining("no open alert 99") });
  expect(await daemon.sup("alerts", "ack")).toMatchObject({ code: 2 });
  await daemon.sup("reset-failed", "main");
  await daemon.sup("stop", "main");
  await recorded(daemon, "main", "alert-resolved");
});

test("the retry counter of a unit that recovered resets at reset_after, while it runs", async () => {
  const restart_policy = { retry_delay: 0.1, reset_after: 1 };
  await using daemon = await startDaemon({ units: { main: sleeper({ enabled: true, critical: true, restart_policy }) }, settings: QUICK });
  const { pid } = await daemon.reaches("main", "running");
  process.kill(pid!, "SIGKILL");
  await recorded(daemon, "main", "alert-opened");
  const again = await daemon.reaches("main", (row) => row.state === "running" && row.restart_count === 1);
  await until(async () => (await daemon.service("main")).retries === 0, { what: "the reset" });
  expect((await daemon.service("main")).pid).toBe(again.pid);
  expect((await daemon.sup("why", "main")).stdout).not.toContain("The retry counter (");
});

test.each(["auto", "processes"] as const)("CPU of children that live shorter than a sample counts: containment %s", async (containment) => {
  const busy: UnitFile = {
    enabled: true,
    command: "/bin/sh",
    args: ["-c", 'while :; do timeout 0.2 sh -c "while :; do :; done"; done'],
    resource_limits: { max_cpu_percent: 20, sustained: 2 },
  };
  await using daemon = await startDaemon({ units: { busy }, settings: { ...QUICK, containment } });
  await recorded(daemon, "busy", "limit-exceeded");
  const [event] = await eventsOf(daemon, "busy", "limit-exceeded");
  expect(event!.details).toMatchObject({ limit: "cpu", max: 20 });
});

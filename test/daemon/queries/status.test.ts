import { expect, test } from "bun:test";
import type { Service } from "../../../src/api/contract/shapes.ts";
import { hostShape } from "../../../src/daemon/queries/host.ts";
import { BOOT, makeRig, type Rig } from "../rig.ts";

const iso = (ms: number): string => new Date(BOOT + ms).toISOString();

async function serviceOf({ supervisor }: Rig, id: string): Promise<Service> {
  const found = await supervisor.service(id);
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}

test("status lists all units in start order with the daemon", async () => {
  const { supervisor } = makeRig({ b: { command: "x", priority: 1 }, a: { command: "x" }, c: { command: "x" } });
  const { daemon, services } = await supervisor.status();
  expect(daemon.version).toBe("1");
  expect(services.map(({ id }) => id)).toEqual(["b", "a", "c"]);
});

test("a unit that never ran has no times, no process and no figures", async () => {
  const web = await serviceOf(makeRig({ web: { command: "serve", port: 80 } }), "web");
  expect(web).toMatchObject({ state: "stopped", reason: "none", state_since: null, port: 80, restart_count: 0 });
  const unknown = [web.pid, web.containment, web.start_time, web.invocation, web.cpu_percent, web.exit_code, web.last_exit, web.schedule];
  expect(unknown).toEqual(Array.from(unknown, () => null));
  expect(web.uptime_seconds).toBe(0);
});

test("a running unit has its process, its times on the wall clock and its latest sample", async () => {
  const rig = makeRig({ web: { command: "serve" } });
  rig.stage.pass(5000).start("web").pass(2500);
  rig.samples.set("web", { cpuPercent: 12.345, memoryMb: 1.2345, tasks: 3, openFiles: 7 });
  expect(await serviceOf(rig, "web")).toMatchObject({
    ...{ state: "running", pid: 101, containment: "cgroup", invocation: "web-1", reason: "operator" },
    ...{ start_time: iso(5000), state_since: iso(5000), uptime_seconds: 2.5 },
    ...{ cpu_percent: 12.3, memory_mb: 1.23, tasks: 3, open_files: 7 },
  });
});

test("a unit in back-off has its exit code, its retries and the time of the next attempt", async () => {
  const rig = makeRig({ web: { command: "serve", restart_policy: { jitter: 0, retry_delay: 1 } } });
  rig.stage.start("web").pass(100).exits("web", 3);
  const web = await serviceOf(rig, "web");
  expect(web).toMatchObject({ state: "backoff", reason: "exit-code", exit_code: 3, retries: 1 });
  expect(web.last_exit).toContain("3");
  expect(web.next_attempt).toBe(iso(1100));
});

test("a unit that waits says for which dependency", async () => {
  const rig = makeRig({ db: { command: "serve", type: "notify" }, web: { command: "serve", dependencies: ["db"] } });
  rig.stage.start("web");
  const web = await serviceOf(rig, "web");
  expect(web).toMatchObject({ state: "starting", reason: "dependency", waiting_for: ["db"] });
  expect(web.dependencies).toEqual([{ unit: "db", condition: "ready", required: true, restart: false }]);
});

test("a file that changed on disk is reported, and so are its errors", async () => {
  const rig = makeRig({ web: { command: "serve" } });
  rig.files.set("web", { command: "serve", args: ["--fast"] });
  rig.catalog.refresh();
  expect(await serviceOf(rig, "web")).toMatchObject({ changed_on_disk: true, problems: [] });
  rig.files.set("web", { command: 1 });
  rig.catalog.refresh();
  const { changed_on_disk, problems } = await serviceOf(rig, "web");
  expect(changed_on_disk).toBe(true);
  expect(problems).toHaveLength(1);
});

test("the details have processes with rounded figures, the PSS only on request", async () => {
  const rig = makeRig({ web: { command: "serve", args: ["--fast"] } });
  rig.stage.start("web");
  rig.processes.push({ pid: 101, name: "serve", parent: 1, cpuPercent: 3.14159, memoryMb: 2.71828, startedAtMs: BOOT });
  rig.processes.push({ pid: 102, name: "gone", parent: 101, cpuPercent: null, memoryMb: null, startedAtMs: BOOT });
  const processes = [
    { pid: 101, name: "serve", ppid: 1, cpu_percent: 3.1, memory_mb: 2.72, started_at: iso(0) },
    { pid: 102, name: "gone", ppid: 101, cpu_percent: null, memory_mb: null, started_at: iso(0) },
  ];
  const detail = await rig.supervisor.serviceDetail("web", false);
  expect(detail).toMatchObject({ ok: true, value: { command: "serve --fast", pss_mb: null, processes } });
  expect(await rig.supervisor.serviceDetail("web", true)).toMatchObject({ ok: true, value: { pss_mb: 3.14 } });
  expect(await rig.supervisor.processes("web")).toEqual({ ok: true, value: processes });
});

test("a unit that does not run has no processes", async () => {
  const rig = makeRig({ web: { command: "serve" } });
  rig.processes.push({ pid: 1, name: "other", parent: 0, cpuPercent: 1, memoryMb: 1, startedAtMs: BOOT });
  expect(await rig.supervisor.processes("web")).toEqual({ ok: true, value: [] });
});

test("the summary counts units by state and health, names critical units that are down, and adds up figures", async () => {
  const rig = makeRig({
    up: { command: "x" },
    also: { command: "x" },
    down: { command: "x", critical: true, auto_restart: false },
    off: { command: "x", critical: true },
  });
  rig.stage.start("up", "also", "down").exits("down", 1);
  rig.samples.set("up", { cpuPercent: 10, memoryMb: 5, tasks: 1, openFiles: 1 });
  rig.samples.set("also", { cpuPercent: null, memoryMb: 2.5, tasks: 1, openFiles: 1 });
  rig.events.push({ id: 1, serviceId: "down", type: "backoff", timestamp: iso(0), message: "", details: {} });
  rig.events.push({ id: 2, serviceId: "down", type: "exited", timestamp: iso(0), message: "", details: {} });
  const alert = {
    serviceId: "down",
    severity: "critical",
    alertType: "failed",
    message: "",
    createdAt: iso(0),
    acknowledged: false,
  } as const;
  rig.alerts.push({ ...alert, id: 1, resolvedAt: null }, { ...alert, id: 2, resolvedAt: iso(1) });
  const summary = await rig.supervisor.summary();
  expect(summary).toMatchObject({ total: 4, critical_down: ["down"], cpu_percent: 10, memory_mb: 7.5, restarts_24h: 1, open_alerts: 1 });
  expect(summary.by_state).toMatchObject({ running: 2, failed: 1, stopped: 1, fatal: 0 });
  expect(summary.by_health).toMatchObject({ unknown: 4, healthy: 0 });
});

test("the figures of the machine are rounded, with the used memory instead of the available", () => {
  const figures = { name: "a", cores: 2, cpuPercent: 12.345, memoryMb: 1000.4, availableMb: 600.2, diskMb: null, diskFreeMb: null };
  expect(hostShape({ ...figures, load: [0.5, 0.4, 0.3] })).toEqual({
    ...{ name: "a", cores: 2, cpu_percent: 12.3, memory_mb: 1000, memory_used_mb: 400, disk_mb: null, disk_free_mb: null },
    load: [0.5, 0.4, 0.3],
  });
  expect(hostShape({ ...figures, availableMb: null, load: null })).toMatchObject({ memory_used_mb: null, load: null });
});

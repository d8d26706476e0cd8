import { HEALTHS, SEVERITIES, STATES } from "../../base/words.ts";
import { serviceRows } from "../contract/service-rows.ts";
import type { DaemonInfo, Service } from "../contract/shapes.ts";
import type { Supervisor, Telemetry } from "./supervisor.ts";

type Labels = Record<string, string | number>;
type Registry = import("prom-client").Registry;
type Prom = typeof import("prom-client");

/**
 * Returns the state of all units in the text format of Prometheus. Each scrape computes it from existing state of the daemon, so that
 * nothing is counted twice and there is no cost without a scrape.
 */
export async function prometheusText(supervisor: Supervisor): Promise<{ readonly text: string; readonly type: string }> {
  const prom = await import("prom-client"); // loaded at the first scrape, because most daemons are never scraped
  const registry = new prom.Registry();
  const [{ daemon, services }, telemetry, open] = await Promise.all([supervisor.status(), supervisor.telemetry(), supervisor.alerts(true)]);
  units(prom, registry, services);
  servicesOfSeveral(prom, registry, services);
  scaling(prom, registry, telemetry);
  probes(registry, telemetry);
  lostLines(prom, registry, services, telemetry);
  daemonItself(prom, registry, daemon, telemetry);
  notifications(prom, registry, telemetry);
  gauge(prom, registry, "sup_alerts_open", "Open alerts by severity.", ["severity"], (set) => {
    for (const severity of SEVERITIES) set({ severity }, open.filter((alert) => alert.severity === severity).length);
  });
  return { text: await registry.metrics(), type: registry.contentType };
}

type Set = (labels: Labels, value: number | null) => void;

function gauge(prom: Prom, registry: Registry, name: string, help: string, labelNames: string[], fill: (set: Set) => void): void {
  const made = new prom.Gauge({ name, help, labelNames, registers: [registry] });
  fill((labels, value) => void (value !== null && made.set(labels, value)));
}

function units(prom: Prom, registry: Registry, services: readonly Service[]): void {
  const each = (name: string, help: string, value: (service: Service) => number | null): void =>
    gauge(prom, registry, name, help, ["unit"], (set) => {
      for (const service of services) set({ unit: service.id }, value(service));
    });
  gauge(prom, registry, "sup_unit_info", "Labels of a unit; always 1.", ["unit", "type", "critical", "enabled"], (set) => {
    for (const { id, type, critical, enabled } of services)
      set({ unit: id, type, critical: String(critical), enabled: String(enabled) }, 1);
  });
  gauge(prom, registry, "sup_unit_state", "1 for the current state of a unit, 0 for the others.", ["unit", "state"], (set) => {
    for (const { id, state: is } of services) for (const state of STATES) set({ unit: id, state }, Number(is === state));
  });
  gauge(prom, registry, "sup_unit_health", "1 for the current health of a unit, 0 for the others.", ["unit", "health"], (set) => {
    for (const { id, health: is } of services) for (const health of HEALTHS) set({ unit: id, health }, Number(is === health));
  });
  const restarts = new prom.Counter({
    name: "sup_unit_restarts_total",
    help: "Restarts of a unit by its restart policy.",
    labelNames: ["unit"],
    registers: [registry],
  });
  const requested = new prom.Counter({
    name: "sup_unit_requested_restarts_total",
    help: "Other restarts of a unit, by who requested them.",
    labelNames: ["unit", "by"],
    registers: [registry],
  });
  for (const { id, restart_count, requested_restarts } of services) {
    restarts.inc({ unit: id }, restart_count);
    for (const [by, count] of Object.entries(requested_restarts)) requested.inc({ unit: id, by }, count);
  }
  each("sup_unit_cpu_cores", "CPU usage of all processes of a unit, in cores.", ({ cpu_percent }) =>
    cpu_percent === null ? null : cpu_percent / 100,
  );
  each("sup_unit_memory_bytes", "Resident memory of all processes of a unit.", ({ memory_mb }) =>
    memory_mb === null ? null : Math.round(memory_mb * 1024 * 1024),
  );
  each("sup_unit_tasks", "Processes and threads of a unit.", ({ tasks }) => tasks);
  each("sup_unit_open_files", "Open file descriptors of all processes of a unit.", ({ open_files }) => open_files);
  each("sup_unit_uptime_seconds", "Time since the main process of a unit was started.", ({ uptime_seconds, pid }) =>
    pid === null ? null : uptime_seconds,
  );
  each("sup_unit_last_exit_code", "Exit code of the last run that ended, or 128 plus its signal.", ({ exit_code }) => exit_code);
}

/** Adds the totals of the services with `instances`. */
function servicesOfSeveral(prom: Prom, registry: Registry, units: readonly Service[]): void {
  const totals = serviceRows(units).flatMap((row) => (row.units.length > 0 ? [row.service] : []));
  const each = (name: string, help: string, value: (service: Service) => number | null): void =>
    gauge(prom, registry, name, help, ["service"], (set) => {
      for (const service of totals) set({ service: service.id }, value(service));
    });
  each("sup_service_units_wanted", "Number of units that a service should have.", ({ wanted }) => wanted ?? null);
  each("sup_service_units_ready", "Number of units of a service that are running.", ({ ready }) => ready ?? null);
  each("sup_service_cpu_cores", "CPU usage of all units of a service, in cores.", ({ cpu_percent }) =>
    cpu_percent === null ? null : cpu_percent / 100,
  );
  each("sup_service_memory_bytes", "Resident memory of all units of a service.", ({ memory_mb }) =>
    memory_mb === null ? null : Math.round(memory_mb * 1024 * 1024),
  );
}

/** Adds the bounds and the metrics of the services with automatic scaling. A metric without a value has a target, but no value. */
function scaling(prom: Prom, registry: Registry, telemetry: Telemetry): void {
  const bound = (name: string, help: string, value: (one: Telemetry["scaling"][number]) => number): void =>
    gauge(prom, registry, name, help, ["service"], (set) => {
      for (const one of telemetry.scaling) set({ service: one.service }, value(one));
    });
  bound("sup_service_units_min", "The least number of units that automatic scaling chooses.", ({ min }) => min);
  bound("sup_service_units_max", "The greatest number of units that automatic scaling chooses.", ({ max }) => max);
  const each = (name: string, help: string, value: (one: Telemetry["scaling"][number]["metrics"][number]) => number | null): void =>
    gauge(prom, registry, name, help, ["service", "metric"], (set) => {
      for (const { service, metrics } of telemetry.scaling) for (const one of metrics) set({ service, metric: one.metric }, value(one));
    });
  each("sup_service_scaling_value", "The mean value of a metric per unit of a service.", ({ mean }) => mean);
  each("sup_service_scaling_target", "The value of a metric that each unit of a service should have on average.", ({ target }) => target);
  each("sup_service_scaling_needed_units", "Number of units that a metric needs now.", ({ needed }) => needed);
}

/** Adds the histogram of probe response times. A histogram of prom-client would count values itself, but these counts already exist. */
function probes(registry: Registry, telemetry: Telemetry): void {
  const name = "sup_unit_probe_duration_seconds";
  const help = "How long the health probes of a unit took.";
  const values = telemetry.probes.flatMap(({ unit, buckets, count, sum }) => [
    ...[...buckets, { le: "+Inf", count }].map(({ le, count: below }) => ({
      metricName: `${name}_bucket`,
      labels: { unit, le },
      value: below,
    })),
    { metricName: `${name}_sum`, labels: { unit }, value: sum },
    { metricName: `${name}_count`, labels: { unit }, value: count },
  ]);
  const metric = {
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    get: () => Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values }),
  };
  registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
}

/**
 * Adds the counters of lost lines. Units without losses are reported as 0. If a series started only with the first loss,
 * `increase()` would not count that loss.
 */
function lostLines(prom: Prom, registry: Registry, services: readonly Service[], telemetry: Telemetry): void {
  const lines = new prom.Counter({
    name: "sup_unit_log_missing_lines_total",
    help: "Lines that are missing in the log of a unit: dropped by log.rate_limit (limit) or refused by the disk (disk).",
    labelNames: ["unit", "why"],
    registers: [registry],
  });
  for (const { id } of services) for (const why of ["limit", "disk"]) lines.inc({ unit: id, why }, 0);
  for (const loss of telemetry.unlogged) lines.inc({ unit: loss.unit, why: loss.why }, loss.lines);
}

/** Adds the counters of notifications. Only channels in the settings have series. */
function notifications(prom: Prom, registry: Registry, telemetry: Telemetry): void {
  gauge(prom, registry, "sup_notification_channel_up", "0 if messages cannot be sent to a channel, else 1.", ["channel"], (set) => {
    for (const { channel, failing } of telemetry.notifications) set({ channel }, Number(!failing));
  });
  gauge(prom, registry, "sup_notifications_pending", "Messages that wait to be sent.", ["channel"], (set) => {
    for (const { channel, pending } of telemetry.notifications) set({ channel }, pending);
  });
  const total = new prom.Counter({
    name: "sup_notifications_total",
    help: "Messages that were sent or given up since the daemon started.",
    labelNames: ["channel", "result"],
    registers: [registry],
  });
  for (const { channel, sent, failed } of telemetry.notifications) {
    total.inc({ channel, result: "sent" }, sent);
    total.inc({ channel, result: "failed" }, failed);
  }
}

function daemonItself(prom: Prom, registry: Registry, daemon: DaemonInfo, telemetry: Telemetry): void {
  const one = (name: string, help: string, value: number): void => gauge(prom, registry, name, help, [], (set) => set({}, value));
  gauge(prom, registry, "sup_build_info", "The version of the daemon; always 1.", ["version"], (set) =>
    set({ version: daemon.version }, 1),
  );
  gauge(prom, registry, "sup_unit_reported", "The latest values that services reported themselves.", ["unit", "name"], (set) => {
    for (const { unit, name, value } of telemetry.reported) set({ unit, name }, value);
  });
  one("sup_event_loop_lag_seconds", "The longest delay of the daemon's event loop since the last scrape.", telemetry.loopLagSeconds);
  one("sup_mailbox_events", "Events that wait in the engine's mailbox.", telemetry.mailbox);
  one("sup_store_bytes", "Bytes in use in the database.", telemetry.storeBytes);
  one("sup_heap_bytes", "JavaScript heap of the daemon, including garbage that was not collected yet.", telemetry.heapBytes);
  one("process_resident_memory_bytes", "Resident memory of the daemon.", telemetry.residentBytes);
  one("process_start_time_seconds", "Start time of the daemon in seconds since 1970.", Date.parse(daemon.start_time) / 1000);
  const cpu = new prom.Counter({ name: "process_cpu_seconds_total", help: "CPU used by the daemon.", registers: [registry] });
  cpu.inc(telemetry.cpuSeconds);
}

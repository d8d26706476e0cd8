import type { DaemonInfo, Event, Service, ServiceDetail, ServiceProcess } from "../../src/api/contract/shapes.ts";

/** 2026-11-22 20:00:00 UTC: the clock of every test of the command line. */
export const NOW = Date.UTC(2026, 10, 22, 20, 0, 0);
export const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

export const daemonInfo: DaemonInfo = {
  version: "0.1.0",
  pid: 4242,
  start_time: ago(3725),
  uptime_seconds: 3725,
  mode: "portable",
  unit_path: ["/srv/units"],
  state_dir: "/srv/state",
  containment: "cgroup",
  containment_note: null,
  log_dir: "/srv/logs",
  socket: "/srv/run/sup.sock",
  url: "http://127.0.0.1:7870",
  notes: [],
  left_alone: [],
};

export const aService = (id: string, given: Partial<Service> = {}): Service => ({
  id,
  name: id,
  description: `The ${id} service`,
  state: "running",
  sub_state: "running",
  reason: "operator",
  state_since: ago(185),
  health: "healthy",
  pid: 100,
  port: null,
  start_time: ago(185),
  uptime_seconds: 185,
  restart_count: 0,
  requested_restarts: { operator: 0, watch: 0, schedule: 0, dependency: 0, reload: 0 },
  last_restart: null,
  priority: 100,
  critical: false,
  auto_restart: true,
  enabled: true,
  groups: [],
  labels: {},
  cpu_percent: 0.3,
  memory_mb: 12.34,
  tasks: 2,
  open_files: 12,
  exit_code: null,
  status_text: null,
  containment: "cgroup",
  last_exit: null,
  invocation: null,
  waiting_for: [],
  changed_on_disk: false,
  problems: [],
  retries: 0,
  max_retries: 5,
  next_attempt: null,
  file: `/srv/units/${id}.unit.json`,
  type: "simple",
  schedule: null,
  dependencies: [],
  ...given,
});

const ended: Partial<Service> = {
  health: "unknown",
  pid: null,
  uptime_seconds: 0,
  cpu_percent: null,
  memory_mb: null,
  tasks: null,
  open_files: null,
};

export const services: readonly Service[] = [
  aService("web", {
    groups: ["shop"],
    dependencies: [{ unit: "db", condition: "ready", required: true, restart: false }],
    restart_count: 2,
    last_restart: ago(185),
    last_exit: "exit code 3",
  }),
  aService("db", { groups: ["shop"], critical: true, health: "degraded" }),
  aService("api", {
    ...ended,
    state: "backoff",
    reason: "exit-code",
    state_since: "2026-11-22T20:00:00.000Z",
    last_exit: "exit code 3",
    exit_code: 3,
    retries: 1,
    next_attempt: ago(-2),
  }),
  aService("cron", { ...ended, state: "stopped", reason: "none", enabled: false, start_time: null }),
  aService("old", {
    ...ended,
    state: "fatal",
    reason: "spawn",
    state_since: "2026-11-22T20:00:00.000Z",
    last_exit: "cannot execute: no such file or directory (ENOENT)",
    retries: 5,
  }),
];

export const anEvent = (id: number, given: Partial<Event> = {}): Event => ({
  id,
  service_id: "web",
  event_type: "started",
  timestamp: ago(1000 - id),
  message: `event ${id}`,
  details: {},
  ...given,
});

const aProcess = (pid: number, name: string): ServiceProcess => ({ pid, name, ppid: 1, cpu_percent: 1.5, memory_mb: 4, started_at: null });

export const detailOf = (service: Service): ServiceDetail => ({
  ...service,
  command: `/usr/bin/${service.id} --serve`,
  enforcement: [],
  predictions: [],
  log: { losses: [], trouble: null },
  pss_mb: 8.2,
  processes: service.pid === null ? [] : [aProcess(100, service.id), aProcess(101, "worker"), aProcess(102, "logger")],
  recent_events: [anEvent(1, { service_id: service.id })],
  recent_lines: [{ time: "2026-11-22T19:59:59.123456789Z", stream: "stdout", full: true, text: "listening \x1b]0;owned\x07on 80\x1b[2J" }],
});

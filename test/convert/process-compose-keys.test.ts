import { expect, test } from "bun:test";
import { entryOf, importFiles } from "./files.ts";

/**
 * The keys that process-compose documents (its schema process-compose-schema.json, which no package ships), with a value for
 * each. Keys that process-compose itself fills in, such as `replica_num`, are left out.
 */
const LOGGER = {
  rotation: { directory: "/l", filename: "f", max_size_mb: 1, max_backups: 1, max_age_days: 1, compress: true },
  fields_order: ["time"],
  disable_json: true,
  timestamp_format: "x",
  no_color: true,
  no_metadata: true,
  add_timestamp: true,
  flush_each_line: true,
};

const PROBE = {
  http_get: { host: "127.0.0.1", path: "/x", scheme: "http", port: "81" },
  initial_delay_seconds: 1,
  period_seconds: 2,
  timeout_seconds: 3,
  success_threshold: 2,
  failure_threshold: 4,
};

const PROCESS = {
  command: "web --x",
  log_location: "./web.log",
  log_configuration: LOGGER,
  environment: ["A=b"],
  availability: { restart: "on_failure", backoff_seconds: 2, max_restarts: 3, exit_on_end: true, exit_on_skipped: true },
  depends_on: { db: { condition: "process_log_ready" } },
  liveness_probe: { ...PROBE, http_get: undefined, exec: { command: "true", working_dir: "/tmp" } },
  readiness_probe: PROBE,
  shutdown: { command: "stop", timeout_seconds: 5, signal: 2, parent_only: true },
  disable_ansi_colors: true,
  working_dir: "/srv",
  namespace: "shop",
  replicas: 2,
  description: "The shop",
  vars: { X: 1 },
  disabled: true,
  is_foreground: true,
  is_tty: true,
  is_elevated: true,
  launch_timeout_seconds: 5,
};

const PROJECT = {
  version: "0.5",
  log_location: "./pc.log",
  log_level: "debug",
  log_length: 100,
  log_configuration: LOGGER,
  log_format: "json",
  environment: ["SHARED=1"],
  shell: { shell_command: "bash", shell_argument: "-c", elevated_shell_command: "sudo", elevated_shell_argument: "-S" },
  is_strict: true,
  vars: { Y: 2 },
  disable_env_expansion: true,
  is_tui_disabled: true,
  extends: "other.yaml",
  env_cmds: { DATE: "date" },
  processes: {
    web: PROCESS,
    db: { command: "db", ready_log_line: "listening", is_daemon: true },
    tool: { entrypoint: ["tool", "x"], is_daemon: false },
  },
};

const imported = importFiles({ "/srv/process-compose.yaml": Bun.YAML.stringify(JSON.parse(JSON.stringify(PROJECT))) });

test("every documented key is known", () => {
  expect(imported.problems).toEqual([]);
  expect(imported.report.filter(({ how }) => /this key is unknown|is not valid for this key/.test(how))).toEqual([]);
});

test("every documented key is in the report", () => {
  const reported = (unit: string | null, key: string): boolean =>
    imported.report.some((entry) => entry.unit === unit && (entry.field === key || entry.field.startsWith(`${key}.`)));
  const missing = Object.keys(PROJECT).filter((key) => key !== "processes" && !reported(null, key));
  for (const [name, process] of Object.entries(PROJECT.processes))
    missing.push(...Object.keys(process).filter((key) => !reported(name, key)).map((key) => `${name}.${key}`)); // prettier-ignore
  expect(missing).toEqual([]);
});

test("the parts of an object are reported, too", () => {
  for (const key of Object.keys(PROCESS.availability))
    expect([key, entryOf(imported, `availability.${key}`, "web")?.unit]).toEqual([key, "web"]);
  for (const key of Object.keys(PROCESS.shutdown)) expect([key, entryOf(imported, `shutdown.${key}`, "web")?.unit]).toEqual([key, "web"]);
});

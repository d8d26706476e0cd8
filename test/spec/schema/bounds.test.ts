/** The bounds of every number in unit files and settings: the bounds themselves are accepted, values past them are not. */
import { expect, test } from "bun:test";
import { settingsSchema } from "../../../src/spec/schema/settings.ts";
import { UNIT_ROWS } from "../../../src/spec/schema/unit.ts";

const YEAR = 365 * 86_400;
const MANY = 1_000_000_000;
const LARGEST = Number.MAX_SAFE_INTEGER;

/** `{ a: { b: value } }` of `a.b`; a step `[]` is a list with one entry. `around` holds the other required keys of the object. */
function nest(steps: readonly string[], value: unknown, around: object): unknown {
  const [first, ...rest] = steps;
  if (first === undefined) return value;
  const inner = nest(rest, value, around);
  if (first === "[]") return [inner];
  return rest.length === 0 ? { ...around, [first]: inner } : { [first]: inner };
}

const unitAccepts = (key: string, value: unknown, around: object): boolean => {
  const [top, ...rest] = key.split(".");
  return UNIT_ROWS[top as keyof typeof UNIT_ROWS].schema().safeParse(nest(rest, value, around)).success;
};

const settingsAccept = (key: string, value: unknown): boolean => settingsSchema().safeParse(nest(key.split("."), value, {})).success;

const SCALING = { min: 1, max: 2, metric: "cpu", target: 1 };
const HTTP = { type: "http", endpoint: "http://h/" };
const hook = { command: "x" };

type Row = readonly [key: string, least: number, most: number, around?: object];

const INTEGERS: readonly Row[] = [
  ["port", 1, 65_535],
  ["nice", -20, 19],
  ["oom_score_adj", -1000, 1000],
  ["success_exit_codes.[]", 0, 255],
  ["no_restart_exit_codes.[]", 0, 255],
  ["restart_policy.max_retries", -1, MANY],
  ["limits.nofile", 0, LARGEST],
  ["limits.nofile.soft", 0, LARGEST, { hard: "unlimited" }],
  ["limits.nofile.hard", 0, LARGEST, { soft: 0 }],
  ["log.keep", 0, 1000],
  ["log.rate_limit", 1, MANY],
  ["resource_limits.max_tasks", 1, MANY],
  ["resource_limits.sustained", 1, MANY],
  ["health_check.expected_status", 100, 599, HTTP],
  ["health_check.port", 1, 65_535, { type: "tcp" }],
  ["health_check.failure_threshold", 1, MANY, HTTP],
  ["health_check.success_threshold", 1, MANY, HTTP],
  ["instances", 1, 256],
  ["instances.min", 0, 256, SCALING],
  ["instances.max", 1, 256, SCALING],
  ["instances.start", 1, 256, SCALING],
  ["instances.max_step_up", 1, 256, SCALING],
  ["instances.max_step_down", 1, 256, SCALING],
  ["rolling.max_surge", 0, 256],
  ["rolling.max_unavailable", 0, 256],
];

const NUMBERS: readonly Row[] = [
  ["start_timeout", 0.001, YEAR],
  ["watchdog", 0.001, YEAR],
  ["pre_start.[].timeout", 0.001, YEAR, hook],
  ["post_stop.[].timeout", 0.001, YEAR, hook],
  ["reload.timeout", 0.001, YEAR],
  ["restart_policy.retry_delay", 0, YEAR],
  ["restart_policy.backoff_multiplier", 1, 1000],
  ["restart_policy.max_backoff", 0, YEAR],
  ["restart_policy.jitter", 0, 1],
  ["restart_policy.reset_after", 0, YEAR],
  ["restart_policy.fatal_retry_after", 0.001, YEAR],
  ["graceful_shutdown.timeout", 0, YEAR],
  ["log.max_size_mb", 0.001, 1_000_000],
  ["resource_limits.warn_at", 0, 1],
  ["schedule.every", 1, YEAR],
  ["watch.debounce", 0, YEAR, { paths: ["a"] }],
  ["health_check.timeout", 0.001, YEAR, HTTP],
  ["health_check.interval", 0.1, YEAR, HTTP],
  ["health_check.start_period", 0, YEAR, HTTP],
  ["health_check.start_interval", 0.1, YEAR, HTTP],
  ["instances.tolerance", 0, 1, SCALING],
  ["instances.up_after", 0, YEAR, SCALING],
  ["instances.down_after", 0, YEAR, SCALING],
  ["rolling.min_healthy_time", 0, YEAR],
];

const SETTINGS_INTEGERS: readonly Row[] = [
  ["api.port", 0, 65_535],
  ["start_concurrency", 0, 100_000],
  ["log.keep", 0, 1000],
];

const SETTINGS: readonly Row[] = [
  ["metrics.interval", 0.5, 86_400],
  ["store.max_size_mb", 8, 1_000_000],
  ["logs.max_total_mb", 1, MANY],
  ["log.max_size_mb", 0.001, 1_000_000],
];

/** `step`: how far past a bound a value is that must be refused. */
const holds = (accepts: (value: number) => boolean, least: number, most: number, step: number): void => {
  expect(accepts(least)).toBe(true);
  expect(accepts(most)).toBe(true);
  expect(accepts(least - step)).toBe(false);
  if (most < LARGEST) expect(accepts(most + step)).toBe(false);
};

test.each([...INTEGERS])("%s is an integer from %d to %d", (key, least, most, around = {}) => {
  holds((value) => unitAccepts(key, value, around), least, most, 1);
  if (key !== "health_check.port") expect(unitAccepts(key, least + 0.5, around)).toBe(false);
});

test.each([...NUMBERS])("%s is a number from %d to %d", (key, least, most, around = {}) => {
  holds((value) => unitAccepts(key, value, around), least, most, 0.0001);
});

test.each([...SETTINGS_INTEGERS])("the setting %s is an integer from %d to %d", (key, least, most) => {
  holds((value) => settingsAccept(key, value), least, most, 1);
  expect(settingsAccept(key, least + 0.5)).toBe(false);
});

test.each([...SETTINGS])("the setting %s is a number from %d to %d", (key, least, most) => {
  holds((value) => settingsAccept(key, value), least, most, 0.0001);
});

test.each(["log.max_age_days", "resource_limits.max_memory_mb", "resource_limits.max_cpu_percent"])("%s is more than 0", (key) => {
  expect(unitAccepts(key, 0, {})).toBe(false);
  expect(unitAccepts(key, 0.001, {})).toBe(true);
});

test.each(["metrics.retention_days", "events.retention_days", "logs.retention_days"])(
  "the setting %s is more than 0, at most 100 years",
  (key) => {
    expect(settingsAccept(key, 0)).toBe(false);
    expect(settingsAccept(key, 0.001)).toBe(true);
    expect(settingsAccept(key, 36_500)).toBe(true);
    expect(settingsAccept(key, 36_501)).toBe(false);
  },
);

test.each<[string, object?]>([
  ["command"],
  ["user"],
  ["group"],
  ["name"],
  ["pre_start.[].command"],
  ["reload.command"],
  ["dependencies.[]"],
  ["dependencies.[].unit"],
  ["schedule.cron"],
  ["schedule.timezone"],
  ["sockets.[].name", { listen: "a" }],
  ["sockets.[].listen", { name: "a" }],
  ["health_check.expected_content", HTTP],
  ["health_check.host", { type: "tcp" }],
  ["health_check.command", { type: "exec" }],
])("%s is not empty", (key, around = {}) => {
  expect(unitAccepts(key, "", around)).toBe(false);
  expect(unitAccepts(key, "a", around)).toBe(true);
});

test("lists that need an entry", () => {
  expect(unitAccepts("success_exit_codes", [], {})).toBe(false);
  expect(unitAccepts("watch.paths", [], {})).toBe(false);
  expect(unitAccepts("health_check.expected_status", [], HTTP)).toBe(false);
});

test("strings of settings that must not be empty, and the longest name of a unit", () => {
  expect(settingsAccept("api.host", "")).toBe(false);
  expect(settingsAccept("api.host", "h")).toBe(true);
  expect(settingsAccept("api.allowed_hosts.[]", "")).toBe(false);
  expect(settingsAccept("api.allowed_hosts.[]", "h")).toBe(true);
  expect(unitAccepts("name", "x".repeat(200), {})).toBe(true);
  expect(unitAccepts("name", "x".repeat(201), {})).toBe(false);
});

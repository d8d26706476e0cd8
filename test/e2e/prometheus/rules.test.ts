/** Each alert rule of docs/ against made-up series: it fires on what it is for, at its time, and on nothing else. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { run } from "../../harness/run.ts";
import { tempDir } from "../../harness/temp.ts";

const RULES = resolve(import.meta.dir, "../../../docs/prometheus/alerts.yml");
const promtool = Bun.which("promtool");
if (!promtool) console.error("skipped: prometheus is not installed; scripts/e2e.sh installs it as root");

interface Case {
  readonly alert: string;
  /** Series in the notation of promtool, a value a minute. */
  readonly series: Readonly<Record<string, string>>;
  readonly quietAt: string;
  readonly firesAt: string;
  readonly severity: "warning" | "critical";
  /** Labels besides instance and severity. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly says: string;
}

const unit = { unit: "web" };
const series = (name: string, labels: string): string => `${name}{instance="here"${labels && `,${labels}`}}`;

const both = (name: string, web: string, db: string): Record<string, string> => ({
  [series(name, 'service="web"')]: web,
  [series(name, 'service="db"')]: db,
});

const cases: readonly Case[] = [
  {
    alert: "SupDown",
    series: { 'up{instance="here",job="sup"}': "1 1 0x9", 'up{instance="there",job="other"}': "0x9" },
    quietAt: "2m30s",
    firesAt: "3m30s",
    severity: "critical",
    labels: { job: "sup" },
    says: "The daemon on here does not respond",
  },
  {
    alert: "SupUnitDown",
    series: {
      [series("sup_unit_state", 'unit="web",state="fatal"')]: "0 0 1x9",
      [series("sup_unit_state", 'unit="web",state="running"')]: "1 1 0x9",
      [series("sup_unit_state", 'unit="db",state="backoff"')]: "1x9",
    },
    quietAt: "1m",
    firesAt: "2m",
    severity: "warning",
    labels: unit,
    says: "web has failed for good; see `sup why web`",
  },
  {
    alert: "SupCriticalUnitDown",
    series: {
      [series("sup_unit_state", 'unit="web",state="backoff"')]: "0 0 1x9",
      [series("sup_unit_info", 'unit="web",critical="true"')]: "1x9",
      [series("sup_unit_state", 'unit="db",state="backoff"')]: "1x9",
      [series("sup_unit_info", 'unit="db",critical="false"')]: "1x9",
    },
    quietAt: "1m",
    firesAt: "2m",
    severity: "critical",
    labels: unit,
    says: "The critical unit web is down",
  },
  {
    alert: "SupUnitRestarts",
    series: {
      [series("sup_unit_restarts_total", 'unit="web"')]: "0x14 0+1x20",
      [series("sup_unit_restarts_total", 'unit="db"')]: "7x40",
    },
    quietAt: "15m",
    firesAt: "30m",
    severity: "warning",
    labels: unit,
    says: "web was restarted 15 times in 15 minutes",
  },
  {
    alert: "SupUnitUnhealthy",
    series: {
      [series("sup_unit_health", 'unit="web",health="degraded"')]: "0 1x19",
      [series("sup_unit_health", 'unit="db",health="healthy"')]: "1x20",
    },
    quietAt: "5m30s",
    firesAt: "6m30s",
    severity: "warning",
    labels: unit,
    says: "web is not healthy",
  },
  {
    alert: "SupSlowProbes",
    series: {
      [series("sup_unit_probe_duration_seconds_bucket", 'unit="web",le="1"')]: "0x40",
      [series("sup_unit_probe_duration_seconds_bucket", 'unit="web",le="5"')]: "0+6x40",
      [series("sup_unit_probe_duration_seconds_bucket", 'unit="web",le="+Inf"')]: "0+6x40",
      [series("sup_unit_probe_duration_seconds_bucket", 'unit="db",le="1"')]: "0+6x40",
      [series("sup_unit_probe_duration_seconds_bucket", 'unit="db",le="+Inf"')]: "0+6x40",
    },
    quietAt: "5m",
    firesAt: "20m",
    severity: "warning",
    labels: unit,
    says: "Health checks of web take 4.8s",
  },
  {
    alert: "SupLogLinesLost",
    series: {
      [series("sup_unit_log_missing_lines_total", 'unit="web",why="disk"')]: "0x4 100x20",
      [series("sup_unit_log_missing_lines_total", 'unit="web",why="limit"')]: "40x25",
    },
    quietAt: "4m",
    firesAt: "14m",
    severity: "warning",
    labels: { ...unit, why: "disk" },
    says: "100 lines of web are missing from its log (disk)",
  },
  {
    alert: "SupNotificationsFail",
    series: {
      [series("sup_notification_channel_up", 'channel="ops"')]: "1 1 0x9",
      [series("sup_notification_channel_up", 'channel="mail"')]: "1x9",
    },
    quietAt: "6m",
    firesAt: "8m",
    severity: "warning",
    labels: { channel: "ops" },
    says: "here cannot send notifications to ops; see `sup notify`",
  },
  {
    alert: "SupBusy",
    series: { [series("sup_event_loop_lag_seconds", "")]: "0.01 2x19" },
    quietAt: "5m30s",
    firesAt: "6m30s",
    severity: "warning",
    says: "The daemon on here reacts slowly: its event loop lags",
  },
  {
    alert: "SupServiceUnitsMissing",
    series: {
      [series("sup_service_units_wanted", 'service="web"')]: "3x20",
      [series("sup_service_units_ready", 'service="web"')]: "3 3 2x18",
      [series("sup_service_units_wanted", 'service="db"')]: "2x20",
      [series("sup_service_units_ready", 'service="db"')]: "2x20",
    },
    quietAt: "11m30s",
    firesAt: "12m30s",
    severity: "warning",
    labels: { service: "web" },
    says: "Only 2 units of web are ready; see `sup why web`",
  },
  {
    alert: "SupServiceAtMaximum",
    series: {
      ...both("sup_service_units_wanted", "8x30", "8x30"),
      ...both("sup_service_units_max", "8x30", "8x30"),
      [series("sup_service_scaling_value", 'service="web",metric="cpu"')]: "70 70 90x28",
      [series("sup_service_scaling_target", 'service="web",metric="cpu"')]: "70x30",
      [series("sup_service_scaling_value", 'service="db",metric="cpu"')]: "71x30",
      [series("sup_service_scaling_target", 'service="db",metric="cpu"')]: "70x30",
    },
    quietAt: "16m30s",
    firesAt: "17m30s",
    severity: "warning",
    labels: { service: "web" },
    says: "web has its greatest number of units (8), and its metric is above the target",
  },
  {
    alert: "SupScalingMetricMissing",
    series: {
      [series("sup_service_scaling_target", 'service="web",metric="queue"')]: "10x20",
      [series("sup_service_scaling_value", 'service="web",metric="queue"')]: "7 7 stale",
      [series("sup_service_scaling_target", 'service="db",metric="cpu"')]: "10x20",
      ...both("sup_service_units_ready", "2x20", "0x20"),
    },
    quietAt: "11m30s",
    firesAt: "12m30s",
    severity: "warning",
    labels: { service: "web", metric: "queue" },
    says: "web cannot scale: no unit has a value of queue",
  },
];

test("every rule has a case here", () => {
  const names = readFileSync(RULES, "utf8").match(/(?<=- alert: )\w+/g);
  expect(cases.map(({ alert }) => alert)).toEqual(names ?? []);
});

for (const { alert, series: given, quietAt, firesAt, severity, labels, says } of promtool ? cases : [])
  test(alert, async () => {
    using dir = tempDir();
    const fired = { exp_labels: { instance: "here", severity, ...labels }, exp_annotations: { summary: says } };
    const plan = {
      rule_files: [RULES],
      evaluation_interval: "30s",
      tests: [
        {
          interval: "1m",
          input_series: Object.entries(given).map(([name, values]) => ({ series: name, values })),
          alert_rule_test: [
            { eval_time: quietAt, alertname: alert, exp_alerts: [] },
            { eval_time: firesAt, alertname: alert, exp_alerts: [fired] },
          ],
        },
      ],
    };
    const file = join(dir.path, "plan.yml");
    writeFileSync(file, JSON.stringify(plan)); // JSON is YAML
    const told = await run([promtool!, "test", "rules", file]);
    expect({ code: told.code, said: told.code === 0 ? "" : told.stdout + told.stderr }).toEqual({ code: 0, said: "" });
  });

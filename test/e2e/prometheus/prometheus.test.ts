/** A real Prometheus scrapes the daemon; promtool finds nothing wrong with what it is given, and with the rules in docs/. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { freePort } from "../../harness/ports.ts";
import { run } from "../../harness/run.ts";
import { crasher, sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const DOCS = resolve(import.meta.dir, "../../../docs/prometheus");
const promtool = Bun.which("promtool");
const prometheus = Bun.which("prometheus");
if (!promtool || !prometheus) console.error("skipped: prometheus is not installed; scripts/e2e.sh installs it as root");

const units = {
  web: sleeper({ enabled: true, health_check: { type: "process", interval: 0.2 } }),
  "odd.name-1": sleeper({ enabled: true, critical: true }),
  jobs: sleeper({ enabled: true, instances: { min: 1, max: 2, metric: "cpu", target: 50 } }),
  bad: crasher(3, { enabled: true, restart_policy: { max_retries: 1, retry_delay: 0.05 } }),
};

test.skipIf(!promtool)("promtool check metrics is clean; counters, states and the histogram say what is", async () => {
  await using daemon = await startDaemon({ units, settings: { metrics: { interval: 0.5 } } });
  await daemon.reaches("bad", "fatal");
  await daemon.reaches("web", (row) => row.health === "healthy" && row.memory_mb !== null);
  const report = { service_id: "web", metrics: { 'queue "long"\nline': 7.5 } };
  await daemon.api("/api/supervisor/metrics", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(report),
  });
  const response = await daemon.api("/metrics");
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  const text = await response.text();
  const checked = await run([promtool!, "check", "metrics"], { stdin: text });
  expect({ code: checked.code, out: checked.stdout + checked.stderr }).toEqual({ code: 0, out: "" });
  for (const line of [
    'sup_unit_state{unit="bad",state="fatal"} 1',
    'sup_unit_state{unit="bad",state="running"} 0',
    'sup_unit_restarts_total{unit="bad"} 1',
    'sup_unit_last_exit_code{unit="bad"} 3',
    'sup_unit_health{unit="web",health="healthy"} 1',
    'sup_unit_info{unit="odd.name-1",type="simple",critical="true",enabled="true"} 1',
    'sup_unit_reported{unit="web",name="queue \\"long\\"\\nline"} 7.5',
    'sup_unit_log_missing_lines_total{unit="web",why="limit"} 0',
    'sup_unit_log_missing_lines_total{unit="web",why="disk"} 0',
    'sup_alerts_open{severity="warning"} 1',
    'sup_service_units_wanted{service="jobs"} 1',
    'sup_service_units_max{service="jobs"} 2',
    'sup_service_scaling_target{service="jobs",metric="cpu"} 50',
  ])
    expect(text.split("\n")).toContain(line);
  expect(text).toMatch(/sup_unit_probe_duration_seconds_bucket\{unit="web",le="\+Inf"\} [1-9]/);
});

test.skipIf(!prometheus)("a real Prometheus scrapes it with the token, and the rules of docs/ fire", async () => {
  await using daemon = await startDaemon({ units, settings: { metrics: { interval: 0.5 } } });
  const { url } = ((await daemon.json("status")) as { daemon: { url: string } }).daemon;
  const home = join(daemon.home, "prometheus");
  mkdirSync(home);
  const port = freePort();
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [join(DOCS, "alerts.yml")],
    scrape_configs: [
      {
        job_name: "sup",
        authorization: { credentials_file: join(daemon.home, "run/token") },
        static_configs: [{ targets: [new URL(url).host] }],
      },
    ],
  };
  writeFileSync(join(home, "prometheus.yml"), JSON.stringify(config)); // JSON is YAML
  const args = [`--config.file=${home}/prometheus.yml`, `--storage.tsdb.path=${home}/data`, `--web.listen-address=127.0.0.1:${port}`];
  const check = { type: "http", endpoint: "http://127.0.0.1:${PORT}/-/ready", start_interval: 0.2 };
  daemon.writeUnit("prometheus", { command: prometheus, args, port, health_check: check });
  await daemon.reaches("prometheus", () => true);
  const started = await daemon.sup("start", "prometheus");
  expect({ code: started.code, why: started.stderr }).toEqual({ code: 0, why: "" });
  const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).text();
  const query = (expression: string): Promise<string> => ask(`query?query=${encodeURIComponent(expression)}`);
  const options = { timeoutMs: 30_000, explain: () => ask("targets") };
  await until(async () => (await query('sup_unit_state{unit="bad",state="fatal"} == 1')).includes('"1"'), {
    what: "the scrape",
    ...options,
  });
  expect(await query('up{job="sup"}')).toContain('"1"');
  expect(await query("process_resident_memory_bytes")).toContain(new URL(url).host);
  await until(async () => (await ask("alerts")).includes("SupUnitDown"), { what: "the alert", ...options });
});

test.skipIf(!promtool)("the alert rules are sound, and the dashboard asks for nothing that is not there", async () => {
  expect((await run([promtool!, "check", "rules", join(DOCS, "alerts.yml")])).code).toBe(0);
  await using daemon = await startDaemon({ units });
  const known = new Set((await (await daemon.api("/metrics")).text()).match(/^# TYPE \S+/gm)!.map((line) => line.slice(7)));
  const texts = ["dashboard.json", "alerts.yml"].map((name) => readFileSync(join(DOCS, name), "utf8"));
  const asked = texts.flatMap((text) => text.match(/\b(sup|process)_[a-z_]+/g) ?? []).map((name) => name.replace(/_bucket$/, ""));
  expect(asked.length).toBeGreaterThan(15);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
  const panels = (JSON.parse(texts[0]!) as { panels: Array<{ title: string }> }).panels;
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
});

/** What is measured and what services report: taken, shown, kept, and in the file for everybody. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { MetricPoint } from "../../../src/api/contract/shapes.ts";
import { startDaemon, type Daemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const post = (daemon: Daemon, body: unknown): Promise<Response> =>
  daemon.api("/api/supervisor/metrics", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const report = (daemon: Daemon, metrics: Record<string, unknown>, service_id = "web"): Promise<Response> =>
  post(daemon, { service_id, metrics });
const points = async (daemon: Daemon, ...args: string[]): Promise<MetricPoint[]> =>
  (await daemon.json("metrics", "web", ...args)) as MetricPoint[];
const numbers = (count: number, name: string): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}_${i}`, i]));
const start = (): Promise<Daemon> =>
  startDaemon({ units: { web: sleeper({ enabled: true }), other: sleeper() }, settings: { metrics: { interval: 0.5 } } });

test("samples and reported numbers: in `sup metrics`, in the file as plain rows, and after a crash of the daemon", async () => {
  await using daemon = await start();
  expect((await report(daemon, { queue: 7, "jobs done": 2.5 })).status).toBe(200);
  const has = async (): Promise<MetricPoint | undefined> => (await points(daemon)).find(({ reported }) => reported?.queue === 7);
  const point = await until(has, { what: "the reported numbers" });
  expect(point.reported).toEqual({ queue: 7, "jobs done": 2.5 });
  const measured = await until(async () => (await points(daemon)).find((one) => one.memory_mb !== null && one.cpu_percent !== null), {
    what: "a sample",
  });
  expect(measured).toMatchObject({ tasks: 1, open_files: expect.any(Number), health_status: "unknown", response_time_ms: null });
  const shown = (await daemon.sup("metrics", "web", "--since", "1h")).stdout;
  expect(shown).toContain("QUEUE");
  expect(shown).toMatch(/TASKS +FILES/);
  expect((await daemon.sup("metrics", "other")).stdout).toBe("No metrics for other since 1h ago.\n");
  expect(await daemon.json("metrics", "other")).toEqual([]);
  expect(await daemon.sup("metrics", "web", "--since", "soon")).toMatchObject({ code: 2 });
  expect(await daemon.sup("metrics", "nobody")).toMatchObject({ code: 4 });

  await daemon.crash();
  const db = new Database(join(daemon.home, "state/sup.db"), { readonly: true });
  const sql = "SELECT service_id, timestamp, memory_mb, health_status, reported FROM supervisor_metrics WHERE reported IS NOT NULL";
  expect(db.query(sql).all()).toEqual([
    expect.objectContaining({ service_id: "web", health_status: "unknown", reported: '{"queue":7,"jobs done":2.5}' }),
  ]);
  const ids = db.query<{ id: number }, []>("SELECT id FROM supervisor_metrics ORDER BY timestamp").all().map(({ id }) => id); // prettier-ignore
  expect(ids).toEqual(ids.map((_, i) => i + 1));
  db.close();
  await daemon.start();
  expect((await points(daemon)).filter(({ reported }) => reported !== undefined).length).toBe(1);
});

test("what is no report is refused with the reason, and nothing of it is kept", async () => {
  await using daemon = await start();
  const refused: Array<[unknown, number, RegExp]> = [
    ['{"service_id": "web", "metrics": {"a": 1e999}}', 422, /metrics\.a/],
    ['{"service_id": "web", "metrics": {"a": NaN}}', 400, /JSON/],
    [{ service_id: "web", metrics: { a: "1" } }, 422, /metrics\.a/],
    [{ service_id: "web", metrics: { a: null } }, 422, /metrics\.a/],
    [{ service_id: "web", metrics: { "": 1 } }, 422, /metrics/],
    [{ service_id: "web", metrics: { ["x".repeat(129)]: 1 } }, 422, /metrics/],
    [{ service_id: "web", metrics: numbers(65, "n") }, 422, /65 names, the limit is 64/],
    [{ service_id: "web", metrics: [1] }, 422, /metrics/],
    [{ service_id: "web" }, 422, /metrics/],
    [{ service_id: "nobody", metrics: { a: 1 } }, 404, /nobody/],
    [{ service_id: "web", metrics: { a: 1 }, time: 5 }, 422, /time/],
    [`{"service_id": "web", "metrics": {"${"y".repeat(1_100_000)}": 1}}`, 413, /./],
  ];
  for (const [body, status, why] of refused) {
    const response = await post(daemon, body);
    expect(response.status, `status ${status}`).toBe(status);
    expect(await response.text(), `status ${status}`).toMatch(why);
  }
  expect(await (await daemon.api("/metrics")).text()).not.toContain("sup_unit_reported{");
});

test("a unit has 64 names over all its reports; a removed unit leaves no series behind", async () => {
  await using daemon = await start();
  const text = async (): Promise<string> => (await daemon.api("/metrics")).text();
  expect((await report(daemon, numbers(40, "a"))).status).toBe(200);
  expect((await report(daemon, numbers(24, "b"))).status).toBe(200);
  const full = await report(daemon, { one_more: 1 });
  expect(full.status).toBe(422);
  expect(await full.text()).toContain("would report more than 64 names");
  expect((await report(daemon, { a_1: 100 })).status).toBe(200);
  expect((await report(daemon, { mine: 1 }, "other")).status).toBe(200);
  expect((await text()).match(/^sup_unit_reported\{unit="web"/gm)!.length).toBe(64);
  expect(await text()).toContain('sup_unit_reported{unit="web",name="a_1"} 100');
  daemon.removeUnit("web");
  expect((await daemon.sup("reload")).code).toBe(0);
  await until(async () => !(await text()).includes('unit="web"'), { what: "the series to go", explain: text });
  expect(await text()).toContain('sup_unit_reported{unit="other",name="mine"} 1');
});

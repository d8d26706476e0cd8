/** The chart of automatic scaling on the page. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";
import { noBrowser, signedIn } from "../page/browser.ts";

test.skipIf(noBrowser)(
  "the page of a service shows the units wanted and running, and the metric with its target",
  async () => {
    const rules = { min: 1, max: 4, metric: "queue", target: 10, down_after: 60 };
    await using daemon = await startDaemon({
      units: { web: sleeper({ enabled: true, instances: rules }) },
      settings: { metrics: { interval: 0.5 } },
    });
    await daemon.reaches("web@1", "running");
    await using visitor = await signedIn(daemon);
    const { page } = visitor;
    await page.goto(`${page.url().split("#")[0]}#/unit/web`);
    const chart = page.getByRole("img", { name: /^Scaling by queue over time/ });
    await chart.waitFor();
    const post = (): Promise<Response> =>
      daemon.api("/api/supervisor/metrics", {
        ...{ method: "POST", headers: { "content-type": "application/json" } },
        body: JSON.stringify({ service_id: "web@1", metrics: { queue: 25 } }),
      });
    await until(
      async () => {
        await post();
        return /now [2-4] wanted, [1-4] running; queue \d+(\.\d+)?, target 10$/.test((await chart.getAttribute("aria-label")) ?? "");
      },
      { what: "the chart to follow", explain: async () => String(await chart.getAttribute("aria-label")) },
    );
    for (const line of ["wanted", "running", "metric"]) expect(await chart.locator(`.scaling-${line}`).getAttribute("d")).toMatch(/^M/);
  },
  60_000,
);

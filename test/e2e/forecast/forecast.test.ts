/** The forecast of a real memory leak. */
import { expect, test } from "bun:test";
import type { Alert, Forecast } from "../../../src/api/contract/shapes.ts";
import { startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { sleeper } from "../../harness/services.ts";
import { until } from "../../harness/until.ts";

const python = Bun.which("python3");
const LEAK = "import time\nkept = []\nwhile True:\n  kept.append(bytearray(b'x' * 200000))\n  time.sleep(0.05)";

test.skipIf(python === null)(
  "a leak is foreseen once, before the limit is reached; a steady unit is not",
  async () => {
    const units = {
      leak: { enabled: true, command: python ?? "python3", args: ["-c", LEAK], resource_limits: { max_memory_mb: 150 } },
      calm: sleeper({ enabled: true, resource_limits: { max_memory_mb: 150 } }),
    };
    await using daemon = await startDaemon({ units, settings: { metrics: { interval: 0.5 } } });
    const young = (await daemon.json("forecast", "leak")) as Forecast;
    expect(young.memory).toMatchObject({ verdict: "warming-up", limit: 150, limit_at: null });
    await until(async () => (await eventsOf(daemon, "leak", "limit_predicted")).length > 0, { what: "the forecast", timeoutMs: 90_000 });
    const [event] = await eventsOf(daemon, "leak", "limit_predicted");
    expect(event!.details).toMatchObject({ metric: "memory", limit: 150, verdict: "rising" });
    expect(event!.details.limit_in_seconds as number).toBeGreaterThan(0);
    expect(await eventsOf(daemon, "leak", "limit-exceeded")).toEqual([]);
    expect((await daemon.sup("status", "leak")).stdout).toContain("Forecast: Memory grows by");
    expect((await daemon.sup("why", "leak")).stdout).toContain("it reaches its limit of 150 MiB in about");
    expect((await daemon.sup("forecast")).stdout).toMatch(/leak +memory .*rising +in /);
    expect((await daemon.json("alerts", "leak")) as Alert[]).toMatchObject([{ alert_type: "memory-predicted", severity: "warning" }]);
    await daemon.crash();
    await daemon.start();
    await until(async () => (await eventsOf(daemon, "leak", "limit-exceeded")).length > 0, { what: "the limit", timeoutMs: 60_000 });
    expect((await eventsOf(daemon, "leak", "limit_predicted")).length).toBe(1);
    expect(await eventsOf(daemon, "calm", "limit_predicted")).toEqual([]);
    await daemon.sup("stop", "leak");
    expect(((await daemon.json("forecast", "leak")) as Forecast).memory.verdict).toBe("not-running");
  },
  180_000,
);

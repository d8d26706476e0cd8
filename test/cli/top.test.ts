import { describe, expect, test } from "bun:test";
import type { MetricPoint } from "../../src/api/contract/shapes.ts";
import { FakeDaemon, sup } from "./fake.ts";
import { aService, ago, daemonInfo } from "./fixtures.ts";

const services = [
  aService("idle", { cpu_percent: 0, memory_mb: 900, restart_count: 0, start_time: ago(10) }),
  aService("busy", { cpu_percent: 150, memory_mb: 20, restart_count: 7, start_time: ago(5) }),
  aService("down", { state: "stopped", pid: null, cpu_percent: null, memory_mb: null, start_time: null, tasks: null, open_files: null }),
];
const status = () => ({ daemon: daemonInfo, services });
const names = (out: string): string[] => out.split("\n").slice(3).map((line) => line.split(/ +/)[1]!).filter(Boolean); // prettier-ignore

describe("sup top", () => {
  test.each([
    ["cpu", ["busy", "idle", "down"]],
    ["memory", ["idle", "busy", "down"]],
    ["name", ["busy", "down", "idle"]],
    ["restarts", ["busy", "down", "idle"]],
    ["uptime", ["idle", "busy", "down"]],
  ])("by %s", async (sort, wanted) => {
    await using daemon = new FakeDaemon({ status });
    const { code, out } = await sup(daemon, ["top", "--sort", sort]);
    expect([code, names(out)]).toEqual([0, wanted]);
    expect(out).toStartWith("sup 0.1.0  2 of 3 running, cpu 150%, memory 920M  by ");
  });

  test("the units of a service stand below it, in the same order", async () => {
    const unit = (number: number, cpu_percent: number) => aService(`web@${number}`, { service: "web", instance: number, cpu_percent });
    const all = [...services, unit(1, 40), unit(2, 70), unit(10, 60)];
    await using daemon = new FakeDaemon({ status: () => ({ daemon: daemonInfo, services: all }) });
    expect(names((await sup(daemon, ["top"])).out)).toEqual(["web", "├─web@2", "├─web@10", "└─web@1", "busy", "idle", "down"]);
    expect(names((await sup(daemon, ["top", "--sort", "name"])).out).slice(-4)).toEqual(["web", "├─web@1", "├─web@2", "└─web@10"]);
  });

  test("an unknown sort key exits with 2; --json prints the units", async () => {
    await using daemon = new FakeDaemon({ status });
    expect(await sup(daemon, ["top", "--sort", "colour"])).toMatchObject({ code: 2, err: expect.stringContaining("sort by cpu, memory") });
    expect(JSON.parse((await sup(daemon, ["top", "--json"])).out)).toHaveLength(3);
  });

  test("--once prints the table on a terminal too", async () => {
    await using daemon = new FakeDaemon({ status });
    const { code, out } = await sup(daemon, ["top", "--once", "--no-color"], { host: { isTerminal: () => true } });
    expect([code, names(out)]).toEqual([0, ["busy", "idle", "down"]]);
  });
});

describe("sup metrics", () => {
  const points = Array.from({ length: 200 }, (_, n): MetricPoint => ({
    timestamp: ago(1000 - n * 5),
    cpu_percent: n === 100 ? 90 : 10,
    memory_mb: 100 + n,
    health_status: "healthy",
    response_time_ms: 4,
    tasks: 3,
    open_files: 20 + n,
    restarts: n < 150 ? 0 : 3,
    ...(n > 190 ? { reported: { queue: n } } : {}),
  }));

  test("prints a sparkline with its peaks, then evenly spaced points including the newest", async () => {
    await using daemon = new FakeDaemon({ serviceMetrics: () => points });
    const { code, out } = await sup(daemon, ["metrics", "web"]);
    const lines = out.trimEnd().split("\n");
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^CPU +[▁█]{60} {2}10% … 90%, mean 10%$/);
    expect(lines[0]).toContain("█");
    expect(lines[1]).toMatch(/^Memory .* 100M … 299M, mean 200M$/);
    expect(lines[2]).toMatch(/^Latency .* 4ms … 4ms, mean 4ms$/);
    expect(lines[4]).toMatch(/^TIME +CPU +MEMORY +TASKS +FILES +RESTARTS +LATENCY +HEALTH +QUEUE$/);
    expect(lines).toHaveLength(25);
    expect(lines.at(-1)).toMatch(/299M .*199$/);
    expect(daemon.asked[0]!.query.since).toBe("1h");
  });

  test("-n, --since, --json, nothing there", async () => {
    await using daemon = new FakeDaemon({ serviceMetrics: ({ id }) => (id === "none" ? [] : points) });
    expect((await sup(daemon, ["metrics", "web", "-n", "3"])).out.trimEnd().split("\n")).toHaveLength(8);
    await sup(daemon, ["metrics", "web", "--since", "2h"]);
    expect(daemon.asked.at(-1)!.query.since).toBe(ago(7200));
    expect(JSON.parse((await sup(daemon, ["metrics", "web", "--json"])).out)).toHaveLength(200);
    expect((await sup(daemon, ["metrics", "none"])).out).toBe("No metrics for none since 1h ago.\n");
    expect(await sup(daemon, ["metrics", "web", "--since", "soon"])).toMatchObject({ code: 2 });
  });
});

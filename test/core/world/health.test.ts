import { describe, expect, test } from "bun:test";
import { staged } from "./stage.ts";

describe("health", () => {
  test("lost health restarts the unit and uses up a retry", () => {
    const stage = staged({ web: { check: {} } })
      .start("web")
      .pass(0);
    stage.ill.add("web");
    stage.pass(90_000);
    expect(stage.phase("web")).toBe("backoff");
    expect(stage.unit("web").reason).toBe("health");
    expect(stage.unit("web").ledger.retries).toBe(1);
    stage.ill.delete("web");
    expect(stage.pass(1000).world.get("web")).toMatchObject({ unit: { phase: "running", run: 2 }, check: { health: "healthy", run: 2 } });
  });

  test("with action none it only says so", () => {
    const stage = staged({ web: { check: { action: "none", failureThreshold: 1 } } })
      .start("web")
      .pass(0);
    stage.ill.add("web");
    stage.pass(300_000);
    expect(stage.unit("web").run).toBe(1);
    expect(stage.phase("web")).toBe("running");
    expect(stage.world.get("web")?.check?.health).toBe("unhealthy");
  });

  test("critical units are probed before the others that are due with them", () => {
    const check = { intervalMs: 1000 };
    const stage = staged({ a: { check }, b: { check, critical: true }, c: { check }, d: { check, critical: true } })
      .start("a", "b", "c", "d")
      .pass(0);
    const env = { nowMs: stage.nowMs + 1000, roll: 0 };
    const probed = stage.world.handle({ type: "tick" }, env).effects.filter(({ type }) => type === "probe");
    const ids = probed.map(({ id }) => id);
    expect(ids.slice(0, 2).toSorted()).toEqual(["b", "d"]);
    expect(ids.slice(2).toSorted()).toEqual(["a", "c"]);
  });

  test("a bad check cannot loop for ever", () => {
    const stage = staged({ web: { check: { failureThreshold: 1, intervalMs: 1000 }, restart: { maxRetries: 2 } } })
      .start("web")
      .pass(0);
    for (let i = 0; i < 10 && stage.phase("web") !== "fatal"; i++) {
      stage.ill.add("web");
      stage.pass(1000);
      stage.ill.delete("web");
      stage.pass(4000);
    }
    expect(stage.phase("web")).toBe("fatal");
    expect(stage.unit("web").run).toBe(3);
  });

  test("a unit that stops is not probed, and its health is left as it was", () => {
    const stage = staged({ web: { check: { intervalMs: 1000, failureThreshold: 1 } } })
      .start("web")
      .pass(0);
    stage.stubborn.add("web");
    stage.ill.add("web");
    stage.stop("web").take();
    expect(stage.pass(9999).take()).toEqual([]);
    expect(stage.world.get("web")?.check?.health).toBe("healthy");
  });

  test("the late result of a probe of a unit that stops changes nothing", () => {
    const stage = staged({ web: { check: { failureThreshold: 1 } } })
      .start("web")
      .pass(0);
    stage.stubborn.add("web");
    stage.nowMs = 30_000;
    const turn = stage.world.handle({ type: "tick" }, { nowMs: 30_000, roll: 0 });
    const [probe] = turn.effects;
    if (probe?.type !== "probe") throw new Error("no probe");
    stage.stop("web");
    const result = { atMs: 30_000, kind: "bad", detail: "", responseMs: 1, fallback: false } as const;
    stage.post({ type: "probed", id: "web", run: probe.run, seq: probe.seq, result });
    expect(stage.world.get("web")?.check).toMatchObject({ health: "healthy", dueMs: null });
  });
});

test.each([
  ["a health check that fails", { check: {} }, "not ready within 1m; last probe: bad"],
  ["a service that sends no READY=1", { type: "notify" as const }, "not ready within 1m; it has not sent READY=1"],
])("a start that times out names the cause: %s", (_, parts, detail) => {
  const stage = staged({ web: parts });
  stage.ill.add("web");
  stage.start("web").pass(60_000);
  expect(stage.unit("web").last?.detail).toBe(detail);
});

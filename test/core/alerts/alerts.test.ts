import { describe, expect, test } from "bun:test";
import { AlertBook } from "../../../src/core/alerts/alert-book.ts";
import { CALM_MS, type AlertCondition } from "../../../src/core/alerts/alerts.ts";
import { conditionsOf, storeConditions } from "../../../src/core/alerts/conditions.ts";
import { freshLimits } from "../../../src/core/metrics/limits.ts";
import { staged, type Stage } from "../world/stage.ts";

/** An alert book over time: which conditions hold at each moment. */
class Book {
  readonly #book = new AlertBook();
  settled = false;

  /** `+type` opened, `-type` resolved. */
  at(nowMs: number, ...types: string[]): string[] {
    const conditions: AlertCondition[] = types.map((type) => ({ unit: "web", type, severity: "warning", message: type }));
    return this.#book
      .judge("web", conditions, this.settled, nowMs)
      .map((change) => (change.kind === "opened" ? `+${change.condition.type}` : `-${change.type}`));
  }
}

describe("alerts", () => {
  test("one while it holds, resolved after a calm time", () => {
    const book = new Book();
    expect(book.at(0, "failing")).toEqual(["+failing"]);
    expect(book.at(1000, "failing")).toEqual([]);
    expect(book.at(2000)).toEqual([]);
    expect(book.at(2000 + CALM_MS - 1)).toEqual([]);
    expect(book.at(2000 + CALM_MS)).toEqual(["-failing"]);
  });

  test("what flaps is one alert", () => {
    const book = new Book();
    const said: string[] = [];
    for (let ms = 0; ms < 20 * CALM_MS; ms += CALM_MS / 2) said.push(...(ms % CALM_MS === 0 ? book.at(ms, "degraded") : book.at(ms)));
    expect(said).toEqual(["+degraded"]);
  });

  test("a unit that kept failing and is given up has one alert", () => {
    const book = new Book();
    expect(book.at(0, "failing")).toEqual(["+failing"]);
    expect(book.at(10, "failed")).toEqual(["+failed", "-failing"]);
    expect(book.at(20, "failed")).toEqual([]);
  });

  test("another kind is another alert; an operator's stop needs no calm", () => {
    const book = new Book();
    expect(book.at(0, "failing")).toEqual(["+failing"]);
    expect(book.at(10, "failing", "memory-limit")).toEqual(["+memory-limit"]);
    book.settled = true;
    expect(book.at(20)).toEqual(["-failing", "-memory-limit"]);
  });
});

describe("what is a concern", () => {
  const types = (stage: Stage, id = "web"): string[] =>
    conditionsOf(stage.world.get(id)!).map(({ type, severity }) => `${severity} ${type}`);

  test("a unit that is not critical: not its first failures, but when it keeps failing or is given up", () => {
    const stage = staged({ web: {} }).start("web");
    expect(types(stage)).toEqual([]);
    stage.exits("web", 1);
    expect(types(stage)).toEqual([]);
    stage.pass(1000).exits("web", 1).pass(2000).exits("web", 1);
    expect(types(stage)).toEqual(["warning failing"]);
    stage.pass(4000).exits("web", 1).pass(8000).exits("web", 1).pass(16_000).exits("web", 1);
    expect(stage.phase("web")).toBe("fatal");
    expect(types(stage)).toEqual(["warning failed"]);
  });

  test("a critical unit at once", () => {
    const stage = staged({ web: { critical: true } })
      .start("web")
      .exits("web", 1);
    expect(types(stage)).toEqual(["critical failing"]);
  });

  test("a critical unit that recovered, until its retry counter resets at reset_after", () => {
    const stage = staged({ web: { critical: true, restart: { resetAfterMs: 10_000, retryDelayMs: 1000 } } })
      .start("web")
      .exits("web", 1)
      .pass(1000);
    expect(stage.phase("web")).toBe("running");
    expect(types(stage.pass(9999))).toEqual(["critical failing"]);
    expect(types(stage.pass(1))).toEqual([]);
    expect(stage.unit("web").ledger.retries).toBe(0);
  });

  test("one that the operator stopped is nobody's concern", () => {
    const stage = staged({ web: { critical: true } })
      .start("web")
      .exits("web", 1)
      .stop("web");
    expect(types(stage)).toEqual([]);
  });

  test("lost health, and a fallback that is all there is", () => {
    const stage = staged({ web: { check: { action: "none", failureThreshold: 1, intervalMs: 1000 } } })
      .start("web")
      .pass(0);
    stage.ill.add("web");
    expect(types(stage.pass(1000))).toEqual(["warning unhealthy"]);
  });

  test("a fallback that is all there is", () => {
    const check = { action: "none", failureThreshold: 1, intervalMs: 1000 } as const;
    const stage = staged({ web: { check } }).start("web").pass(0);
    const entry = stage.world.get("web")!;
    const only = conditionsOf({ ...entry, check: { ...entry.check!, health: "degraded" } });
    expect(only).toMatchObject([
      { type: "degraded", severity: "warning", message: expect.stringContaining("only its fallback check passes") },
    ]);
  });

  test("the history of the daemon itself: that it cannot be written is critical, that some was lost is not", () => {
    const failing = "cannot write the database: disk full";
    expect(storeConditions({ failing: null, notes: [] })).toEqual([]);
    expect(storeConditions({ failing, notes: ["set aside", failing] })).toEqual([
      { unit: "", type: "store", severity: "critical", message: failing },
      { unit: "", type: "store-loss", severity: "warning", message: "set aside" },
    ]);
  });

  test.each(["memory", "cpu", "tasks"] as const)("a %s limit that is passed, of a critical unit", (limit) => {
    const limits = { maxMemoryMb: 10, maxCpuPercent: 10, maxTasks: 10, sustained: 1, warnAt: 0.5, action: "warn" } as const;
    const stage = staged({ web: { limits, critical: true } }).start("web");
    const fresh = freshLimits(1);
    const standing = {
      ...fresh,
      standings: { ...fresh.standings, [limit]: { ...fresh.standings[limit], level: "over" as const, value: 12 } },
    };
    const found = conditionsOf({ ...stage.world.get("web")!, limits: standing });
    expect(found).toMatchObject([{ type: `${limit}-limit`, severity: "critical" }]);
  });

  test("a limit that is passed, not one that is near", () => {
    const stage = staged({
      web: { limits: { maxMemoryMb: 10, maxCpuPercent: null, maxTasks: null, sustained: 1, warnAt: 0.5, action: "warn" } },
    }).start("web");
    const entry = stage.world.get("web")!;
    const standing = (level: "near" | "over") => ({
      ...freshLimits(1),
      standings: { ...freshLimits(1).standings, memory: { ...freshLimits(1).standings.memory, level, value: 12 } },
    });
    expect(conditionsOf({ ...entry, limits: standing("near") })).toEqual([]);
    expect(conditionsOf({ ...entry, unit: { ...entry.unit, process: null }, limits: standing("over") })).toEqual([]);
    expect(conditionsOf({ ...entry, limits: standing("over") })).toEqual([
      { unit: "web", type: "memory-limit", severity: "warning", message: "memory is over its limit: 12 MiB of 10 MiB" },
    ]);
  });
});

test("the book lists only units with open alerts", () => {
  const book = new AlertBook();
  const condition: AlertCondition = { unit: "web", type: "failing", severity: "warning", message: "m" };
  book.judge("web", [condition], false, 0);
  expect([...book.units()]).toEqual(["web"]);
  book.judge("web", [], false, 0);
  book.judge("web", [], false, CALM_MS);
  expect([...book.units()]).toEqual([]);
});

import { describe, expect, test } from "bun:test";
import { makeSpec } from "../fixtures.ts";
import { CHAIN, NOTIFY, staged } from "./stage.ts";

describe("load and unload", () => {
  test("unload stops the unit and forgets it once it is down", () => {
    const stage = staged(CHAIN).start("web");
    stage.stubborn.add("web");
    stage.unload("web");
    expect(stage.phase("web")).toBe("stopping");
    expect(stage.world.get("web")?.retired).toBe(true);
    stage.pass(10_000);
    expect(stage.world.get("web")).toBeUndefined();
    expect([...stage.world.dependentsOf("db")]).toEqual([]);
    expect(stage.states).toBe("db running");
  });

  test("unload of a unit that is down forgets it at once", () => {
    const turn = staged(CHAIN).handle({ type: "unload", id: "web" });
    expect([...turn.removed]).toEqual(["web"]);
  });

  test("a unit whose file is gone is not started any more, and says why", () => {
    const stage = staged({ web: {} }).start("web");
    stage.stubborn.add("web");
    stage.unload("web");
    for (const action of ["start", "restart"] as const) {
      const turn = stage.handle({ type: "request", action, ids: ["web"], cause: "operator" });
      expect(turn.refusals).toEqual([{ id: "web", why: "its unit file is gone" }]);
    }
    stage.pass(10_000);
    expect(stage.world.get("web")).toBeUndefined();
  });

  test("a file that comes back while the unit stops: the unit stays", () => {
    const stage = staged({ web: {} }).start("web");
    stage.stubborn.add("web");
    stage.unload("web").load(makeSpec("web")).pass(10_000);
    expect(stage.states).toBe("web stopped");
  });

  test("a changed spec leaves the process alone", () => {
    const stage = staged({ web: {} }).start("web");
    stage.take();
    expect(stage.load(makeSpec("web", { description: "new" })).take()).toEqual([]);
    expect(stage.unit("web").run).toBe(1);
  });

  test("a changed spec of a unit that waits for READY=1 does not make it ready", () => {
    const stage = staged({ web: NOTIFY })
      .start("web")
      .load(makeSpec("web", { ...NOTIFY, description: "new" }));
    expect(stage.phase("web")).toBe("starting");
  });

  test("a new check of a running unit is probed, without asking for readiness again", () => {
    const stage = staged({ web: {} })
      .start("web")
      .load(makeSpec("web", { check: { failureThreshold: 1 } }));
    expect(stage.phase("web")).toBe("running");
    expect(stage.world.get("web")?.check?.health).toBe("unknown");
    stage.pass(0);
    expect(stage.world.get("web")?.check?.health).toBe("healthy");
    stage.ill.add("web");
    expect(stage.pass(30_000).phase("web")).toBe("backoff");
  });

  test("a probe of the old check that is still under way says nothing about the new one", () => {
    const stage = staged({ web: { check: {} } }).start("web");
    const [old] = stage.world.handle({ type: "tick" }, { nowMs: 0, roll: 0 }).effects;
    stage.ready("web").load(makeSpec("web", { check: { failureThreshold: 1 } }));
    const [fresh] = stage.world.handle({ type: "tick" }, { nowMs: 0, roll: 0 }).effects;
    if (old?.type !== "probe" || fresh?.type !== "probe") throw new Error("no probes");
    const bad = { atMs: 0, kind: "bad", detail: "", responseMs: 1, fallback: false } as const;
    stage.post({ type: "probed", id: "web", run: 1, seq: old.seq, result: bad });
    expect(stage.phase("web")).toBe("running");
    expect(stage.world.get("web")?.check?.probing).toBe(true);
    stage.post({ type: "probed", id: "web", run: 1, seq: fresh.seq, result: bad });
    expect(stage.phase("web")).toBe("backoff");
  });

  test("a check that is taken away makes a unit ready that waited for it", () => {
    const stage = staged({ web: { check: {} } });
    stage.ill.add("web");
    expect(stage.start("web").load(makeSpec("web")).phase("web")).toBe("running");
    expect(stage.world.get("web")?.check).toBeNull();
  });

  test("an unchanged check goes on counting", () => {
    const stage = staged({ web: { check: {} } })
      .start("web")
      .pass(0);
    stage.ill.add("web");
    stage.pass(30_000).load(makeSpec("web", { check: {}, priority: 1 }));
    expect(stage.world.get("web")?.check?.failures).toBe(1);
  });

  test("a dependency that is taken away lets a waiting unit start", () => {
    const stage = staged({ web: { dependencies: ["gone"] } })
      .start("web")
      .load(makeSpec("web"));
    expect(stage.states).toBe("web running");
  });

  test("a restored unit keeps its deadline", () => {
    const stage = staged({ web: {} }).start("web").exits("web", 1);
    const { spec, unit } = stage.world.get("web")!;
    const next = staged({});
    next.post({ type: "restore", spec, unit, check: null });
    expect(next.world.nextDueMs()).toBe(1000);
    expect(next.pass(1000).phase("web")).toBe("running");
    expect(next.unit("web").run).toBe(2);
  });
});

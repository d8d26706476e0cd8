import { describe, expect, test } from "bun:test";
import { CHAIN, NOTIFY, ONESHOT, staged } from "./stage.ts";

describe("restart", () => {
  test("of a dependency leaves its dependents alone", () => {
    const stage = staged(CHAIN).start("web").restart("db");
    expect(stage.states).toBe("db running, web running");
    expect(stage.unit("db").run).toBe(2);
    expect(stage.unit("web").run).toBe(1);
  });

  test("restart: true on the edge restarts the dependent too, after the dependency is ready again", () => {
    const stage = staged({ db: NOTIFY, web: { dependencies: [{ unit: "db", restart: true }] } })
      .start("web")
      .ready("db")
      .restart("db");
    expect(stage.states).toBe("db starting, web starting");
    expect(stage.ready("db").states).toBe("db running, web running");
    expect(stage.unit("web").run).toBe(2);
    expect(stage.unit("web").reason).toBe("dependency");
  });

  test("restart: true also when the dependency crashes and comes back", () => {
    const stage = staged({ db: {}, web: { dependencies: [{ unit: "db", restart: true }] } })
      .start("web")
      .exits("db", 1);
    expect(stage.phase("web")).toBe("waiting");
    expect(stage.unit("web").ledger.retries).toBe(0);
    expect(stage.pass(1000).states).toBe("db running, web running");
    expect(stage.unit("web").run).toBe(2);
  });

  test("restart: true with the condition `started`, when the dependency was not ready yet", () => {
    const edge = { unit: "db", restart: true, condition: "started" } as const;
    const stage = staged({ db: NOTIFY, web: { dependencies: [edge] } })
      .start("web")
      .restart("db");
    expect(stage.unit("db").run).toBe(2);
    expect(stage.unit("web").run).toBe(2);
  });

  test("restart: true with a oneshot that remains", () => {
    const stage = staged({ net: { ...ONESHOT, remainAfterExit: true }, web: { dependencies: [{ unit: "net", restart: true }] } });
    stage.start("web").exits("net", 0).restart("net");
    expect(stage.states).toBe("net running, web starting");
    expect(stage.exits("net", 0).states).toBe("net running, web running");
    expect(stage.unit("web").run).toBe(2);
  });

  test("restart: true does not restart a dependent that is stopped, or when the dependency is only stopped", () => {
    const stage = staged({ db: {}, web: { dependencies: [{ unit: "db", restart: true }] } })
      .start("db")
      .restart("db");
    expect(stage.states).toBe("db running, web stopped");
    expect(stage.start("web").stop("db").unit("web").run).toBe(1);
  });

  test("of several units that are down starts each of them once, and counts no restart", () => {
    const stage = staged({ app: { dependencies: ["db"] }, db: NOTIFY }).restart("app", "db");
    expect(stage.take()).toEqual(["spawn db"]);
    expect(stage.ready("db").take()).toEqual(["spawn app"]);
    expect(stage.unit("db").restarts).toBe(0);
  });

  test("of several units: the dependent comes back after its dependency", () => {
    const stage = staged({ db: NOTIFY, web: { dependencies: ["db"] } })
      .start("web")
      .ready("db")
      .restart("db", "web");
    expect(stage.states).toBe("db starting, web starting");
    expect(stage.ready("db").states).toBe("db running, web running");
    expect(stage.unit("db").run).toBe(2);
    expect(stage.unit("web").run).toBe(2);
  });
});

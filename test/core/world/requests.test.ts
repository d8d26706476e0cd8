import { describe, expect, test } from "bun:test";
import { code } from "../fixtures.ts";
import { CHAIN, staged, type Stage } from "./stage.ts";

describe("requests", () => {
  const ACTIONS = ["start", "stop", "restart", "reset"] as const;
  const MOMENTS = {
    "at once": () => {},
    "while it stops": (stage: Stage) => stage.stubborn.add("db").add("web"),
    "before it is executed": (stage: Stage) => stage.slow.add("db"),
  } as const;

  /** The last of them that wishes something. */
  const wishOf = (...actions: ReadonlyArray<(typeof ACTIONS)[number]>): "up" | "down" => {
    const wish = actions.findLast((action) => action !== "reset");
    return wish === undefined || wish === "stop" ? "down" : "up";
  };

  const cases = Object.keys(MOMENTS).flatMap((moment) =>
    ["down", "up", "backoff"].flatMap((from) =>
      ["db", "web"].flatMap((id) => ACTIONS.flatMap((first) => ACTIONS.map((second) => ({ moment, from, id, first, second })))),
    ),
  );

  test("every pair of requests, in every order and at every moment, ends as the last one says", () => {
    for (const { moment, from, id, first, second } of cases) {
      const stage = staged(CHAIN);
      if (from !== "down") stage.start(id);
      if (from === "backoff") stage.exits(id, 1);
      MOMENTS[moment as keyof typeof MOMENTS](stage);
      stage.request(first, [id]).request(second, [id]);
      stage.slow.clear();
      if (stage.phase("db") === "starting") stage.answer("db");
      stage.pass(120_000);
      const wish = from === "down" ? wishOf(first, second) : wishOf("start", first, second);
      const where = `${from}, ${moment}: ${first} ${id}, ${second} ${id}`;
      expect(`${where}: ${stage.phase(id)}`).toBe(`${where}: ${wish === "up" ? "running" : "idle"}`);
    }
    expect(cases).toHaveLength(288);
  });

  test("an unknown unit is left out", () => {
    expect(staged({ web: {} }).start("nobody", "web").states).toBe("web running");
  });

  test("a reload of a unit that is down is refused", () => {
    const turn = staged({ web: {} }).handle({ type: "request", action: "reload", ids: ["web"], cause: "operator" });
    expect(turn.refusals).toEqual([{ id: "web", why: "it is not running" }]);
  });

  test("facts about a unit that is gone are dropped", () => {
    const stage = staged({ web: {} });
    stage.fact("gone", { type: "exited", run: 1, exit: code(0) });
    expect(stage.states).toBe("web stopped");
  });
});

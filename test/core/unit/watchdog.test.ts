import { expect, test } from "bun:test";
import { parseSdNotify } from "../../../src/core/unit/sd-notify.ts";
import { Stage, staged } from "../world/stage.ts";

const WATCHED = { web: { type: "notify", watchdogMs: 10_000, restart: { retryDelayMs: 1000 } } } as const;

const sends = (stage: Stage, text: string): Stage =>
  stage.fact("web", { type: "notified", run: stage.unit("web").run, notice: parseSdNotify(text) });
const up = (): Stage => sends(staged(WATCHED).start("web"), "READY=1");
const dueIn = (stage: Stage): number | null => {
  const dueMs = stage.world.get("web")?.watchdog?.dueMs;
  return dueMs == null ? null : dueMs - stage.nowMs;
};

test("no keep-alive is expected before READY=1; afterwards one is expected in each period", () => {
  const stage = staged(WATCHED).start("web");
  expect(dueIn(stage)).toBe(null);
  expect(dueIn(sends(stage, "READY=1"))).toBe(10_000);
  for (let i = 0; i < 5; i++) sends(stage.pass(9000), "WATCHDOG=1");
  expect(stage.phase("web")).toBe("running");
  expect(dueIn(stage)).toBe(10_000);
});

test("a missed period is a failure with the reason watchdog, after a grace time for messages not read yet", () => {
  const stage = up().pass(10_000);
  expect(stage.phase("web")).toBe("running");
  sends(stage, "WATCHDOG=1");
  expect(dueIn(stage)).toBe(10_000);
  stage.pass(10_100);
  expect(stage.phase("web")).toBe("backoff");
  expect(stage.unit("web").reason).toBe("watchdog");
  expect(stage.unit("web").ledger.retries).toBe(1);
});

test("a keep-alive costs no write", () => {
  const stage = up();
  const { run } = stage.unit("web");
  const turn = stage.handle({ type: "fact", id: "web", fact: { type: "notified", run, notice: parseSdNotify("WATCHDOG=1") } });
  expect(turn.changed.size).toBe(0);
  expect(turn.effects.length).toBe(0);
});

test("a check that is late because the daemon was suspended begins a new period", () => {
  const stage = up();
  stage.nowMs += 3_600_000; // the machine slept
  stage.post({ type: "tick" });
  expect(stage.phase("web")).toBe("running");
  expect(dueIn(stage)).toBe(10_000);
});

test("WATCHDOG=trigger counts as a missed period; from an earlier run it is ignored", () => {
  expect(sends(up(), "WATCHDOG=trigger").phase("web")).toBe("backoff");
  const stage = up();
  stage.fact("web", { type: "notified", run: stage.unit("web").run - 1, notice: parseSdNotify("WATCHDOG=trigger") });
  expect(stage.phase("web")).toBe("running");
});

test("WATCHDOG_USEC= changes the period of the run, 0 disables it, and the next run uses the period of the file", () => {
  const stage = sends(up(), "WATCHDOG_USEC=3000000");
  expect(dueIn(stage)).toBe(3000);
  expect(dueIn(sends(stage, "WATCHDOG_USEC=0"))).toBe(null);
  expect(dueIn(sends(stage, "WATCHDOG=1"))).toBe(null);
  stage.restart("web");
  expect(dueIn(sends(stage, "READY=1"))).toBe(10_000);
});

test("a stopping unit owes no keep-alive", () => {
  const stage = up();
  stage.stubborn.add("web");
  expect(stage.stop("web").phase("web")).toBe("stopping");
  expect(dueIn(stage)).toBe(null);
});

test("a check begins at READY=1, and its start_period with it", () => {
  const stage = staged({ web: { type: "notify", check: { intervalMs: 1000, startPeriodMs: 5000, failureThreshold: 1 } } });
  stage.ill.add("web");
  stage.start("web").pass(20_000);
  expect(stage.phase("web")).toBe("starting");
  expect(stage.take().includes("probe web")).toBe(false);
  sends(stage, "READY=1").pass(4000);
  expect(stage.phase("web")).toBe("running");
  expect(stage.world.get("web")!.check!.failures).toBe(0);
  stage.pass(2000);
  expect(stage.take()).toContain("signal web");
});

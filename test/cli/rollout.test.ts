import { expect, test } from "bun:test";
import type { RolloutStatus } from "../../src/api/contract/shapes.ts";
import { plain } from "../../src/cli/render/paint.ts";
import { rolloutLine, rolloutText } from "../../src/cli/render/rollout.ts";
import { FakeDaemon, sup } from "./fake.ts";

const status = (more: Partial<RolloutStatus> = {}): RolloutStatus => ({
  ...{ service: "web", generation: 3, state: "running", active: true, total: 4, restarted: 2, awaits_promotion: false, failure: null },
  ...{ started: "2026-01-01T00:00:00.000Z", ended: null },
  units: [
    { id: "web@1", additional: false, phase: "new" },
    { id: "web@2", additional: false, phase: "starting" },
    { id: "web@5", additional: true, phase: "new" },
  ],
  ...more,
});
const done = status({ state: "done", active: false, restarted: 4 });
const failed = status({ state: "failed", active: false, failure: "web@2: exit code 1" });

test("the bar shows how many units were restarted", () => {
  expect(rolloutLine(status(), plain)).toBe("web  rollout 3  ██████████░░░░░░░░░░  2 of 4 restarted, web@2 starting");
});

test("a failed rollout names its cause and the state of each unit", () => {
  expect(rolloutText(done, plain)).toBe("web: rollout 3 is done, 4 of 4 units restarted");
  expect(rolloutText(failed, plain)).toBe(
    "web: rollout 3 is failed, 2 of 4 units restarted\n  web@2: exit code 1\n  web@1: new\n  web@2: starting\n  web@5: new (additional)",
  );
});

test("the command follows the rollout to its end, and exits with 1 if it has failed", async () => {
  for (const [last, code] of [
    [done, 0],
    [failed, 1],
  ] as const) {
    const answers = [status(), last];
    await using daemon = new FakeDaemon({ rollingRestart: () => status(), rollout: () => ({ rollout: answers.shift() ?? last }) });
    const ran = await sup(daemon, ["rolling-restart", "web"]);
    expect([ran.code, ran.out.split("\n")[0]]).toEqual([code, rolloutText(last, plain).split("\n")[0]!]);
  }
});

test("a dry run prints the steps; errors are those of the daemon", async () => {
  await using daemon = new FakeDaemon({
    rollingRestart: () => ({ ...status(), steps: ["restart web@1"] }),
    rollout: () => ({ rollout: null }),
    controlRollout: () => status({ state: "paused" }),
  });
  expect(await sup(daemon, ["rolling-restart", "web", "--dry-run"])).toMatchObject({ code: 0, out: "would restart web@1\n" });
  expect(await sup(daemon, ["rollout", "status", "web"])).toMatchObject({ code: 1, err: expect.stringContaining("there was no rollout") });
  expect((await sup(daemon, ["rollout", "pause", "web"])).out).toStartWith("web: rollout 3 is paused");
  expect((await sup(daemon, ["rollout", "undo", "web"])).code).toBe(2);
});

/** A request whose goal cannot be reached says so and ends; it never waits for a change that cannot come. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { sleeper } from "../../harness/services.ts";

test("start of a unit that needs one with a broken file ends each time with the reason", async () => {
  await using daemon = await startDaemon({ units: { app: sleeper({ dependencies: ["db"] }), db: "{ not json" } });
  for (const attempt of [1, 2, 3]) {
    const { code, stderr, stdout } = await daemon.sup("start", "app");
    expect({ attempt, code, text: stdout + stderr }).toMatchObject({
      attempt,
      code: 1,
      text: expect.stringContaining("db, which is not loaded"),
    });
  }
  const restarted = await daemon.sup("restart", "app");
  expect((restarted.stdout + restarted.stderr).includes("db, which is not loaded")).toBe(true);
  expect(restarted.code).toBe(1);
  expect((await daemon.sup("stop", "app")).code).toBe(0);
});

test("the same in a chain, and for a unit that is reloaded while it is down", async () => {
  const units = {
    top: sleeper({ dependencies: ["middle"] }),
    middle: sleeper({ dependencies: ["db"] }),
    db: "{ not json",
    plain: sleeper({ reload: { signal: "SIGHUP" } }),
  };
  await using daemon = await startDaemon({ units });
  for (const args of [
    ["start", "top"],
    ["start", "top"],
    ["reload", "plain"],
    ["reload", "plain"],
  ]) {
    const { code } = await daemon.sup(...args);
    expect({ args, code }).toEqual({ args, code: 1 });
  }
});

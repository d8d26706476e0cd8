/** The effect of `critical` units on the daemon. */
import { expect, test } from "bun:test";
import { startDaemon } from "../../harness/daemon.ts";
import { alive } from "../../harness/processes.ts";
import { crasher, sleeper } from "../../harness/services.ts";

const fatal = { restart_policy: { max_retries: 0 } };

test("on_critical_fatal: shutdown stops all units and exits with 1; failures of other units have no effect", async () => {
  const units = {
    other: crasher(1, { enabled: true, ...fatal }),
    good: sleeper({ enabled: true }),
    main: crasher(3, { critical: true, ...fatal }),
  };
  await using daemon = await startDaemon({ units, settings: { on_critical_fatal: "shutdown" } });
  await daemon.reaches("other", "fatal");
  const { pid } = await daemon.reaches("good", "running");
  await daemon.sup("start", "main");
  expect(await daemon.exited).toBe(1);
  expect(alive(pid!)).toBe(false);
  expect(daemon.output()).toContain("on_critical_fatal: main is fatal");
});

test("by default the daemon keeps running", async () => {
  await using daemon = await startDaemon({ units: { main: crasher(3, { critical: true, enabled: true, ...fatal }) } });
  await daemon.reaches("main", "fatal");
  expect((await daemon.json("summary")) as object).toMatchObject({ critical_down: ["main"] });
});

/** The effect of `critical` units, and of those with `on_fatal`, on the daemon. */
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

test.each([
  ["of a unit that is fatal", crasher(3, fatal), 3],
  ["of a unit that is not restarted", crasher(4, { no_restart_exit_codes: [4] }), 4],
  ["1 without an exit code", { command: "/does/not/exist", ...fatal }, 1],
])("on_fatal: shutdown stops all units in order and exits with the exit code: %s", async (_, unit, code) => {
  const units = {
    other: crasher(1, { enabled: true, ...fatal }),
    db: sleeper({ enabled: true }),
    web: sleeper({ enabled: true, dependencies: ["db"] }),
    main: { ...unit, on_fatal: "shutdown" },
  };
  await using daemon = await startDaemon({ units });
  await daemon.reaches("other", "fatal");
  const { pid } = await daemon.reaches("web", "running");
  await daemon.sup("start", "--no-wait", "main");
  expect(await daemon.exited).toBe(code);
  expect(alive(pid!)).toBe(false);
  expect(daemon.output()).toContain("on_fatal: main is f");
});

test("on_fatal: shutdown leaves a unit that is retried alone", async () => {
  const main = crasher(3, { enabled: true, on_fatal: "shutdown", restart_policy: { retry_delay: 200 } });
  await using daemon = await startDaemon({ units: { main } });
  await daemon.reaches("main", "backoff");
  expect((await daemon.api("/healthz")).ok).toBe(true);
});

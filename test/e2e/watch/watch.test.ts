/** `watch`: a unit is restarted when its files change, and that is no failure of it. */
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon } from "../../harness/daemon.ts";
import { eventsOf } from "../../harness/history.ts";
import { sleeper } from "../../harness/services.ts";

/** In one step, as editors do it: of one that is opened and then written to, both could be seen, each for itself. */
function put(path: string, text: string): void {
  writeFileSync(`${path}.log`, text);
  renameSync(`${path}.log`, path);
}

test("a change restarts it without using up a retry; ignored files do not; a unit that was stopped stays down", async () => {
  await using daemon = await startDaemon();
  const src = join(daemon.home, "src");
  mkdirSync(src);
  daemon.writeUnit(
    "app",
    sleeper({ enabled: true, working_directory: daemon.home, watch: { paths: ["src"], ignore: ["*.log"], debounce: 0.05 } }),
  );
  const first = await daemon.reaches("app", "running");
  writeFileSync(join(src, "out.log"), "x");
  put(join(src, "main.ts"), "x");
  const second = await daemon.reaches("app", (row) => row.state === "running" && row.pid !== first.pid);
  expect(second).toMatchObject({ retries: 0, restart_count: 0, requested_restarts: { watch: 1, operator: 0 }, reason: "watch" });
  const told = await eventsOf(daemon, "app", "watch-changed");
  expect(told.map(({ details }) => details.paths)).toEqual([[join(src, "main.ts")]]);

  expect((await daemon.sup("stop", "app")).code).toBe(0);
  put(join(src, "main.ts"), "y");
  expect((await daemon.sup("start", "app")).code).toBe(0);
  expect((await eventsOf(daemon, "app", "watch-changed")).length).toBe(1);
});

test("a unit that has failed is tried again when its files change", async () => {
  await using daemon = await startDaemon();
  const script = join(daemon.home, "serve.sh");
  writeFileSync(script, "exit 1\n");
  const unit = {
    enabled: true,
    command: "/bin/sh",
    args: [script],
    restart_policy: { max_retries: 0 },
    watch: { paths: [script], debounce: 0.05 },
  };
  daemon.writeUnit("app", unit);
  await daemon.reaches("app", "fatal");
  put(script, "exec sleep 1000\n");
  expect(await daemon.reaches("app", "running")).toMatchObject({ retries: 0 });
});

test("a unit that writes into its own watched directory is restarted ever more slowly, and an event and an alert name the file", async () => {
  await using daemon = await startDaemon();
  const src = join(daemon.home, "src");
  mkdirSync(src);
  daemon.writeUnit("app", {
    enabled: true,
    command: "/bin/sh",
    args: ["-c", "date +%%N >src/cache; exec sleep 1000"],
    working_directory: daemon.home,
    watch: { paths: ["src"], debounce: 0.05 },
  });
  // Three at once, then after 1 and 2 seconds: the fifth is suspicious.
  const looping = await daemon.reaches("app", (row) => row.requested_restarts.watch >= 5);
  expect(looping.restart_count).toBe(0);
  const [event] = await eventsOf(daemon, "app", "watch-loop");
  expect(event).toMatchObject({ message: expect.stringContaining(join(src, "cache")), details: { restarts: 5 } });
  const { stdout } = await daemon.sup("alerts");
  expect(stdout).toContain("watch-loop");
  expect(stdout).toContain(join(src, "cache"));
  expect((await daemon.sup("status", "app")).stdout).toMatch(/Restarts: 0 by the restart policy, \d+ by a file change/);
});

import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { Watches } from "../../../src/daemon/background/watches.ts";
import { Launcher } from "../../../src/daemon/engine/launcher.ts";
import type { FileWatch } from "../../../src/ports/filewatch.ts";
import { SmallDaemon } from "./small-daemon.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A running unit `web` that watches /srv. `change` reports a change of its files. */
async function watched() {
  const daemon = new SmallDaemon({ web: { watch: { paths: ["/srv", "near"], ignore: [], debounceMs: 100 } } });
  const open = new Set<FileWatch>();
  const account = { name: "ann", uid: 1, gid: 1, home: "/home/ann", shell: "/bin/sh" };
  const places = { state: "/state", logs: "/logs", runtime: "/run" };
  const readText = (): { ok: false; error: string } => ({ ok: false, error: "ENOENT" });
  let conditions: readonly string[] = [];
  void new Watches({
    world: daemon.world,
    clock: daemon.clock,
    engine: {
      watch: (listener) => daemon.engine.watch(listener),
      post: (...events) => {
        for (const event of events) if (event.type === "observed") conditions = event.conditions.map(({ message }) => message);
        daemon.engine.post(...events);
      },
    },
    recorder: daemon.recorder,
    logs: { note: () => undefined },
    launcher: new Launcher({
      users: { lookup: () => account },
      places,
      locale: {},
      readText,
      defaults: { directory: (home) => home, nice: null },
    }),
    watchFiles: (watch) => {
      open.add(watch);
      return () => void open.delete(watch);
    },
  });
  daemon.start("web");
  await daemon.settle();
  const change = async (path = "/srv/cache"): Promise<void> => {
    for (const { onChange } of open) onChange([path]);
    await daemon.settle();
  };
  return { daemon, open, change, alerts: () => conditions };
}

test("a relative path is below the directory that the process runs in, also without working_directory", async () => {
  const { open } = await watched();
  expect([...open].map(({ paths }) => paths)).toEqual([["/srv", "/home/ann/near"]]);
});

test("a change restarts the unit, and counts as a restart by the watch", async () => {
  const { daemon, change } = await watched();
  await change();
  expect(daemon.unit("web")).toMatchObject({ run: 2, phase: "running", restarts: 0, requestedRestarts: { watch: 1 } });
  expect(daemon.events).toEqual(["watch-changed web"]);
});

test("changes right after each restart are slowed down; changes during the back-off are one restart", async () => {
  const { daemon, change } = await watched();
  for (let n = 0; n < 3; n++) await change();
  expect(daemon.unit("web").run).toBe(4);
  await change();
  await change();
  expect(daemon.unit("web").run).toBe(4);
  await daemon.pass(999);
  expect(daemon.unit("web").run).toBe(4);
  await daemon.pass(1);
  expect(daemon.unit("web").run).toBe(5);
  await daemon.pass(10_000);
  expect(daemon.unit("web").run).toBe(5);
});

test("the fifth restart in a row is an event and an alert that names the file; the alert goes when the row has ended", async () => {
  const { daemon, change, alerts } = await watched();
  for (let n = 0; n < 5; n++) {
    await change();
    await daemon.pass(2000);
  }
  expect(daemon.events.filter((event) => event.startsWith("watch-loop"))).toEqual(["watch-loop web"]);
  expect(alerts()).toEqual([expect.stringContaining("/srv/cache changed after each of 5 restarts in a row")]);
  await daemon.pass(20_000);
  expect(alerts()).toEqual([]);
});

test("a stop ends the row and a restart that is due", async () => {
  const { daemon, change, open } = await watched();
  for (let n = 0; n < 4; n++) await change();
  daemon.engine.handle({ type: "request", action: "stop", ids: ["web"], cause: "operator" });
  await daemon.settle();
  expect(open.size).toBe(0);
  await daemon.pass(60_000);
  expect(daemon.unit("web")).toMatchObject({ run: 4, want: "down" });
  daemon.start("web");
  await daemon.settle();
  await change();
  expect(daemon.unit("web").run).toBe(6);
});

test("a unit that writes half a minute after each start is recognised; a change elsewhere restarts it at once", async () => {
  const { daemon, change, alerts } = await watched();
  for (let n = 0; n < 4; n++) {
    await daemon.pass(30_000);
    await change();
    expect(daemon.unit("web").run).toBe(2 + n);
  }
  await daemon.pass(30_000);
  await change(); // the fifth: a test
  expect(daemon.unit("web").run).toBe(5);
  await daemon.pass(7500);
  expect(daemon.unit("web").run).toBe(6);
  expect(alerts()).toEqual([]);
  await daemon.pass(30_000);
  await change();
  await daemon.pass(29_999);
  expect(daemon.unit("web").run).toBe(6);
  await daemon.pass(1);
  expect(daemon.unit("web").run).toBe(7);
  expect(daemon.events.filter((event) => event.startsWith("watch-loop"))).toEqual(["watch-loop web"]);
  expect(alerts()).toEqual([expect.stringContaining("/srv/cache changes about 30s after each start")]);
  await daemon.pass(30_000);
  await change();
  await daemon.pass(10_000);
  expect(daemon.unit("web").run).toBe(7);
  await change("/home/ann/near/index.ts");
  expect(daemon.unit("web").run).toBe(8);
  expect(alerts()).toEqual([]);
});

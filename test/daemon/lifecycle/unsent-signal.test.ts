/** A daemon is killed after it has stored the stop of a unit, before or after it has sent the signal. */
import { describe, expect, test } from "bun:test";
import { code, ref } from "../../core/fixtures.ts";
import { type Disk, daemonOn, firstDaemon } from "./life.ts";

const WEB = { command: "serve", graceful_shutdown: { timeout: 5 } };

describe("a unit whose stop was stored", () => {
  test("gets the signal from the next daemon if it was not sent, and then has its whole time to stop", async () => {
    const disk = await killedWhileStopping("before the signal");
    disk.nowMs += 60_000;
    const next = daemonOn(disk);
    next.resume();
    expect(next.processes.acts).toEqual(["adopt 100", "signal tree 100 15 group"]);
    expect(next.unit("web")).toMatchObject({ phase: "stopping", due: { atMs: disk.nowMs + 5000, why: "stop-timeout" } });
    next.processes.latest().onExit(code(0));
    await next.settle();
    expect(next.unit("web")).toMatchObject({ phase: "idle", reason: "operator" });
    expect(next.bugs).toEqual([]);
  });

  test("does not get the signal a second time", async () => {
    const after = daemonOn(await killedWhileStopping("after the signal"));
    after.resume();
    expect(after.processes.acts).toEqual(["adopt 100"]);

    const disk = await killedWhileStopping("before the signal");
    const next = daemonOn(disk);
    next.resume();
    await next.settle();
    const third = daemonOn(disk);
    third.resume();
    expect(third.processes.acts).toEqual(["adopt 100"]);
  });

  test("before its start was is adopted and gets the signal", async () => {
    const { disk, daemon } = firstDaemon({ web: WEB });
    daemon.processes.isSlow = true;
    daemon.request("start", "web");
    await daemon.settle();
    daemon.request("stop", "web");
    await daemon.settle();
    expect(daemon.unit("web")).toMatchObject({ phase: "stopping", process: null });
    const next = daemonOn(disk);
    next.processes.found = [{ unit: "web", invocation: "web#1", ref: ref(222), madeAtMs: disk.nowMs }];
    next.resume();
    expect(next.processes.acts).toEqual(["adopt 222", "signal tree 222 15 group"]);
    expect(next.unit("web")).toMatchObject({ phase: "stopping", want: "down", run: 1, process: ref(222) });
    next.processes.latest().onExit(code(0));
    await next.settle();
    expect(next.unit("web")!.phase).toBe("idle");
    expect(next.bugs).toEqual([]);
  });
});

/** What a daemon has stored that was killed when it was about to signal `web`, or when the signal was sent. */
async function killedWhileStopping(moment: "before the signal" | "after the signal"): Promise<Disk> {
  const { disk, daemon } = firstDaemon({ web: WEB });
  daemon.request("start", "web");
  await daemon.settle();
  const signalled: Array<ReadonlyMap<string, string>> = [];
  daemon.processes.signalTree = () => void signalled.push(new Map(disk.memories));
  daemon.request("stop", "web");
  await daemon.settle();
  expect(signalled.length).toBe(1);
  if (moment === "before the signal") for (const [id, memory] of signalled[0]!) disk.memories.set(id, memory);
  return disk;
}

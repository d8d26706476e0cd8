import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { Limiter } from "../../../src/daemon/background/limiter.ts";
import type { LimitState } from "../../../src/core/metrics/limits.ts";
import type { Usage } from "../../../src/ports/usage.ts";
import type { LimitSpec } from "../../../src/spec/spec.ts";
import { SmallDaemon } from "./small-daemon.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const limits = (more: Partial<LimitSpec> = {}): LimitSpec => ({
  maxMemoryMb: 100,
  maxCpuPercent: null,
  maxTasks: null,
  sustained: 2,
  warnAt: 0.8,
  action: "warn",
  ...more,
});

/** `web` runs with these limits. `held`: the kernel enforces them. */
async function limited(spec: LimitSpec | null, { held = false, start = true } = {}) {
  const daemon = new SmallDaemon({ web: { limits: spec } });
  const bound: string[] = [];
  let memoryMb = 0;
  let sampled = 0;
  let failure: Error | null = null;
  const usage: Pick<Usage, "memory"> = {
    async memory(trees) {
      sampled++;
      if (failure !== null) throw failure;
      return new Map([...trees.keys()].map((id) => [id, memoryMb]));
    },
  };
  const limiter = new Limiter({
    world: daemon.world,
    engine: daemon.engine,
    usage: usage as Usage,
    processes: {
      bind: (invocation, bounds) => void bound.push(`${invocation} ${bounds === null ? "free" : bounds.memory}`),
      unheld: () => (held ? null : "there are no cgroups"),
    },
    invocationOf: (id, run) => `${id}#${run}`,
    bug: (message, error) => void daemon.bugs.push(`${message}: ${(error as Error).message}`),
  });
  limiter.start();
  if (start) daemon.start("web");
  await daemon.settle();
  const take = async (...megabytes: number[]): Promise<void> => {
    for (const mb of megabytes)
      limiter.take(new Map([["web", { memoryMb: mb, cpuPercent: null, tasks: 1 }]]), new Map([["web", daemon.unit("web").run]]));

    await daemon.settle();
  };
  return {
    daemon,
    limiter,
    notes: daemon.notes,
    state: (): LimitState | null | undefined => daemon.world.get("web")?.limits,
    bound,
    take,
    sampled: (): number => sampled,
    uses: (mb: number): void => void (memoryMb = mb),
    fails: (error: Error): void => void (failure = error),
  };
}

describe("action warn", () => {
  test("a lasting breach is reported once, as an event and in the log; the unit keeps running", async () => {
    const { daemon, take, notes } = await limited(limits());
    await take(120);
    expect(daemon.events).toEqual([]);
    await take(120, 130, 140);
    expect(daemon.events).toEqual(["limit-exceeded web"]);
    expect(notes).toEqual(["web: memory is over its limit: 120 MiB of 100 MiB"]);
    expect(daemon.unit("web")).toMatchObject({ phase: "running", run: 1 });
  });

  test("near, over and recovered are separate events", async () => {
    const { daemon, take } = await limited(limits());
    await take(85, 85, 120, 120, 85, 85, 10, 10);
    expect(daemon.events).toEqual(["limit-near web", "limit-exceeded web", "limit-recovered web", "limit-recovered web"]);
  });

  test("each run counts its samples from zero", async () => {
    const { daemon, take, state } = await limited(limits());
    await take(120);
    expect(state()!.run).toBe(1);
    daemon.engine.handle({ type: "request", action: "restart", ids: ["web"], cause: "operator" });
    await daemon.settle();
    expect(daemon.unit("web").run).toBe(2);
    await take(120);
    expect(daemon.events).toEqual([]);
    expect(state()!.run).toBe(2);
  });
});

test("samples of a stopped unit or of one without limits are ignored", async () => {
  const down = await limited(limits(), { start: false });
  await down.take(500, 500, 500);
  expect(down.daemon.events).toEqual([]);
  const free = await limited(null);
  await free.take(500, 500, 500);
  expect(free.daemon.events).toEqual([]);
  expect(free.state()).toBeNull();
});

test("action restart: the breach is reported, then the run fails", async () => {
  const { daemon, take, notes } = await limited(limits({ action: "restart" }));
  await take(120, 120);
  expect(daemon.events).toEqual(["limit-exceeded web"]);
  expect(notes[0]).toStartWith("web: memory is over its limit: 120 MiB of 100 MiB; ");
  expect(daemon.unit("web")).toMatchObject({
    phase: "backoff",
    last: { by: "resources", detail: "memory is over its limit: 120 MiB of 100 MiB" },
  });
});

describe("action enforce", () => {
  test("with cgroups the run gets its limits when it starts, and nothing is sampled between the ticks", async () => {
    const { daemon, bound, sampled, take } = await limited(limits({ action: "enforce" }), { held: true });
    expect(new Set(bound)).toEqual(new Set(["web#1 100"]));
    await daemon.pass(5000);
    expect(sampled()).toBe(0);
    await take(120, 120);
    expect(daemon.events).toEqual(["limit-exceeded web"]);
    expect(daemon.unit("web").phase).toBe("running");
  });

  test("without cgroups the memory is sampled every second, and the first sample over the limit ends the run", async () => {
    const { daemon, uses, sampled } = await limited(limits({ action: "enforce" }));
    uses(90);
    await daemon.pass(1000);
    expect(sampled()).toBe(1);
    expect(daemon.unit("web").phase).toBe("running");
    uses(101);
    await daemon.pass(1000);
    expect(daemon.events.at(-1)).toBe("limit-exceeded web");
    expect(daemon.unit("web")).toMatchObject({ phase: "backoff", last: { by: "resources" } });
  });

  test("memory that is sampled every second is not counted again on the tick", async () => {
    const { daemon, take } = await limited(limits({ action: "enforce" }));
    await take(500, 500, 500);
    expect(daemon.events).toEqual([]);
  });

  test("sampling ends with the last run that needs it, and with the daemon", async () => {
    const { daemon, sampled, limiter } = await limited(limits({ action: "enforce" }));
    await daemon.pass(1000);
    daemon.engine.handle({ type: "request", action: "stop", ids: ["web"], cause: "operator" });
    await daemon.settle();
    await daemon.pass(5000);
    expect(sampled()).toBe(1);
    daemon.start("web");
    await daemon.settle();
    await daemon.pass(1000);
    expect(sampled()).toBe(2);
    limiter.close();
    await daemon.pass(5000);
    expect(sampled()).toBe(2);
  });

  test("a failure to sample is reported as a bug and does not affect the unit", async () => {
    const { daemon, fails } = await limited(limits({ action: "enforce" }));
    fails(new Error("EMFILE"));
    await daemon.pass(1000);
    expect(daemon.bugs).toEqual(["cannot sample the memory of units: EMFILE"]);
    expect(daemon.unit("web").phase).toBe("running");
  });
});

test("changed limits apply to the run at once; without `enforce` the kernel limits are removed", async () => {
  const { daemon, bound } = await limited(limits({ action: "enforce" }), { held: true });
  daemon.load("web", { limits: limits({ action: "enforce", maxMemoryMb: 50 }) });
  expect(bound.at(-1)).toBe("web#1 50");
  daemon.load("web", { limits: limits() });
  expect(bound.at(-1)).toBe("web#1 free");
});

import type { Telemetry } from "../../api/server/supervisor.ts";
import type { ScalingOutlook } from "../../core/world/scalings.ts";
import type { World } from "../../core/world/world.ts";
import { problemLine } from "../../spec/parse/problems.ts";
import type { Background } from "../background/background.ts";
import type { Engine } from "../engine/engine.ts";
import type { Dispatcher } from "../notifications/dispatcher.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import type { Machine } from "./machine.ts";

/** Returns the daemon's own metrics. */
export function readTelemetry(
  { meter, sampler }: Background,
  engine: Engine,
  { store, logs, clock }: Pick<Machine, "store" | "logs" | "clock">,
  world: World,
  dispatcher: Dispatcher,
): Telemetry {
  const reported = [...sampler.reported()].flatMap(([unit, numbers]) =>
    Object.entries(numbers).map(([name, value]) => ({ unit, name, value })),
  );
  const [cpu, memory] = [process.cpuUsage(), process.memoryUsage()];
  return {
    ...meter.read(),
    reported,
    unlogged: world.ids().flatMap((unit) => logs.condition(unit).losses.map(({ why, lines }) => ({ unit, why, lines }))),
    scaling: [...world.services()].flatMap(({ name }) => scalingOf(world.scalingOf(name, clock.monotonicMs()), name)),
    notifications: [...dispatcher.queues].map(([channel, { trouble, pending, counts }]) => ({
      ...{ channel, failing: trouble !== null, pending, sent: counts.sent, failed: counts.failed },
    })),
    mailbox: engine.depth,
    storeBytes: store.size(),
    residentBytes: memory.rss,
    heapBytes: memory.heapUsed,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

function scalingOf(outlook: ScalingOutlook | null, service: string): Telemetry["scaling"] {
  if (outlook === null) return [];
  const { spec, decision } = outlook;
  const unknown = spec.metrics.map((one) => ({ ...one, mean: null, count: null }));
  const metrics = (decision?.verdicts ?? unknown).map(({ metric, target, mean, count }) => ({ metric, target, mean, needed: count }));
  return [{ service, min: spec.min, max: spec.max, metrics }];
}

/** Returns messages for the operator: those of the daemon itself, those of the store, and the errors in unit files. */
export function daemonNotes(own: readonly string[], store: readonly string[], catalog: UnitCatalog): string[] {
  const errors = catalog.problems().filter((problem) => problem.severity === "error");
  return [...own, ...store, ...errors.map(problemLine)];
}

import type { CheckSpec, DependencySpec, Spec } from "../../src/spec/spec.ts";
import type { UnitType } from "../../src/base/words.ts";
import { SIGNALS } from "../../src/base/signals.ts";
import { hook, makeSpec } from "../core/fixtures.ts";
import type { Random } from "./random.ts";

/** Three to eight services of all kinds, some with two or three units, with dependencies but no cycles. */
export function makeUnits(random: Random): Spec[] {
  const specs: Spec[] = [];
  const count = 3 + random.below(6);
  for (let i = 0; i < count; i++) {
    const unit = makeUnit(random, `u${i}`, specs);
    const units = random.chance(0.2) ? 2 + random.below(2) : 1;
    if (units === 1) specs.push(unit);
    else for (let n = 1; n <= units; n++) specs.push({ ...unit, id: `u${i}@${n}`, service: `u${i}` });
  }
  return specs;
}

/**
 * The unit with a changed file. Settings that need a restart stay the same, and so does start_timeout, which does not apply
 * to a start in progress.
 */
export function changedUnit(random: Random, spec: Spec, earlier: readonly Spec[]): Spec {
  const { type, remainAfterExit, preStart, startTimeoutMs, watchdogMs } = spec;
  const others = earlier.filter(({ service }) => service !== spec.service);
  return { ...makeUnit(random, spec.id, others, type), service: spec.service, remainAfterExit, preStart, startTimeoutMs, watchdogMs };
}

const anyType = (random: Random): UnitType => random.pick(["simple", "simple", "simple", "notify", "oneshot"]);

function makeUnit(random: Random, id: string, earlier: readonly Spec[], type = anyType(random)): Spec {
  return makeSpec(id, {
    type,
    priority: random.below(3),
    remainAfterExit: type === "oneshot" && random.chance(0.4),
    startTimeoutMs: type === "oneshot" ? random.pick([null, 4000]) : 3000,
    preStart: random.chance(0.15) ? [hook(300)] : [],
    preRestart: random.chance(0.15) ? [hook(300)] : [],
    postStop: random.chance(0.15) ? [hook(300)] : [],
    reload: random.chance(0.3) ? { kind: "command", command: "reread", args: [], timeoutMs: 500 } : null,
    restart: {
      autoRestart: random.chance(0.9),
      restartOnExit: type !== "oneshot" && random.chance(0.2),
      noRestartExitCodes: random.chance(0.2) ? [78] : [],
      maxRetries: random.pick([-1, 0, 1, 3]),
      retryDelayMs: random.pick([0, 100, 1000]),
      maxBackoffMs: 2000,
      jitter: random.pick([0, 0.3]),
      resetAfterMs: 3000,
      fatalRetryAfterMs: random.pick([null, 3000]),
    },
    stop: {
      graceful: random.chance(0.9),
      timeoutMs: 500,
      signal: SIGNALS.SIGTERM,
      killMode: random.pick(["group", "mixed", "process"]),
    },
    check: random.chance(0.3) ? makeCheck(random) : null,
    watchdogMs: type === "notify" && random.chance(0.3) ? 2000 : null,
    dependencies: services(earlier)
      .filter(() => random.chance(0.35))
      .map((targets) => makeDependency(random, targets)),
  });
}

const makeCheck = (random: Random): Partial<CheckSpec> => ({
  intervalMs: random.pick([1000, 4000]),
  startIntervalMs: 200,
  startPeriodMs: random.pick([0, 1000]),
  failureThreshold: random.pick([1, 2]),
  successThreshold: random.pick([1, 2]),
  action: random.pick(["restart", "restart", "none"]),
});

const services = (specs: readonly Spec[]): Spec[][] => [...Map.groupBy(specs, ({ service }) => service).values()];

/** Only conditions that the target can meet in a reliable environment. Sometimes on one unit of a service with several. */
function makeDependency(random: Random, targets: readonly Spec[]): DependencySpec {
  const target = targets[0]!;
  const one = targets.length > 1 && random.chance(0.2);
  const conditions = ["started", "ready", null] as const;
  const oneshot = ["completed", "succeeded", ...conditions] as const;
  return {
    unit: one ? target.id : target.service,
    condition: random.pick<DependencySpec["condition"]>(target.type === "oneshot" ? oneshot : conditions),
    required: random.chance(0.8),
    restart: random.chance(0.2),
    quorum: one || random.chance(0.5) ? null : 1 + random.below(targets.length),
  };
}

import { DEFAULT_ROLLING } from "../../src/core/service/rolling-policy.ts";
import { isUnfinished } from "../../src/core/service/rollout.ts";
import { parseService, serviceText } from "../../src/core/service/service-memory.ts";
import type { Reading } from "../../src/core/world/types.ts";
import type { ScalingSpec, Spec } from "../../src/spec/spec.ts";
import { makeSpec } from "../core/fixtures.ts";
import { Stage } from "../core/world/stage.ts";
import { Random } from "./random.ts";

const NAME = "web";
const TARGET = 10;

/**
 * Plays a service that scales itself, with rolling restarts, failures, stops, and crashes of the daemon in between. Then the load stays
 * the same, and the number of units must fit it and stay. Returns how often the number changed. Throws if a rule is broken.
 */
export function playScalings(seed: number): number {
  const play = new History(new Random(seed));
  for (let i = 0; i < 80; i++) play.disturb();
  play.calm();
  return play.changes;
}

class History {
  changes = 0;
  readonly #random: Random;
  readonly #scaling: ScalingSpec;
  #stage: Stage;
  /** The load of the service. Ready units share it. */
  #load = 20;

  constructor(random: Random) {
    this.#random = random;
    const min = 1 + random.below(2);
    this.#scaling = {
      ...{
        min,
        max: min + random.below(7),
        tolerance: 0.1,
        upAfterMs: random.pick([0, 10_000]),
        downAfterMs: random.pick([0, 30_000]),
        idleAfterMs: 0,
      },
      metrics: [{ metric: "queue", target: TARGET }],
      ...{
        maxStepUp: random.pick([
          { count: 4, percent: 100 },
          { count: 1, percent: 0 },
        ]),
        maxStepDown: { count: 0, percent: 100 },
      },
    };
    this.#stage = new Stage(Array.from({ length: min }, (_, index) => this.#spec(index + 1)));
    this.#stage.post({ type: "resumed", open: [], lastId: 0 });
    this.#stage.start(...this.#stage.world.ids());
  }

  disturb(): void {
    const random = this.#random;
    const ids = this.#stage.world.ids();
    const id = ids[random.below(ids.length)]!;
    const roll = random.next();
    if (roll < 0.3) this.#measure();
    else if (roll < 0.55) this.#answer(id);
    else if (roll < 0.7) this.#stage.pass(random.pick([10, 5000, 20_000]));
    else if (roll < 0.76) this.#load = random.below(100);
    else if (roll < 0.82) this.#fail(id);
    else if (roll < 0.87) this.#roll();
    else if (roll < 0.9) this.#stage.post({ type: "rolloutControl", service: NAME, action: random.pick(["pause", "resume", "cancel"]) });
    else if (roll < 0.92) this.#stage.stop(...(random.chance(0.5) ? ids : [id]));
    else if (roll < 0.95) this.#stage.start(...ids);
    else this.#crash();
  }

  /** The load stays the same, and all units work. The number must fit the load, and must not change any more. */
  calm(): void {
    const { min, max } = this.#scaling;
    this.#stage.post({ type: "rolloutControl", service: NAME, action: "cancel" });
    for (let i = 0; i < 40; i++) this.#quietRound();
    const settled = this.#members().length;
    const changes = this.changes;
    for (let i = 0; i < 20; i++) this.#quietRound();
    if (this.changes !== changes) throw new Error(`the number still changes after ${settled}, with a load of ${this.#load}`);
    const perUnit = this.#load / settled;
    const fits = Math.abs(perUnit / TARGET - 1) <= 0.1 + 1e-9 || settled === Math.min(max, Math.max(min, Math.ceil(this.#load / TARGET)));
    if (!fits && !(perUnit < TARGET && Math.ceil(this.#load / TARGET) === settled))
      throw new Error(`${settled} units of ${min} to ${max} for a load of ${this.#load}`);
  }

  #quietRound(): void {
    this.#stage.start(...this.#stage.world.ids());
    for (const id of this.#stage.world.ids()) this.#answer(id);
    this.#stage.pass(5000);
    this.#measure();
  }

  #measure(): void {
    const { world } = this.#stage;
    const before = this.#members().length;
    const rollout = world.recordOf(NAME)?.rollout ?? null;
    const isRolling = rollout !== null && isUnfinished(rollout);
    const isStopped = this.#members().every((id) => world.get(id)!.unit.want === "down");
    const ready = this.#members().filter((id) => world.get(id)!.unit.phase === "running");
    const units = new Map<string, Reading>();
    for (const id of ready) units.set(id, { run: world.get(id)!.unit.run, values: { queue: this.#load / ready.length } });
    const turn = this.#stage.handle({ type: "measured", samples: new Map(), readings: { units, earlierRuns: () => 0 } });
    this.#stage.post({ type: "tick" });
    const after = this.#members();
    const events = turn.effects.filter((effect) => effect.type === "record" && effect.event.type === "scaled").length;
    if (events !== Number(after.length !== before)) throw new Error(`${events} events for ${before} → ${after.length} units`);
    if ((isRolling || isStopped) && after.length !== before)
      throw new Error(`scaled while ${isRolling ? "a rollout is under way" : "stopped"}`);
    this.#check(after, isRolling, isStopped);
    this.changes += events;
  }

  #check(members: readonly string[], isRolling: boolean, isStopped: boolean): void {
    const { min, max } = this.#scaling;
    const isBounded = members.length >= min && members.length <= max;
    if (!isBounded && !isRolling && !isStopped) throw new Error(`${members.length} units, and ${min} to ${max} are allowed`);
    const numbers = members.map((id) => Number(id.split("@")[1]));
    if (!isRolling && numbers.some((number, index) => number !== index + 1)) throw new Error(`the numbers have gaps: ${numbers.join()}`);
  }

  #members(): string[] {
    return this.#stage.world.ids().filter((id) => !this.#stage.world.get(id)!.retired);
  }

  #answer(id: string): void {
    if (this.#stage.world.get(id)?.unit.phase === "starting") this.#stage.ready(id);
  }

  #fail(id: string): void {
    if (this.#stage.world.get(id)?.unit.process != null) this.#stage.exits(id, 1);
  }

  #roll(): void {
    const { world } = this.#stage;
    const surge = `${NAME}@${this.#members().length + 1}`;
    const rollout = world.recordOf(NAME)?.rollout ?? null;
    if (this.#members().every((id) => world.get(id)!.unit.want === "down") || (rollout !== null && isUnfinished(rollout))) return;
    const policy = { ...DEFAULT_ROLLING, minHealthyMs: 1000 };
    this.#stage.post({ type: "rollout", service: NAME, policy, earlierRuns: { [surge]: 0 } });
  }

  /** The daemon dies, and the next one continues from the records. */
  #crash(): void {
    const { world, nowMs } = this.#stage;
    const before = this.#members();
    const units = [...world.entries()].map(([, { spec, unit, check }]) => ({ spec, unit: structuredClone(unit), check }));
    const record = world.recordOf(NAME);
    const scale = world.scaleOf(NAME) ?? this.#scaling.min;
    this.#stage = new Stage([]);
    this.#stage.nowMs = nowMs;
    if (record !== undefined) this.#stage.post({ type: "restoreService", service: NAME, memory: parseService(serviceText(record))! });
    for (const { spec } of units) this.#stage.post({ type: "load", spec });
    for (const one of units) this.#stage.post({ type: "restore", ...one });
    this.#stage.post({ type: "resumed", open: [], lastId: 0 });
    for (const { spec, unit } of units)
      if (spec.instance! > scale && unit.want === "down") this.#stage.post({ type: "unload", id: spec.id, cause: "operator" });
    if (this.#members().join() !== before.join()) throw new Error(`${before.join()} became ${this.#members().join()}`);
  }

  #spec(instance: number): Spec {
    const restart = { retryDelayMs: 500, maxRetries: -1 };
    return makeSpec(`${NAME}@${instance}`, {
      ...{ service: NAME, instance, instances: this.#scaling.min, scaling: this.#scaling },
      ...{ type: "notify", restart, startTimeoutMs: 20_000 },
    });
  }
}

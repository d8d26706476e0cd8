import { surgeOf } from "../../src/core/service/rolling-policy.ts";
import { parseService, serviceText } from "../../src/core/service/service-memory.ts";
import { isActive, isUnfinished, type Rollout } from "../../src/core/service/rollout.ts";
import type { RolloutControl } from "../../src/core/world/types.ts";
import type { Turn, World, WorldEvent } from "../../src/core/world/world.ts";
import type { Amount, RollingSpec, Spec } from "../../src/spec/spec.ts";
import { makeSpec } from "../core/fixtures.ts";
import { Stage } from "../core/world/stage.ts";
import { good } from "../spec/fixtures.ts";
import { Random } from "./random.ts";

/** What came of one history. */
export interface PlayedRollout {
  readonly events: number;
  readonly rollouts: number;
  readonly states: readonly Rollout["state"][];
}

const NAME = "web";

const amount = (count: number): Amount => ({ count, percent: null });
const percentage = (percent: number): Amount => ({ count: 0, percent });
const POLICIES: ReadonlyArray<readonly [surge: Amount, unavailable: Amount]> = [
  [amount(1), amount(0)],
  [amount(0), amount(1)],
  [amount(2), amount(1)],
  [percentage(50), percentage(25)],
];

/** A stage that checks after every event that a rollout did no more than its policy allows. */
class Watched extends Stage {
  /** True while units that the last daemon was removing are known again. */
  isRestoring: boolean | undefined;

  /** The version of the definition with which each unit was started last. */
  readonly versions = new Map<string, string>();

  override handle(event: WorldEvent): Turn {
    const turn = this.checked(event);
    for (const { type, id } of turn.effects) if (type === "spawn") this.versions.set(id, versionOf(this.world.get(id)!.spec));
    return turn;
  }

  protected checked(event: WorldEvent): Turn {
    const before = this.world.recordOf(NAME)?.rollout ?? null;
    const wasReady = new Set(this.world.ids().filter((id) => isReady(this.world, id)));
    const turn = super.handle(event);
    const rollout = this.world.recordOf(NAME)?.rollout ?? null;
    if (rollout === null) return turn;
    if (event.type !== "rollout" && before?.generation !== rollout.generation) return turn; // restored
    const phaseOf = (id: string) => (event.type === "rollout" ? "old" : before?.units.find((one) => one.id === id)?.phase);
    const taken = rollout.units.filter((one) => one.phase === "starting" && phaseOf(one.id) !== "starting");
    // A unit that fails is restarted in the same turn, which interrupts nothing.
    const hasFailed = (id: string): boolean => event.type === "fact" && event.id === id;
    const interrupted = taken.filter(({ id, isSurge }) => !isSurge && wasReady.has(id) && !hasFailed(id));
    const ready = rollout.units.filter(({ id, phase }) => (phase === "old" || phase === "new") && isReady(this.world, id)).length;
    if (interrupted.length > 0 && ready < rollout.wanted - rollout.unavailable)
      throw new Error(`only ${ready} units are ready while ${interrupted.map(({ id }) => id).join()} restarts: ${JSON.stringify(rollout)}`);
    const mayRestart = rollout.state === "running" || rollout.state === "reverting" || rollout.awaitsPromotion;
    if (taken.length > 0 && !mayRestart) throw new Error(`a rollout that is ${rollout.state} restarts ${taken[0]!.id}`);
    const surge = new Set(rollout.units.flatMap(({ id, isSurge }) => (isSurge ? [id] : [])));
    const stray = this.world.ids().filter((id) => {
      const { spec, retired } = this.world.get(id)!;
      return spec.instance! > spec.instances! && !surge.has(id) && !retired;
    });
    if (stray.length > 0 && this.isRestoring !== true) throw new Error(`${stray.join()} run, and belong to no rollout`);
    return turn;
  }
}

const versionOf = ({ environment }: Spec): string => environment.VERSION ?? "0";

function isReady(world: World, id: string): boolean {
  const unit = world.get(id)?.unit;
  return unit?.want === "up" && unit.phase === "running";
}

/**
 * Plays rolling restarts of one service: units fail, hang and recover, an operator interferes, and the daemon dies and continues from
 * its records. Then the units work, and every rollout must end. Throws if a rule is broken.
 */
export function playRollouts(seed: number): PlayedRollout {
  const random = new Random(seed);
  const size = 1 + random.below(4);
  const [maxSurge, maxUnavailable] = POLICIES[random.below(POLICIES.length)]!;
  const minHealthyMs = random.pick([0, 1000, 5000]);
  const policy = {
    maxSurge,
    maxUnavailable,
    minHealthyMs,
    progressDeadlineMs: 60_000,
    order: random.pick(["newest-last", "newest-first"]),
    canary: random.pick([0, 0, 1, 2]),
    autoRevert: random.chance(0.7),
    drain: random.pick([null, { signal: 10, timeoutMs: 4000 }]),
  } as const;
  const play = new History(random, size, policy);
  for (let i = 0; i < 60; i++) play.disturb();
  play.calm();
  return { events: play.events, rollouts: play.rollouts, states: play.states };
}

class History {
  events = 0;
  rollouts = 0;
  readonly states: Rollout["state"][] = [];
  readonly #random: Random;
  readonly #size: number;
  readonly #policy: RollingSpec;
  readonly #specs: readonly Spec[];
  readonly #effective: Readonly<Record<string, unknown>>;
  #stage: Watched;
  #version = 0;

  constructor(random: Random, size: number, policy: RollingSpec) {
    this.#random = random;
    this.#size = size;
    this.#policy = policy;
    const restart = { retryDelayMs: 500, maxRetries: 3, fatalRetryAfterMs: null };
    this.#specs = Array.from({ length: size }, (_, i) =>
      makeSpec(`${NAME}@${i + 1}`, {
        ...{ service: NAME, instance: i + 1, instances: size, rolling: policy },
        ...{ type: "notify", restart, startTimeoutMs: 20_000 },
      }),
    );
    const { canary, autoRevert, drain } = policy;
    this.#effective = good({
      ...{ command: "serve", type: "notify", instances: size, start_timeout: 20 },
      restart_policy: { retry_delay: 0.5, max_retries: 3 },
      rolling: { canary, auto_revert: autoRevert, ...(drain !== null && { drain: { signal: "USR1", timeout: drain.timeoutMs / 1000 } }) },
    }).effective;
    this.#stage = this.#fresh();
    this.#stage.start(...this.#specs.map(({ id }) => id));
    for (const { id } of this.#specs) this.#stage.ready(id);
    this.#begin();
  }

  get #rollout(): Rollout | null {
    return this.#stage.world.recordOf(NAME)?.rollout ?? null;
  }

  /** One random event. */
  disturb(): void {
    const random = this.#random;
    this.events++;
    const ids = this.#ids();
    const id = ids[random.below(ids.length)] ?? `${NAME}@1`;
    const roll = random.next();
    if (roll < 0.45) this.#answer(id);
    else if (roll < 0.6) this.#stage.pass(random.pick([10, 1000, 5000, 30_000]));
    else if (roll < 0.7) this.#fail(id);
    else if (roll < 0.76) void (this.#stage.stubborn.delete(id) || this.#stage.stubborn.add(id));
    else if (roll < 0.82) this.#control(random.pick(["pause", "resume", "cancel", "promote", "rollback"]));
    else if (roll < 0.86) this.#begin();
    else if (roll < 0.9) this.#stage.start(id);
    else if (roll < 0.92) this.#stage.stop(id);
    else this.#crash();
  }

  /** All units work from now on. Every rollout must end, and its additional units must leave. */
  calm(): void {
    this.#control("resume");
    const decision = this.#random.pick(["promote", "rollback"] as const);
    this.#stage.stubborn.clear();
    for (let i = 0; i < 60; i++) {
      if (this.#rollout?.awaitsPromotion === true) this.#control(decision);
      for (const id of this.#ids()) this.#answer(id);
      this.#stage.pass(10_000);
    }
    const rollout = this.#rollout;
    const isMember = (id: string): boolean => this.#specs.some((spec) => spec.id === id);
    if (rollout?.state === "done" || rollout?.endsAs != null) this.#checkVersions(rollout);
    for (const { id } of this.#specs) this.#stage.start(id);
    for (let i = 0; i < 3; i++) for (const id of this.#ids()) this.#answer(id);
    if (rollout !== null && isActive(rollout)) throw new Error(`the rollout does not end: ${JSON.stringify(rollout)}`);
    if (this.#rollout !== null && isUnfinished(this.#rollout)) throw new Error(`its surge stays: ${JSON.stringify(this.#rollout)}`);
    const left = this.#ids().filter((id) => !isMember(id));
    if (left.length > 0) throw new Error(`${left.join(", ")} are left`);
    this.states.push(rollout!.state);
  }

  /** After a success or a revert, no unit runs another version than the one in force. */
  #checkVersions({ failure, units }: Rollout): void {
    const wasCancelled = units.some(({ isSurge, phase }) => !isSurge && (phase === "old" || phase === "starting"));
    if (wasCancelled || failure?.includes("the revert failed, too") === true) return;
    const { world, versions } = this.#stage;
    const inForce = new Set(this.#specs.map(({ id }) => versionOf(world.get(id)!.spec)));
    const others = this.#specs.filter(({ id }) => isReady(world, id) && !inForce.has(versions.get(id)!)).map(({ id }) => id);
    if (inForce.size !== 1 || others.length > 0)
      throw new Error(`${[...inForce].join()} is in force, but ${others.join()} run another one: ${JSON.stringify(this.#rollout)}`);
  }

  #ids(): string[] {
    return this.#stage.world.ids();
  }

  #answer(id: string): void {
    if (this.#stage.world.get(id)?.unit.phase === "starting") this.#stage.ready(id);
  }

  #fail(id: string): void {
    const unit = this.#stage.world.get(id)?.unit;
    if (unit?.process != null) this.#stage.exits(id, 1);
  }

  #control(action: RolloutControl): void {
    this.#stage.post({ type: "rolloutControl", service: NAME, action });
  }

  #begin(): void {
    const { world } = this.#stage;
    const running = this.#specs.filter(({ id }) => world.get(id)?.unit.want === "up").length;
    if (running === 0) return;
    const surge = Array.from({ length: surgeOf(this.#policy, running) }, (_, i) => `${NAME}@${this.#size + i + 1}`);
    const before = world.recordOf(NAME)?.generation ?? 0;
    const earlierRuns = Object.fromEntries(surge.map((id) => [id, 0]));
    this.#stage.post({
      type: "rollout",
      service: NAME,
      policy: this.#policy,
      earlierRuns,
      ...(this.#random.chance(0.7) && this.#reload()),
    });
    if (this.#rollout!.generation !== before + 1) throw new Error("a rollout did not get the next number");
    this.rollouts++;
  }

  /** Changes the definition of all members, and returns the one before. */
  #reload(): { readonly previous: { readonly file: string; readonly effective: Readonly<Record<string, unknown>> } } {
    const { world } = this.#stage;
    const before = versionOf(world.get(`${NAME}@1`)!.spec);
    const version = String(++this.#version);
    for (const { id } of this.#specs) this.#stage.load({ ...world.get(id)!.spec, environment: { VERSION: version } });
    return { previous: { file: "", effective: { ...this.#effective, environment: { VERSION: before } } } };
  }

  /** The daemon dies and the next one continues from the records. Now and then, processes have ended meanwhile. */
  #crash(): void {
    const { world, nowMs, stubborn, versions } = this.#stage;
    const units = [...world.entries()].map(([, { spec, unit, check }]) => ({ spec, unit: structuredClone(unit), check }));
    const record = world.recordOf(NAME);
    this.#stage = this.#fresh([]);
    this.#stage.nowMs = nowMs;
    this.#stage.isRestoring = true;
    for (const [id, version] of versions) this.#stage.versions.set(id, version);
    for (const id of stubborn) this.#stage.stubborn.add(id);
    if (record !== undefined) this.#stage.post({ type: "restoreService", service: NAME, memory: parseService(serviceText(record))! });
    for (const { spec } of units) this.#stage.post({ type: "load", spec });
    for (const one of units) this.#stage.post({ type: "restore", ...one });
    const lost = units.filter(({ unit }) => unit.process !== null && this.#random.chance(0.2));
    for (const { unit } of lost) this.#stage.fact(unit.id, { type: "exited", run: unit.run, exit: { kind: "lost" } });
    this.#stage.post({ type: "resumed", open: [], lastId: 0 });
    for (const { unit, spec } of units) {
      const isSurplus = !this.#specs.some(({ id }) => id === spec.id) && unit.want === "down";
      if (isSurplus) this.#stage.post({ type: "unload", id: spec.id, cause: "operator" });
    }
    this.#stage.isRestoring = false;
  }

  #fresh(specs: readonly Spec[] = this.#specs): Watched {
    const stage = new Watched(specs);
    if (specs.length > 0) stage.post({ type: "resumed", open: [], lastId: 0 });
    return stage;
  }
}

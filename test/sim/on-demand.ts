import { parseService, serviceText } from "../../src/core/service/service-memory.ts";
import type { Reading } from "../../src/core/world/types.ts";
import type { ScalingSpec, Spec } from "../../src/spec/spec.ts";
import { makeSpec } from "../core/fixtures.ts";
import { Stage } from "../core/world/stage.ts";
import { Random } from "./random.ts";

const NAME = "web";
const IDLE_MS = 30_000;
/** More starts of one unit within a second without a command are a loop. The restart policy allows 11, and one may have begun before. */
const MAX_STARTS = 12;

/**
 * Plays a service with `instances.min` 0: clients that come and go, failures, commands, and crashes of the daemon. A connection that
 * was not accepted keeps the listener readable, as in the kernel. Returns how often a connection started the service. Throws if a
 * rule is broken.
 */
export function playOnDemand(seed: number): number {
  const play = new History(new Random(seed));
  for (let i = 0; i < 120; i++) play.disturb();
  play.calm();
  return play.wakes;
}

class History {
  wakes = 0;
  readonly #random: Random;
  readonly #scaling: ScalingSpec;
  readonly #count: number;
  #stage: Stage;
  /** Connections that the service has accepted, and connections that wait in the kernel. */
  #open = 0;
  #waiting = 0;
  /** The last time at which there was a connection of either kind. */
  #usedMs = 0;
  readonly #starts: number[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#count = 1 + random.below(2);
    this.#scaling = {
      ...{ min: 0, max: this.#count + random.below(3), tolerance: 0.1, upAfterMs: 0, downAfterMs: 0, idleAfterMs: IDLE_MS },
      metrics: random.chance(0.5) ? [{ metric: "queue", target: 10 }] : [],
      ...{ maxStepUp: { count: 4, percent: 100 }, maxStepDown: { count: 0, percent: 100 } },
    };
    this.#stage = new Stage(Array.from({ length: this.#count }, (_, index) => this.#spec(index + 1)));
    this.#stage.post({ type: "resumed", open: [], lastId: 0 });
    this.#stage.request("start", this.#stage.world.ids(), "boot");
  }

  disturb(): void {
    const random = this.#random;
    const { world } = this.#stage;
    const ids = world.ids();
    const id = random.pick(ids as [string, ...string[]]);
    const roll = random.next();
    if (roll < 0.2) this.#waiting++;
    else if (roll < 0.35) this.#open = Math.max(0, this.#open - 1);
    else if (roll < 0.5) this.#sample();
    else if (roll < 0.65) this.#pass(random.pick([10, 5000, IDLE_MS]));
    else if (roll < 0.7) this.#exit(id, random.pick([0, 0, 1]));
    else if (roll < 0.74) this.#breakOrMend();
    else if (roll < 0.85) for (const one of ids) this.#answer(one);
    else if (roll < 0.88) this.#whileStopped();
    else if (roll < 0.96) this.#command(ids, id);
    else this.#crash();
    this.#follow();
  }

  #command(ids: readonly string[], id: string): void {
    const roll = this.#random.next();
    if (roll < 0.25) this.#stage.start(...ids);
    else if (roll < 0.5) this.#stage.restart(id);
    else if (roll < 0.75) this.#stage.reset(...ids);
    else this.#stage.request("stop", ids, "scaling");
    this.#starts.length = 0;
    this.#stage.take();
  }

  /** All clients leave and the service works: it must sleep, and the next client must be answered. */
  calm(): void {
    this.#stage.broken.clear();
    this.#waiting = 0;
    this.#stage.request("stop", this.#stage.world.ids(), "scaling");
    this.#open = 0;
    for (let i = 0; i < 40 && this.#state !== "asleep"; i++) this.#quietRound();
    if (this.#state !== "asleep") throw new Error(`it is ${String(this.#state)} without any client: ${this.#stage.states}`);
    this.#waiting = 1;
    for (let i = 0; i < 5; i++) this.#quietRound();
    if (this.#open !== 1) throw new Error(`the client was not answered: ${this.#stage.states}`);
    this.#open = 0;
    for (let i = 0; i < 10; i++) this.#quietRound();
    if (this.#state !== "asleep") throw new Error(`it is ${String(this.#state)} after its last client left`);
    const { states } = this.#stage;
    if (this.#stage.world.ids().length !== this.#count) throw new Error(`it sleeps with ${states}, and the file asks for ${this.#count}`);
  }

  get #state(): string | null {
    return this.#stage.world.onDemand.stateOf(NAME);
  }

  #quietRound(): void {
    this.#follow();
    for (const id of this.#stage.world.ids()) this.#answer(id);
    this.#follow();
    this.#pass(5000);
    this.#sample();
    this.#follow();
  }

  /** What the kernel and the service do with the connections, and what the daemon's watch reports. */
  #follow(): void {
    const { world } = this.#stage;
    const alive = [...world.entries()].filter(([, { unit }]) => unit.process !== null);
    if (alive.length === 0) this.#open = 0;
    if (this.#waiting > 0 && this.#state === "awake") this.#stage.post({ type: "connected", service: NAME });
    if (world.ids().some((id) => world.get(id)!.unit.phase === "running")) {
      this.#open += this.#waiting;
      this.#waiting = 0;
    }
    if (this.#open + this.#waiting > 0) this.#usedMs = this.#stage.nowMs;
    const isDown = world.ids().every((id) => ["idle", "failed", "fatal"].includes(world.get(id)!.unit.phase));
    if (isDown && !world.onDemand.listens(NAME)) this.#waiting = 0; // the sockets are closed
    if (this.#waiting === 0 || this.#state !== "asleep") return this.#countStarts();
    if (alive.length > 0) throw new Error(`it sleeps while a process runs: ${this.#stage.states}`);
    this.wakes++;
    this.#stage.post({ type: "connected", service: NAME });
    if (this.#state === "asleep") throw new Error("a connection did not start it");
    this.#countStarts();
  }

  #countStarts(): void {
    const spawns = this.#stage.spawns().filter((act) => act === `spawn ${NAME}@1`).length;
    for (let i = 0; i < spawns; i++) this.#starts.push(this.#stage.nowMs);
    const recent = this.#starts.filter((atMs) => atMs > this.#stage.nowMs - 1000).length;
    if (recent > MAX_STARTS) throw new Error(`${recent} starts within a second`);
  }

  #pass(ms: number): void {
    const { world } = this.#stage;
    if (this.#open > 0 && world.ids().some((id) => world.get(id)!.unit.process !== null)) this.#usedMs = this.#stage.nowMs + ms;
    for (let passed = 0; passed < ms; passed += 500) {
      this.#stage.pass(Math.min(500, ms - passed));
      this.#countStarts();
    }
  }

  #sample(): void {
    const { world, nowMs } = this.#stage;
    const units = new Map<string, Reading>();
    for (const [id, { unit }] of world.entries()) units.set(id, { run: unit.run, values: { queue: this.#random.below(30) } });
    const readings = { units, earlierRuns: () => 0, connections: new Map([[NAME, this.#open + this.#waiting]]) };
    const turn = this.#stage.handle({ type: "measured", samples: new Map(), readings });
    this.#stage.post({ type: "tick" });
    const slept = turn.effects.some((effect) => effect.type === "record" && effect.event.message.includes("(no connection for"));
    if (slept && nowMs - this.#usedMs < IDLE_MS) throw new Error(`stopped ${nowMs - this.#usedMs} ms after the last connection`);
    const { length } = world.ids().filter((id) => !world.get(id)!.retired);
    if (length < 1 || length > this.#scaling.max) throw new Error(`${length} units, and at most ${this.#scaling.max} are allowed`);
  }

  /** The operator stops the service. Clients come meanwhile, and nothing starts. */
  #whileStopped(): void {
    this.#stage.stop(...this.#stage.world.ids());
    this.#stage.take();
    for (let i = 0; i < 3; i++) {
      this.#stage.post({ type: "connected", service: NAME });
      this.#stage.pass(5000);
    }
    if (this.#stage.spawns().length > 0) throw new Error("started although the operator has stopped it");
    if (this.#state !== "down") throw new Error(`it is ${String(this.#state)} although the operator has stopped it`);
  }

  #answer(id: string): void {
    if (this.#stage.world.get(id)?.unit.phase === "starting") this.#stage.ready(id);
  }

  #exit(id: string, code: number): void {
    if (this.#stage.world.get(id)?.unit.process != null) this.#stage.exits(id, code);
  }

  #breakOrMend(): void {
    if (this.#stage.broken.size > 0) this.#stage.broken.clear();
    else for (let number = 1; number <= this.#scaling.max; number++) this.#stage.broken.add(`${NAME}@${number}`);
  }

  /** The daemon dies, and the next one continues from the records. */
  #crash(): void {
    const { world, nowMs, broken } = this.#stage;
    const before = this.#state;
    const units = [...world.entries()].map(([, { spec, unit, check }]) => ({ spec, unit: structuredClone(unit), check }));
    const record = world.recordOf(NAME);
    this.#stage = new Stage([]);
    this.#stage.nowMs = nowMs;
    for (const id of broken) this.#stage.broken.add(id);
    if (record !== undefined) this.#stage.post({ type: "restoreService", service: NAME, memory: parseService(serviceText(record))! });
    for (const { spec } of units) this.#stage.post({ type: "load", spec });
    for (const one of units) this.#stage.post({ type: "restore", ...one });
    this.#stage.post({ type: "resumed", open: [], lastId: 0 });
    const after = this.#state;
    if (before !== after && !(before === "down" && after === "asleep")) throw new Error(`${String(before)} became ${String(after)}`);
  }

  #spec(instance: number): Spec {
    return makeSpec(`${NAME}@${instance}`, {
      ...{ service: NAME, instance, instances: this.#count, scaling: this.#scaling, type: "notify", startTimeoutMs: 20_000 },
      restart: { retryDelayMs: this.#random.pick([0, 500]), maxRetries: this.#random.pick([-1, 3]) },
      sockets: [{ name: "http", listen: "127.0.0.1:80", reusePort: false, nonBlocking: false }],
    });
  }
}

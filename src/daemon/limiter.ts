import {
  amount,
  freshLimits,
  limitWords,
  LIMITS,
  maxOf,
  sampleLimits,
  type Limit,
  type LimitNews,
  type LimitState,
  type Sampled,
} from "../core/limits.ts";
import { isProbed } from "../core/unit/phase.ts";
import type { Turn, World } from "../core/world.ts";
import type { LogStore } from "../ports/logs.ts";
import type { TreeOf } from "../ports/processes.ts";
import type { Usage } from "../ports/usage.ts";
import type { LimitSpec } from "../spec/spec.ts";
import type { Engine } from "./engine.ts";
import type { Recorder } from "./recorder.ts";

export interface LimiterOptions {
  readonly world: World;
  readonly engine: Pick<Engine, "post" | "watch">;
  readonly recorder: Pick<Recorder, "tell">;
  readonly logs: Pick<LogStore, "note" | "open">;
  readonly usage: Usage;
  readonly invocationOf: (id: string, run: number) => string;
  readonly bug: (message: string, error?: unknown) => void;
}

/** A unit with `action: enforce` is looked at this often where no cgroup holds its memory. */
const ENFORCE_EVERY_MS = 1000;

/** Holds units to their limits: every sample of a running unit is counted, and what comes of it is told once. */
export class Limiter {
  readonly #o: LimiterOptions;
  readonly #states = new Map<string, LimitState>();
  #timer: Timer | null = null;

  constructor(options: LimiterOptions) {
    this.#o = options;
    options.engine.watch((turn) => this.#look(turn));
  }

  stateOf(id: string): LimitState | undefined {
    return this.#states.get(id);
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** On the shared tick, with the samples that were just taken. */
  take(samples: ReadonlyMap<string, Sampled>): void {
    for (const [id, sample] of samples) {
      const spec = this.#o.world.get(id)?.spec.limits;
      // What is enforced second by second has its memory counted there.
      if (spec) this.#count(id, spec, sample, isSampledOften(spec) ? ["cpu", "tasks"] : LIMITS);
    }
  }

  #count(id: string, spec: LimitSpec, sample: Sampled, only: readonly Limit[]): void {
    const { unit } = this.#o.world.get(id)!;
    if (!isProbed(unit)) return;
    const known = this.#states.get(id);
    const { state, news } = sampleLimits(known?.run === unit.run ? known : freshLimits(unit.run), spec, sample, only);
    this.#states.set(id, state);
    for (const one of news) this.#tell(id, unit.run, spec, one);
  }

  #tell(id: string, run: number, spec: LimitSpec, news: LimitNews): void {
    const { recorder, logs, engine } = this.#o;
    const { limit, level, value, max } = news;
    const restarts = level === "over" && (spec.action === "restart" || (spec.action === "enforce" && limit === "memory"));
    const words = `${limitWords(news)}${restarts ? "; it is restarted" : ""}`;
    const type = level === "over" ? "limit-exceeded" : level === "near" && news.was === "ok" ? "limit-near" : "limit-recovered";
    recorder.tell(type, words, id, { run, limit, value, max, action: spec.action, enforcement: enforcementWords(spec).join("; ") });
    logs.note(id, words);
    if (restarts) engine.post({ type: "fact", id, fact: { type: "condemned", run, by: "resources", detail: limitWords(news) } });
  }

  #look(turn: Turn): void {
    if (turn.changed.size + turn.removed.size === 0) return;
    for (const id of turn.removed) this.#states.delete(id);
    const needed = [...this.#o.world.entries()].some(([, { spec, unit }]) => isSampledOften(spec.limits) && unit.process !== null);
    if (needed) this.#timer ??= setInterval(() => void this.#sampleOften(), ENFORCE_EVERY_MS);
    else this.close();
  }

  async #sampleOften(): Promise<void> {
    const { world, usage, invocationOf, bug } = this.#o;
    const trees = new Map<string, TreeOf>();
    for (const [id, { spec, unit }] of world.entries())
      if (isSampledOften(spec.limits) && isProbed(unit)) trees.set(id, { invocation: invocationOf(id, unit.run), main: unit.process! });
    try {
      for (const [id, memoryMb] of await usage.memory(trees)) {
        const spec = world.get(id)?.spec.limits;
        if (spec) this.#count(id, { ...spec, sustained: 1 }, { memoryMb, cpuPercent: null, tasks: 0 }, ["memory"]);
      }
    } catch (error) {
      bug("cannot sample the memory of units", error);
    }
  }
}

const isSampledOften = (spec: LimitSpec | null): boolean => spec?.action === "enforce" && spec.maxMemoryMb !== null;

/** What is done about each limit of a unit, in words. */
export function enforcementWords(spec: LimitSpec): string[] {
  return LIMITS.flatMap((limit) => {
    const max = maxOf(spec, limit);
    if (max === null) return [];
    const often = `${spec.sustained} ${spec.sustained === 1 ? "sample" : "samples in a row"} over it`;
    const what = { memory: "Memory", cpu: "CPU", tasks: "Tasks" }[limit];
    return [`${what}, at most ${amount(limit, max)}: ${deed(spec, limit, often)}`];
  });
}

function deed({ action }: LimitSpec, limit: Limit, often: string): string {
  if (action === "warn") return `${often} are told (action warn)`;
  if (action === "restart") return `${often} restart it (action restart)`;
  return limit === "memory"
    ? "looked at every second and restarted when over it (action enforce, without a cgroup memory controller)"
    : `${often} are told: enforcing it takes a cgroup controller, and there is none`;
}

import type { Exit } from "../../src/base/exit.ts";
import { parseSdNotify } from "../../src/core/unit/sd-notify.ts";
import type { CheckResult } from "../../src/core/unit/check.ts";
import type { Fact, WorldEffect, WorldEvent } from "../../src/core/world/world.ts";
import type { UnitType } from "../../src/base/words.ts";
import { code, killedBy, ref } from "../core/fixtures.ts";
import type { Random } from "./random.ts";

/** The actual processes of one unit. */
interface Reality {
  run: number;
  main: "none" | "alive";
  /** The main process ignores the stop signal. */
  stubborn: boolean;
  /** Ends the running pre_start or post_stop commands, with or without a failure. */
  hook: ((failure: string | null) => void) | null;
  /** Ends the processes that outlived the main process, while a sweep waits for them. */
  leftovers: ((killed: readonly string[]) => void) | null;
  /** When `spawned` arrives: the exit of the process is never reported before. */
  spawnedAtMs: number;
}

const notified = (run: number, text: string): Fact => ({ type: "notified", run, notice: parseSdNotify(text) });

const MESSAGES = [
  "RELOADING=1",
  "READY=1",
  "STOPPING=1",
  "STATUS=busy",
  "WATCHDOG=1",
  "WATCHDOG=trigger",
  "WATCHDOG_USEC=500000",
  "WATCHDOG_USEC=0",
  "EXTEND_TIMEOUT_USEC=2000000",
] as const;

interface Entry {
  readonly atMs: number;
  readonly what: WorldEvent | (() => void);
}

/**
 * An unreliable environment: processes crash, hang and leave others behind, commands cannot be executed, results are slow,
 * probes flap, and facts of old runs are repeated. If `kind` is set, everything works.
 */
export class Outside {
  kind = false;
  nowMs = 0;
  readonly #random: Random;
  readonly #typeOf: (id: string) => UnitType;
  readonly #runOf: (id: string) => number;
  readonly #units = new Map<string, Reality>();
  /** Ordered by time; equal times in order of insertion. */
  #queue: Entry[] = [];
  /** Rules that an effect broke. */
  readonly wrongs: string[] = [];

  constructor(random: Random, typeOf: (id: string) => UnitType, runOf: (id: string) => number) {
    this.#random = random;
    this.#typeOf = typeOf;
    this.#runOf = runOf;
  }

  /** Time of the next event, or null. */
  nextMs(): number | null {
    return this.#queue[0]?.atMs ?? null;
  }

  /** Advances to `nowMs` and returns the events until then. */
  take(nowMs: number): WorldEvent[] {
    this.nowMs = nowMs;
    const events: WorldEvent[] = [];
    while (this.#queue[0] !== undefined && this.#queue[0].atMs <= nowMs) {
      const { what } = this.#queue.shift()!;
      if (typeof what === "function") what();
      else events.push(what);
    }
    return events;
  }

  at(atMs: number, what: WorldEvent | (() => void)): void {
    let i = this.#queue.length;
    while (i > 0 && this.#queue[i - 1]!.atMs > atMs) i--;
    this.#queue.splice(i, 0, { atMs, what });
  }

  alive = (id: string): boolean => this.#units.get(id)?.main === "alive";
  runOf = (id: string): number => this.#units.get(id)?.run ?? 0;

  perform(effect: WorldEffect): void {
    const { id } = effect;
    switch (effect.type) {
      case "record":
      case "note":
        return;
      case "prepare":
        return this.#hook(id, this.#begin(id, effect.run), (failure) => ({ type: "prepared", run: effect.run, failure }));
      case "spawn":
        return this.#spawn(id, this.#begin(id, effect.run));
      case "signal":
        return this.#signal(id, effect.run);
      case "kill":
        return this.#kill(id, effect.run);
      case "sweep":
        return this.#sweep(id, effect.run, effect.signal);
      case "finish":
        return this.#hook(id, this.#begin(id, effect.run), (failure) => ({ type: "finished", run: effect.run, failure }));
      case "reload":
        return this.#fact(id, this.#soon(this.kind ? 10 : 2000), { type: "reloaded", run: effect.run, failure: null });
      case "testRestart":
        return this.#fact(id, this.#soon(this.kind ? 10 : 2000), {
          type: "restartTested",
          run: effect.run,
          failure: this.kind || this.#random.chance(0.7) ? null : "exit code 1",
        });
      case "probe":
        return this.#probe(id, effect.run, effect.seq);
    }
  }

  #begin(id: string, run: number): Reality {
    const known = this.#units.get(id);
    if (known?.run === run) return known;
    if (known && (known.main === "alive" || known.hook || known.leftovers))
      this.wrongs.push(`${id}: run ${run} begins while run ${known.run} is alive`);
    const reality: Reality = { run, main: "none", stubborn: false, hook: null, leftovers: null, spawnedAtMs: 0 };
    this.#units.set(id, reality);
    return reality;
  }

  #spawn(id: string, reality: Reality): void {
    const { run } = reality;
    if (reality.main === "alive" || reality.hook) this.wrongs.push(`${id}: two live processes`);
    const answerMs = this.#soon(this.kind ? 1 : 50);
    if (!this.kind && this.#random.chance(0.1)) {
      const failure = { stage: "exec", message: "no such file", resources: this.#random.chance(0.3) } as const;
      return this.#fact(id, answerMs, { type: "spawnFailed", run, failure });
    }
    reality.main = "alive";
    reality.stubborn = !this.kind && this.#random.chance(0.3);
    reality.spawnedAtMs = answerMs;
    this.#fact(id, answerMs, { type: "spawned", run, process: ref(run) });
    if (this.#typeOf(id) === "notify" && (this.kind || this.#random.chance(0.8)))
      this.#fact(id, answerMs + (this.kind ? 5 : this.#random.below(4000)), notified(run, "READY=1"));
    if (this.#typeOf(id) === "notify") this.at(answerMs, () => this.#keepAlive(id, run));
    if (this.#typeOf(id) === "notify" && !this.kind) this.#chatter(id, run, answerMs);
    if (this.#typeOf(id) === "oneshot") this.at(this.#soon(this.kind ? 50 : 3000), () => this.#die(id, run, this.#exit()));
    else if (!this.kind && this.#random.chance(0.5))
      this.at(this.#soon(this.#random.pick([20, 500, 20_000])), () => this.#die(id, run, this.#exit()));
    if (!this.kind && this.#random.chance(0.05))
      this.#fact(id, answerMs + this.#random.below(5000), { type: "condemned", run, by: "watchdog", detail: "no WATCHDOG=1" });
  }

  /** Sends WATCHDOG=1 every second, most of the time. */
  #keepAlive(id: string, run: number): void {
    const reality = this.#units.get(id);
    if (reality?.run !== run || reality.main !== "alive") return;
    if (this.kind || this.#random.chance(0.7)) this.#fact(id, this.nowMs, notified(run, "WATCHDOG=1"));
    this.at(this.nowMs + 1000, () => this.#keepAlive(id, run));
  }

  /** Messages that a service may send at any time, and that may arrive long after its end. */
  #chatter(id: string, run: number, fromMs: number): void {
    for (let i = this.#random.below(4); i > 0; i--)
      this.#fact(id, fromMs + this.#random.below(10_000), notified(run, this.#random.pick(MESSAGES)));
    if (this.#random.chance(0.1)) this.at(fromMs + this.#random.below(3000), () => this.#changeMain(id, run));
  }

  #changeMain(id: string, run: number): void {
    const reality = this.#units.get(id);
    if (reality?.run === run && reality.main === "alive") this.#fact(id, this.nowMs, { type: "mainChanged", run, process: ref(run) });
  }

  #exit(): Exit {
    if (this.kind) return code(0);
    return this.#random.pick<Exit>([code(0), code(0), code(1), code(78), killedBy(11), { kind: "lost" }]);
  }

  #die(id: string, run: number, exit: Exit): void {
    const reality = this.#units.get(id);
    if (reality?.run !== run || reality.main !== "alive") return;
    reality.main = "none";
    this.#fact(id, Math.max(reality.spawnedAtMs, this.#soon(this.kind ? 1 : 30)), { type: "exited", run, exit });
  }

  #signal(id: string, run: number): void {
    const reality = this.#units.get(id);
    if (reality?.run !== run) return void this.wrongs.push(`${id}: a signal to run ${run}`);
    if (reality.hook && !reality.stubborn) reality.hook("killed by SIGTERM");
    if (reality.stubborn && !this.kind) return;
    const exit = this.#random.pick<Exit>([code(0), killedBy(15), code(143)]);
    this.at(this.#soon(this.kind ? 10 : 800), () => this.#die(id, run, exit));
  }

  #kill(id: string, run: number): void {
    const reality = this.#units.get(id);
    if (reality?.run !== run) return void this.wrongs.push(`${id}: a kill of run ${run}`);
    reality.hook?.("killed by SIGKILL");
    this.#die(id, run, killedBy(9));
    reality.leftovers?.(["worker"]);
  }

  #sweep(id: string, run: number, signal: number): void {
    const reality = this.#begin(id, run);
    if (reality.main === "alive" || reality.hook) this.wrongs.push(`${id}: a sweep while the main process is alive`);
    const gone = (killed: readonly string[]): void => {
      if (reality.leftovers === null) return;
      reality.leftovers = null;
      this.#fact(id, this.#soon(5), { type: "swept", run, killed });
    };
    reality.leftovers = gone;
    const some = !this.kind && this.#random.chance(0.3);
    if (!some) gone([]);
    else if (signal !== 0 && this.#random.chance(0.7)) this.at(this.#soon(800), () => gone([]));
  }

  #hook(id: string, reality: Reality, fact: (failure: string | null) => Fact): void {
    if (reality.main === "alive" || reality.hook || reality.leftovers) this.wrongs.push(`${id}: a hook while another process is alive`);
    const end = (failure: string | null): void => {
      if (reality.hook !== end) return;
      reality.hook = null;
      this.#fact(id, this.#soon(5), fact(failure));
    };
    reality.hook = end;
    reality.stubborn = !this.kind && this.#random.chance(0.2);
    if (this.kind || this.#random.chance(0.8)) {
      const failure = !this.kind && this.#random.chance(0.15) ? "exit code 1" : null;
      this.at(this.#soon(this.kind ? 10 : 300), () => end(failure));
    }
  }

  #probe(id: string, run: number, seq: number): void {
    const kind = this.kind ? "ok" : this.#random.pick<CheckResult["kind"]>(["ok", "ok", "ok", "bad", "broken"]);
    const atMs = this.#soon(this.kind ? 5 : 1500);
    const result: CheckResult = { atMs, kind, detail: kind, responseMs: kind === "broken" ? null : 1, fallback: this.#random.chance(0.1) };
    this.#withEcho(atMs, { type: "probed", id, run, seq, result });
  }

  #fact(id: string, atMs: number, fact: Fact): void {
    this.at(atMs, { type: "fact", id, fact });
    if (!this.kind && this.#random.chance(0.1))
      this.at(atMs + this.#random.below(10_000), () => {
        if (fact.run < this.#runOf(id)) this.at(this.nowMs, { type: "fact", id, fact });
      });
  }

  #withEcho(atMs: number, event: WorldEvent): void {
    this.at(atMs, event);
    if (!this.kind && this.#random.chance(0.1)) this.at(atMs + this.#random.below(10_000), event);
  }

  #soon(withinMs: number): number {
    return this.nowMs + this.#random.next() * withinMs;
  }
}

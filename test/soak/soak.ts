/**
 * Runs the daemon under a long load: services write logs, events happen, and clients come and go. Compares its memory at the end
 * with its memory after the first tenth of the load, both after some seconds of rest. Everything passes through the daemon
 * as in production: output through the FIFOs, events from services, checks, crashes and the API.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { processesOf } from "../harness/processes.ts";
import { until } from "../harness/until.ts";
import { Random } from "../sim/random.ts";
import { Clients } from "./clients.ts";
import { act, countEvents, job, Workers } from "./load.ts";
import { type Footprint, footprintOf } from "./memory.ts";
import { DYING, SLEEPING, TALKING, unitsOf, WRITING } from "./services.ts";

export interface SoakPlan {
  /** 10^9 bytes of log text, without timestamps and before compression. */
  readonly gigabytes: number;
  readonly events: number;
  readonly seed: number;
  /** Directory for logs, store and sockets. */
  readonly directory: string;
  readonly onMoment?: (moment: Moment) => void;
  /** Ends the soak early: cleans up, then rejects the promise. */
  readonly signal?: AbortSignal;
}

/** The load so far, and the resources that the daemon uses. Sizes in MB. */
export interface Moment extends Footprint {
  readonly what: string;
  readonly seconds: number;
  readonly gigabytes: number;
  readonly events: number;
  /** The daemon's JavaScript objects, including garbage. */
  readonly heap: number;
  readonly store: number;
  readonly keeper: Footprint;
}

export interface SoakResult {
  /** All units run; no load yet. */
  readonly fresh: Moment;
  /** At rest after the first tenth, or a little more of a short load. */
  readonly began: Moment;
  readonly ended: Moment;
  /** The highest RSS measured. */
  readonly peak: number;
  /** Server-sent events that the clients received. */
  readonly messages: number;
}

/**
 * The warm-up ends after this share of the load, after enough events to fill the daemon's buffers, and after its start-up
 * phase.
 */
const WARM_UP = 0.1;
const WARM_EVENTS = 5000;
const WARM_MS = 25_000;
/** The daemon releases memory on its tick and in the seconds after it. */
const REST_MS = 15_000;
const POLL_MS = 50;
const LEAD = 0.02;
const OPERATORS = 2;

export async function soak(plan: SoakPlan): Promise<SoakResult> {
  const home = mkdtempSync(join(plan.directory, "sup-soak-"));
  const random = new Random(plan.seed);
  // Checked units are probed once a second; each response succeeds or fails at random.
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("", { status: random.chance(0.5) ? 200 : 500 }) });
  const workers = await Workers.of(home);
  try {
    const units = unitsOf(home, plan.seed, `http://127.0.0.1:${server.port}`);
    await using daemon = await startDaemon({ home, units, settings: { metrics: { interval: 1 } } });
    for (const id of [...WRITING, ...TALKING, ...SLEEPING]) await daemon.reaches(id, "running", 20_000);
    return await new Soak(plan, daemon, workers, random).run();
  } finally {
    workers.close();
    await server.stop(true);
    rmSync(home, { recursive: true, force: true });
  }
}

class Soak {
  readonly #plan: SoakPlan;
  readonly #daemon: Daemon;
  readonly #workers: Workers;
  readonly #random: Random;
  readonly #began = performance.now();
  #peak = 0;
  /** True while the operators send no requests. */
  #paused = false;
  #ended = false;

  constructor(plan: SoakPlan, daemon: Daemon, workers: Workers, random: Random) {
    this.#plan = plan;
    this.#daemon = daemon;
    this.#workers = workers;
    this.#random = random;
  }

  async run(): Promise<SoakResult> {
    const fresh = await this.#moment("fresh");
    const clients = new Clients(this.#daemon, this.#random, this.#plan.signal);
    const operators = Array.from({ length: OPERATORS }, () => this.#operate());
    try {
      await this.#reach(Math.max(WARM_UP, Math.min(0.5, WARM_EVENTS / this.#plan.events)));
      await Bun.sleep(Math.max(0, WARM_MS - REST_MS - this.#elapsedMs));
      const began = await this.#rest("began, at rest");
      for (let tenth = 2; tenth <= 10; tenth++) {
        await this.#reach(tenth / 10);
        await this.#moment(`${tenth * 10} %`);
      }
      const ended = await this.#rest("ended, at rest");
      return { fresh, began, ended, peak: this.#peak, messages: clients.messages };
    } finally {
      this.#ended = true;
      await Promise.all([...operators, clients.close()]);
    }
  }

  get #elapsedMs(): number {
    return performance.now() - this.#began;
  }

  async #operate(): Promise<void> {
    while (!this.#ended) {
      if (this.#paused) await Bun.sleep(POLL_MS);
      else await act(this.#daemon, this.#random).catch((error: unknown) => this.#fail(error));
    }
  }

  /** Throws, unless the soak was interrupted. */
  #fail(error: unknown): void {
    if (this.#plan.signal?.aborted) this.#ended = true;
    else throw error;
  }

  /** Waits until this share of the load is done. Output and events advance together: the one ahead waits for the other. */
  async #reach(share: number): Promise<void> {
    const { gigabytes } = this.#plan;
    for (;;) {
      this.#plan.signal?.throwIfAborted();
      const events = (await countEvents(this.#daemon)) / this.#plan.events;
      const output = this.#workers.done(WRITING) / (gigabytes * 1000);
      this.#peak = Math.max(this.#peak, footprintOf(this.#daemon.pid).rss);
      if (events >= share && output >= share) return;
      this.#paused = events >= share || events > output + LEAD;
      if (!this.#paused) this.#workers.keepBusy(TALKING, 3);
      if (output < share && output < events + LEAD) this.#workers.keepBusy(WRITING, 4);
      await Bun.sleep(POLL_MS);
    }
  }

  /** Pauses output and operators; health checks and clients go on. */
  async #rest(what: string): Promise<Moment> {
    this.#paused = true;
    await until(() => this.#workers.idle, { what: "the services to carry out their orders", timeoutMs: 60_000 });
    await job(this.#daemon, "stop", DYING);
    await Bun.sleep(REST_MS);
    this.#plan.signal?.throwIfAborted();
    const moment = await this.#moment(what);
    await job(this.#daemon, "start", DYING);
    return moment;
  }

  async #moment(what: string): Promise<Moment> {
    const { pid, home } = this.#daemon;
    const metrics = await (await this.#daemon.api("/metrics")).text();
    const moment: Moment = {
      what,
      seconds: this.#elapsedMs / 1000,
      gigabytes: this.#workers.done(WRITING) / 1000,
      events: await countEvents(this.#daemon),
      ...footprintOf(pid),
      heap: Number(/^sup_heap_bytes (.*)$/m.exec(metrics)?.[1]) / 1e6,
      store: fileMb(join(home, "state/sup.db")) + fileMb(join(home, "state/sup.db-wal")),
      keeper: footprintOf(processesOf(home).find(({ command }) => command.startsWith("sup-keeper"))!.pid),
    };
    this.#plan.onMoment?.(moment);
    return moment;
  }
}

const fileMb = (path: string): number => (existsSync(path) ? statSync(path).size / 1e6 : 0);

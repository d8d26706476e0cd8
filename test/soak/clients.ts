import { connect } from "node:net";
import type { Daemon } from "../harness/daemon.ts";
import { SUP } from "../harness/daemon.ts";
import type { Random } from "../sim/random.ts";
import { SLEEPING, WRITING } from "./services.ts";

const BASE = "/api/supervisor";

/**
 * The clients of a daemon in a real installation: pages that stay and pages that come and go, a Prometheus, polling scripts,
 * `sup logs -f` in a terminal, and one client that stops reading.
 */
export class Clients {
  readonly #daemon: Daemon;
  readonly #random: Random;
  readonly #end = new AbortController();
  readonly #all: Promise<void>[] = [];
  /** Server-sent events received. */
  messages = 0;

  /** `interrupted`: ends the clients early, because the daemon may be gone by then. */
  constructor(daemon: Daemon, random: Random, interrupted?: AbortSignal) {
    this.#daemon = daemon;
    this.#random = random;
    interrupted?.addEventListener("abort", () => this.#end.abort());
    for (let n = 0; n < 2; n++) this.#forever(() => this.#watch(600_000));
    for (let n = 0; n < 2; n++) this.#forever(() => this.#visit());
    this.#forever(() => this.#get("/metrics", 1000));
    this.#forever(() => this.#get(`${BASE}/status`, 1000));
    this.#forever(() => this.#get(`${BASE}/summary`, 2000));
    this.#forever(() => this.#followByHand());
    this.#forever(() => this.#stall());
  }

  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all(this.#all);
  }

  #forever(once: () => Promise<void>): void {
    const loop = async (): Promise<void> => {
      while (!this.#end.signal.aborted) {
        try {
          await once();
        } catch (error) {
          if (!this.#end.signal.aborted) throw error;
        }
      }
    };
    this.#all.push(loop());
  }

  async #get(path: string, pauseMs: number): Promise<void> {
    const answer = await this.#daemon.api(path, { signal: this.#end.signal });
    await answer.arrayBuffer();
    if (answer.status >= 500 && answer.status !== 503) throw new Error(`${path} answered ${answer.status}`);
    await this.#pause(pauseMs);
  }

  /** Subscribes to events until the time is over or the stream ends. */
  async #watch(forMs: number): Promise<void> {
    const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(forMs)]);
    try {
      const answer = await this.#daemon.api(`${BASE}/events/stream`, { signal });
      for await (const chunk of answer.body!) this.messages += count(chunk, "\nevent:");
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Opens a page, shows a unit and its log, and closes the page. */
  async #visit(): Promise<void> {
    const unit = this.#random.pick([...WRITING, ...SLEEPING] as [string, ...string[]]);
    const service = `${BASE}/services/${unit}`;
    await this.#get("/", 0);
    const live = this.#watch(1000 + this.#random.below(4000));
    for (const path of ["", "/logs?lines=200", "/metrics?since=1h", "/why", "/health"]) await this.#get(`${service}${path}`, 0);
    await this.#get(`${BASE}/events?limit=200`, 0);
    await this.#get(`${BASE}/alerts`, 0);
    await live;
  }

  /** Runs the real command line and discards its output. */
  async #followByHand(): Promise<void> {
    const unit = this.#random.pick(WRITING as [string, ...string[]]);
    const words = this.#random.chance(0.7) ? ["logs", "-f", "-n", "20", unit] : ["events", "-f"];
    const child = Bun.spawn([SUP, ...words], { env: this.#daemon.env, stdio: ["ignore", "ignore", "ignore"] });
    await this.#pause(1500 + this.#random.below(2000));
    child.kill("SIGTERM");
    await child.exited;
  }

  /** Subscribes to events without reading them: the daemon has to drop the connection. */
  async #stall(): Promise<void> {
    const socket = connect(this.#daemon.socket);
    socket.on("error", () => undefined); // expected: the daemon closes the connection
    socket.write(`GET ${BASE}/events/stream HTTP/1.1\r\nHost: sup\r\n\r\n`);
    socket.pause();
    await this.#pause(10_000);
    socket.destroy();
  }

  async #pause(ms: number): Promise<void> {
    if (ms === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const stop = (): void => resolve();
    this.#end.signal.addEventListener("abort", stop, { once: true });
    await promise;
    clearTimeout(timer);
    this.#end.signal.removeEventListener("abort", stop);
  }
}

const decoder = new TextDecoder("latin1");

function count(chunk: Uint8Array, word: string): number {
  return decoder.decode(chunk).split(word).length - 1;
}

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Daemon } from "../harness/daemon.ts";
import { run } from "../harness/run.ts";
import type { Random } from "../sim/random.ts";
import { doneOf, ordersOf, SLEEPING, TALKING, WRITING } from "./services.ts";

/** Services that wait for orders, each order a byte in the FIFO of the service, and report in a file how many they have carried out. */
export class Workers {
  readonly #home: string;
  readonly #fds = new Map<string, number>();
  readonly #ordered = new Map<string, number>();

  /** Creates the FIFOs. */
  static async of(home: string): Promise<Workers> {
    const all = [...WRITING, ...TALKING];
    const made = await run(["mkfifo", ...all.map((unit) => ordersOf(home, unit))], { env: { PATH: process.env.PATH ?? "" } });
    if (made.code !== 0) throw new Error(`cannot create FIFOs: ${made.stderr}`);
    const workers = new Workers(home);
    // Opened for reading as well, so that no service reads an end of file.
    for (const unit of all) workers.#fds.set(unit, openSync(ordersOf(home, unit), "r+"));
    return workers;
  }

  private constructor(home: string) {
    this.#home = home;
  }

  done(units: readonly string[]): number {
    return units.reduce((sum, unit) => sum + this.#done(unit), 0);
  }

  /** Fills up the orders of each unit, to at most `atMost` open ones. */
  keepBusy(units: readonly string[], atMost: number): void {
    for (const unit of units) {
      const ordered = this.#ordered.get(unit) ?? 0;
      const more = Math.max(0, atMost - (ordered - this.#done(unit)));
      if (more > 0) writeSync(this.#fds.get(unit)!, Buffer.alloc(more, 1));
      this.#ordered.set(unit, ordered + more);
    }
  }

  /** Whether all orders have been carried out. */
  get idle(): boolean {
    return [...this.#ordered].every(([unit, ordered]) => this.#done(unit) >= ordered);
  }

  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd);
  }

  #done(unit: string): number {
    try {
      return Number(readFileSync(doneOf(this.#home, unit), "latin1"));
    } catch {
      return 0; // not started yet
    }
  }
}

/** The id of the newest event; ids count from 1. */
export async function countEvents(daemon: Daemon): Promise<number> {
  const answer = await daemon.api("/api/supervisor/events?limit=1");
  return ((await answer.json()) as Array<{ id: number }>)[0]?.id ?? 0;
}

async function post(daemon: Daemon, path: string, body: object): Promise<void> {
  const answer = await daemon.api(`/api/supervisor${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.status >= 500) throw new Error(`${path} answered ${answer.status}: ${text}`);
}

export const job = (daemon: Daemon, action: string, units: readonly string[]): Promise<void> => post(daemon, "/jobs", { action, units });

/** Sends one request of an operator or a service; most of them create events. */
export async function act(daemon: Daemon, random: Random): Promise<void> {
  const pick = (): string => random.pick(SLEEPING as [string, ...string[]]);
  const units = [...new Set([pick(), pick(), pick(), pick(), pick(), pick(), pick(), pick()])];
  const roll = random.below(100);
  if (roll < 40) return job(daemon, random.pick(["enable", "disable"]), units);
  if (roll < 80) return post(daemon, "/jobs", { action: "kill", signal: "CONT", units });
  if (roll < 90) return job(daemon, "reset-failed", units);
  if (roll < 94) return post(daemon, "/metrics", { service_id: pick(), metrics: { queue: random.below(1000), users: random.below(50) } });
  if (roll < 97) return job(daemon, "restart", [pick()]);
  if (roll < 99) return post(daemon, "/run", { unit: { command: "/bin/echo", args: ["a transient unit"] }, wait: true });
  return post(daemon, "/reload", {});
}

import { stateOf } from "../../core/unit/phase.ts";
import type { World } from "../../core/world/world.ts";
import type { State } from "../../base/words.ts";
import type { Engine } from "../engine/engine.ts";

export interface ParentNotifierOptions {
  /** The daemon's own environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID (sd_notify(3), sd_watchdog_enabled(3)). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly send: (address: string, message: string) => boolean;
}

/** Changes that come together are told together. */
const SETTLE_MS = 100;
/** States worth a word, in this order; units that are stopped are as they should be. */
const TOLD: readonly State[] = ["running", "starting", "stopping", "backoff", "failed", "fatal"];

/** Tells whoever supervises the daemon (systemd, or another sup) how it is. Nobody listens: every call does nothing. */
export class ParentNotifier {
  readonly #options: ParentNotifierOptions;
  readonly #stops: Array<() => void> = [];
  #told = "";

  constructor(options: ParentNotifierOptions) {
    this.#options = options;
  }

  /** READY=1, then a status line that follows the units, and signs of life for as long as the event loop turns. */
  ready({ world, engine }: { readonly world: World; readonly engine: Engine }): void {
    const { env, pid } = this.#options;
    if (!env.NOTIFY_SOCKET) return;
    this.#told = statusLine(world);
    this.#say("READY=1", `STATUS=${this.#told}`);
    let timer: Timer | null = null;
    const tell = (): void => {
      timer = null;
      const line = statusLine(world);
      if (line !== this.#told) this.#say(`STATUS=${(this.#told = line)}`);
    };
    this.#stops.push(
      engine.watch((turn) => void (turn.changed.size + turn.removed.size > 0 && (timer ??= setTimeout(tell, SETTLE_MS)))),
      () => clearTimeout(timer ?? undefined),
    );
    const periodMs = Number(env.WATCHDOG_USEC ?? 0) / 1000;
    if (!(periodMs > 0) || (env.WATCHDOG_PID !== undefined && Number(env.WATCHDOG_PID) !== pid)) return;
    const beat = setInterval(() => this.#say("WATCHDOG=1"), periodMs / 2);
    this.#stops.push(() => clearInterval(beat));
  }

  /** The units are read anew: what systemd's Type=notify-reload waits for. */
  reload(action: () => void): void {
    this.#say("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    action();
    this.#say("READY=1");
  }

  /** The signs of life go on: stopping the units may take as long as they need, and whoever waits is told how long. */
  stopping(patienceMs: number): void {
    this.#say("STOPPING=1", "STATUS=stopping the units", `EXTEND_TIMEOUT_USEC=${Math.round(patienceMs * 1000)}`);
  }

  leaving(): void {
    this.#say("STOPPING=1", "STATUS=ending; the services go on");
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #say(...lines: readonly string[]): void {
    const { env, send } = this.#options;
    if (env.NOTIFY_SOCKET) send(env.NOTIFY_SOCKET, lines.join("\n"));
  }
}

/** `12 running, 1 fatal` */
function statusLine(world: World): string {
  const counts = new Map<State, number>();
  for (const [, { unit }] of world.entries()) counts.set(stateOf(unit), (counts.get(stateOf(unit)) ?? 0) + 1);
  return TOLD.filter((state) => state === "running" || counts.has(state))
    .map((state) => `${counts.get(state) ?? 0} ${state}`)
    .join(", ");
}

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

/** Changes within this time cause only one status message. */
const DEBOUNCE_MS = 100;
/** The states in the status line, in this order. Stopped units are not mentioned. */
const REPORTED_STATES: readonly State[] = ["running", "starting", "stopping", "backoff", "failed", "fatal"];

/** Reports the daemon's state to its own supervisor (systemd, or another sup) by sd_notify(3). Does nothing without NOTIFY_SOCKET. */
export class ParentNotifier {
  readonly #options: ParentNotifierOptions;
  readonly #stops: Array<() => void> = [];
  #reported = "";

  constructor(options: ParentNotifierOptions) {
    this.#options = options;
  }

  /** Sends READY=1, then keeps the status line up to date and sends WATCHDOG=1 for as long as the event loop runs. */
  ready({ world, engine }: { readonly world: World; readonly engine: Engine }): void {
    const { env, pid } = this.#options;
    if (!env.NOTIFY_SOCKET) return;
    this.#reported = statusLine(world);
    this.#send("READY=1", `STATUS=${this.#reported}`);
    let timer: Timer | null = null;
    const update = (): void => {
      timer = null;
      const line = statusLine(world);
      if (line !== this.#reported) this.#send(`STATUS=${(this.#reported = line)}`);
    };
    this.#stops.push(
      engine.watch((turn) => void (turn.changed.size + turn.removed.size > 0 && (timer ??= setTimeout(update, DEBOUNCE_MS)))),
      () => clearTimeout(timer ?? undefined),
    );
    const periodMs = Number(env.WATCHDOG_USEC ?? 0) / 1000;
    if (!(periodMs > 0) || (env.WATCHDOG_PID !== undefined && Number(env.WATCHDOG_PID) !== pid)) return;
    const keepAlive = setInterval(() => this.#send("WATCHDOG=1"), periodMs / 2);
    this.#stops.push(() => clearInterval(keepAlive));
  }

  /** Reloads the unit files by calling `action`, and sends the messages that systemd's Type=notify-reload requires before and after it. */
  reload(action: () => void): void {
    this.#send("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    action();
    this.#send("READY=1");
  }

  /** Announces the stop of the daemon and how long it may take. WATCHDOG=1 messages continue until the daemon exits. */
  stopping(patienceMs: number): void {
    this.#send("STOPPING=1", "STATUS=stopping the units", `EXTEND_TIMEOUT_USEC=${Math.round(patienceMs * 1000)}`);
  }

  leaving(): void {
    this.#send("STOPPING=1", "STATUS=exiting; services keep running");
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #send(...lines: readonly string[]): void {
    const { env, send } = this.#options;
    if (env.NOTIFY_SOCKET) send(env.NOTIFY_SOCKET, lines.join("\n"));
  }
}

/** Returns a line such as `12 running, 1 fatal`. */
function statusLine(world: World): string {
  const counts = new Map<State, number>();
  for (const [, { unit }] of world.entries()) counts.set(stateOf(unit), (counts.get(stateOf(unit)) ?? 0) + 1);
  return REPORTED_STATES.filter((state) => state === "running" || counts.has(state))
    .map((state) => `${counts.get(state) ?? 0} ${state}`)
    .join(", ");
}

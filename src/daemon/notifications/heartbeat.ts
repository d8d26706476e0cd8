import type { Notifier, SendResult } from "../../ports/notifier.ts";
import type { HeartbeatSpec } from "../../spec/notifications.ts";

export interface HeartbeatOptions {
  readonly notifier: Pick<Notifier, "beat">;
  /** Called when the heartbeat begins to fail or works again. */
  readonly onChange: () => void;
}

const FAILING_AFTER = 3;

/** Requests a URL regularly, so that a remote service notices when the daemon or the machine is gone. */
export class Heartbeat {
  readonly #o: HeartbeatOptions;
  #spec: HeartbeatSpec | null = null;
  #timer: Timer | null = null;
  #isBeating = false;
  #failures = 0;
  #lastError: string | null = null;

  constructor(options: HeartbeatOptions) {
    this.#o = options;
  }

  get trouble(): string | null {
    return this.#spec !== null && this.#failures >= FAILING_AFTER ? this.#lastError : null;
  }

  configure(spec: HeartbeatSpec | null): void {
    if (JSON.stringify(spec) === JSON.stringify(this.#spec)) return;
    this.close();
    this.#spec = spec;
    this.#failures = 0;
    if (spec === null) return;
    this.#timer = setInterval(() => void this.#beat(spec), spec.intervalMs);
    void this.#beat(spec);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #beat(spec: HeartbeatSpec): Promise<void> {
    if (this.#isBeating) return;
    this.#isBeating = true;
    const result: SendResult = await this.#o.notifier.beat(spec, AbortSignal.timeout(spec.timeoutMs));
    this.#isBeating = false;
    const before = this.trouble;
    this.#failures = result.ok ? 0 : this.#failures + 1;
    this.#lastError = result.ok ? null : result.detail;
    if ((before === null) !== (this.trouble === null)) this.#o.onChange();
  }
}

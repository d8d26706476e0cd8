import { bootTimeMs, realTimeMs } from "../linux/proc/clocks.ts";
import type { Clock } from "../ports/clock.ts";

/**
 * The longest wait of one timer. While the machine is suspended, timers of the event loop stop, but the monotonic clock
 * (CLOCK_BOOTTIME) and with it the deadlines continue. Also, a timer cannot wait longer than 2^31 ms. Therefore a distant
 * deadline is checked once a minute, and fires at most one minute late after a suspend.
 */
const MAX_SLEEP_MS = 60_000;

/** Returns the clock of this machine. It uses a single timer, for `wakeAt`. */
export function systemClock(): Clock {
  let timer: Timer | null = null;

  const arm = (atMs: number, callback: () => void): void => {
    const wait = Math.min(Math.max(0, Math.ceil(atMs - bootTimeMs())), MAX_SLEEP_MS);
    timer = setTimeout(() => {
      timer = null;
      if (bootTimeMs() >= atMs) callback();
      else arm(atMs, callback);
    }, wait);
  };

  return {
    monotonicMs: bootTimeMs,
    wallMs: realTimeMs,
    roll: () => Math.random(),
    wakeAt(atMs, callback) {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      if (atMs !== null) arm(atMs, callback);
    },
  };
}

import { bootTimeMs, realTimeMs } from "../linux/proc/clocks.ts";
import type { Clock } from "../ports/clock.ts";

/**
 * Timers of the event loop stop while the machine sleeps, deadlines do not; and a timer holds at most 2^31 ms. A distant
 * deadline is therefore checked once a minute, so that it fires at most a minute late after a sleep.
 */
const MAX_SLEEP_MS = 60_000;

/** The real clock. It uses a single timer. */
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

import { signal } from "@preact/signals";
import { link, onChange } from "./live.ts";

/** An estimate of the daemon's wall-clock time in milliseconds. It does not advance while the page is offline. */
export const now = signal(Date.now());

/** How many milliseconds this machine's clock is ahead of the daemon's. Small differences are due to network latency and count as 0. */
let aheadMs = 0;

export function startClock(): void {
  onChange((change) => {
    if (change.kind !== "snapshot") return;
    const { start_time, uptime_seconds } = change.data.daemon;
    const ahead = Date.now() - (Date.parse(start_time) + uptime_seconds * 1000);
    aheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
    tick();
  });
  link.subscribe(tick); // stop the clock as soon as the page is offline
  setInterval(tick, 1000);
}

function tick(): void {
  if (document.hidden) return;
  const at = link.value.kind === "offline" ? link.value.sinceMs : Date.now();
  now.value = at - aheadMs;
}

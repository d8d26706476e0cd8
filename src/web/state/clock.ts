import { signal } from "@preact/signals";
import { link, onChange } from "./live.ts";

/** The daemon's wall clock, as far as this browser can tell; it stands still while what is shown is not live. */
export const now = signal(Date.now());

/** What this machine's clock is ahead of the daemon's, in ms; small differences are the way of the answer. */
let aheadMs = 0;

export function startClock(): void {
  onChange((change) => {
    if (change.kind !== "snapshot") return;
    const { start_time, uptime_seconds } = change.data.daemon;
    const ahead = Date.now() - (Date.parse(start_time) + uptime_seconds * 1000);
    aheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
    tick();
  });
  link.subscribe(tick); // to stand still at once
  setInterval(tick, 1000);
}

function tick(): void {
  if (document.hidden) return;
  const at = link.value.kind === "offline" ? link.value.sinceMs : Date.now();
  now.value = at - aheadMs;
}

import { signal } from "@preact/signals";
import type { Host } from "../../api/contract/shapes.ts";
import { request } from "./api.ts";
import { isLive } from "./live.ts";

/** The figures of the machine, or null until they are loaded. */
export const host = signal<Host | null>(null);

/** The daemon measures the machine at its tick, which is usually every 5 s. */
const EVERY_MS = 5000;

/** Loads the figures whenever the page is connected and visible. Returns a function that ends this. */
export function watchHost(): () => void {
  const load = async (): Promise<void> => {
    if (document.hidden || !isLive.peek()) return;
    const answer = await request("host");
    if (answer.ok) host.value = answer.value;
  };
  const stop = isLive.subscribe(() => void load());
  const timer = setInterval(() => void load(), EVERY_MS);
  return () => {
    stop();
    clearInterval(timer);
  };
}

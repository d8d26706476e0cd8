import { signal, type Signal } from "@preact/signals";
import { pushSample, SAMPLES, type Samples } from "../sparkline.ts";
import { request } from "./api.ts";
import { onChange } from "./live.ts";

/** The usage of a unit in the last minutes, for its sparklines. */
export interface Use {
  readonly cpu: Samples;
  readonly memory: Samples;
}

const NOTHING: Use = { cpu: [], memory: [] };
const uses = new Map<string, Signal<Use>>();

/** Returns the samples of a unit. The first call for a unit also requests the samples from before the page was opened. */
export function useOf(id: string): Signal<Use> {
  const known = uses.get(id);
  if (known) return known;
  const made = signal<Use>(NOTHING);
  uses.set(id, made);
  queue.push(id);
  void work();
  return made;
}

export function watchSamples(): void {
  onChange((change) => {
    if (change.kind === "snapshot") uses.clear();
    if (change.kind === "removed") uses.delete(change.data.id);
    if (change.kind !== "metrics") return;
    const sampled = new Map(change.data.map((sample) => [sample.id, sample]));
    for (const [id, use] of uses) {
      const sample = sampled.get(id);
      const { cpu, memory } = use.value;
      use.value = { cpu: pushSample(cpu, sample?.cpu_percent ?? null), memory: pushSample(memory, sample?.memory_mb ?? null) };
    }
  });
}

const queue: string[] = [];
let busy = false;

/** Requests the samples of one unit at a time. The most recently queued unit comes first, because it is visible. */
async function work(): Promise<void> {
  if (busy) return;
  busy = true;
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    const use = uses.get(id);
    if (!use) continue;
    const answer = await request("serviceMetrics", { id, since: "5m", limit: SAMPLES });
    if (!answer.ok) continue;
    const cpu = answer.value.map((point) => point.cpu_percent);
    const memory = answer.value.map((point) => point.memory_mb);
    // The answer also contains the samples that have arrived on the stream in the meantime.
    use.value = { cpu: cpu.slice(-SAMPLES), memory: memory.slice(-SAMPLES) };
  }
  busy = false;
}

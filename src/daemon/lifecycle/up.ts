import type { LogLine } from "../../ports/logs.ts";
import type { Places } from "../../spec/places.ts";
import type { Parts } from "../compose/compose.ts";
import { type ExitOn, watchExits } from "./exit-on.ts";
import { runDaemon } from "./run.ts";

export interface UpOptions {
  readonly places: Places;
  readonly version: string;
  readonly line: (unit: string, line: LogLine) => void;
  readonly say: (unit: string | null, text: string) => void;
  readonly begun: (url: string | null) => void;
  readonly expect: (units: readonly string[]) => void;
  /** The event that ends the daemon, or null if only a signal does. */
  readonly exitOn: ExitOn | null;
}

/** Runs the daemon in the foreground of a terminal. Starts all units of the directory, and shows their output. */
export function runUp({ places, version, line, say, begun, expect, exitOn }: UpOptions): Promise<number> {
  return runDaemon({
    places,
    version,
    foreground: false,
    onReady: async (parts, info) => {
      expect(parts.world.ids());
      for (const note of (await parts.facade.status()).daemon.notes) say(null, note);
      begun(info.url);
      await show(parts, { line, say, expect });
    },
    startAtBoot: unitsToStart,
    hangupEnds: true,
    onStarted(parts, end) {
      if (exitOn !== null) watchExits(parts, exitOn, unitsToStart(parts), end);
    },
  });
}

/** Returns all units except those that the operator disabled, or whose file contains `"enabled": false`. */
function unitsToStart({ world, catalog, store }: Parts): string[] {
  const enabled = store.enablements();
  return world
    .ids()
    .filter((id) => world.get(id)!.spec.schedule === null)
    .filter((id) => enabled.get(id) ?? (world.get(id)!.spec.enabled || catalog.get(id)?.sources.get("enabled") === "default"));
}

async function show({ world, logs, facade }: Parts, { line, say, expect }: Pick<UpOptions, "line" | "say" | "expect">): Promise<void> {
  const followed = new Set<string>();
  const follow = (): void => {
    const ids = world.ids();
    expect(ids);
    for (const id of ids) {
      if (followed.has(id)) continue;
      followed.add(id);
      logs.open(id, world.get(id)!.spec.log);
      logs.follow(id, { line: (one) => line(id, one), gap: (lines) => say(id, `${lines} lines were not shown`) });
    }
  };
  follow();
  await facade.subscribe(null, (_, change) => {
    if (change.kind === "service" && !followed.has(change.data.id)) follow();
    if (change.kind === "removed") followed.delete(change.data.id);
    if (change.kind === "event" && change.data.event_type !== "starting") say(change.data.service_id, change.data.message);
  });
}

import type * as shape from "../../../src/api/contract/shapes.ts";
import type { Supervisor } from "../../../src/api/server/supervisor.ts";
import { ok } from "../../../src/base/result.ts";
import type { LogLine } from "../../../src/ports/logs.ts";
import type { Follower } from "./fake-trail.ts";

type Parts = Pick<Supervisor, "unitText" | "writeUnit" | "figures" | "readAllLogs" | "followAllLogs">;

/** The part of the fake supervisor that edits unit files, compares ranges of time and reads several logs. */
export const fakeUnits = (calls: unknown[][], lines: () => readonly LogLine[], followers: Set<Follower>): Parts => ({
  unitText: async (id, reveal) => ok({ id, path: `/units/${id}.unit.json`, text: "{}", etag: reveal ? "e1" : null }),
  async writeUnit(id, request) {
    calls.push(["writeUnit", id, request]);
    return ok({ id, path: `/units/${id}.unit.json`, etag: "e2", valid: true, written: !request.dryRun, problems: [], plan: [] });
  },
  async figures(id, since, until) {
    calls.push(["figures", id, since, until]);
    return ok(someFigures(id, since, until));
  },
  async readAllLogs(patterns, { lines: most }) {
    calls.push(["readAllLogs", patterns]);
    return ok(lines().slice(-(most ?? 0)));
  },
  async followAllLogs(patterns, subscriber) {
    calls.push(["followAllLogs", patterns]);
    followers.add(subscriber);
    return ok(() => void followers.delete(subscriber));
  },
});

const someFigures = (id: string, since: string, until: string): shape.Figures => ({
  ...{ id, since, until, memory_mb: 12, memory_mb_per_hour: 1, cpu_percent: 2, response_time_ms: null },
  ...{ starts: 1, exits: 1, failures: 1, endings: [{ text: "exit code 1", count: 1 }], error_lines: 3 },
});

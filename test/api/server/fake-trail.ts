import type { LogLine } from "../../../src/ports/logs.ts";
import type { LogStart, Supervisor } from "../../../src/api/server/supervisor.ts";

export type Follower = Parameters<Supervisor["followLogs"]>[1];

/** A trail of existing lines, then of those that the followers get. */
export function fakeTrail(followers: Set<Follower>, past: readonly LogLine[]): LogStart["trail"] {
  let more: Array<ReturnType<LogStart["trail"]["next"]>> = past.length > 0 ? [{ lines: past, gap: false }] : [];
  let onMore = (): void => {};
  const follower: Follower = {
    line: (line) => (more.push({ lines: [line], gap: false }), onMore()),
    gap: () => (more.push({ lines: [], gap: true }), onMore()),
  };
  followers.add(follower);
  return {
    next: () => more.shift() ?? null,
    place: () => "here",
    watch: (wake) => ((onMore = wake), () => (more = [])),
    close: () => void followers.delete(follower),
  };
}

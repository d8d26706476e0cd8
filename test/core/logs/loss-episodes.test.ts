import { expect, test } from "bun:test";
import { type LossEpisode, LossEpisodes } from "../../../src/core/logs/loss-episodes.ts";

const MINUTE = 60_000;
const one = { lines: 1, bytes: 10 };

/** The reports for losses at these times, with a check every second until the end. */
function reports(
  losses: readonly number[],
  untilMs: number,
  mayEnd: (now: number) => boolean = () => true,
): Array<[at: number, lines: number, over: boolean]> {
  const events: Array<[number, number, boolean]> = [];
  let now = 0;
  const episodes = new LossEpisodes(2000, ({ lines, over }: LossEpisode) => events.push([now, lines, over]));
  for (; now <= untilMs; now += 1000) {
    for (const at of losses) if (at === now) episodes.add(one, now, `at ${now}`, "a cause");
    episodes.check(now, mayEnd(now));
  }
  return events;
}

const every = (ms: number, from: number, to: number): number[] =>
  Array.from({ length: Math.floor((to - from) / ms) + 1 }, (_, i) => from + i * ms);

test("an episode is reported when it begins and, with all its losses, when it ends", () => {
  expect(reports([1000, 2000, 3000], MINUTE)).toEqual([
    [1000, 1, false],
    [5000, 3, true],
  ]);
});

test("an episode without end is reported every minute", () => {
  expect(reports(every(1000, 0, 3 * MINUTE), 3 * MINUTE)).toEqual([0, 1, 2, 3].map((n) => [n * MINUTE, n * 60 + 1, false]));
});

test("flapping losses are reported at most once a minute, and every loss is counted once", () => {
  const losses = every(5000, 0, 5 * MINUTE);
  const events = reports(losses, 10 * MINUTE);
  expect(events.length).toBeLessThanOrEqual(12);
  expect(events.filter(([, , over]) => over).reduce((sum, [, lines]) => sum + lines, 0)).toBe(losses.length);
});

test("an episode does not end while its cause persists", () => {
  expect(reports([0], 5 * MINUTE, (now) => now >= 4 * MINUTE)).toEqual([
    [0, 1, false],
    [4 * MINUTE, 1, true],
  ]);
});

test("a report has the time of the first loss and the latest cause", () => {
  const events: LossEpisode[] = [];
  const episodes = new LossEpisodes(1000, (episode) => events.push(episode));
  episodes.add(one, 0, "then", "full");
  episodes.add(one, 500, "later", "fuller");
  expect(episodes.current).toMatchObject({ lines: 2, since: "then" });
  episodes.check(1500);
  expect(events.at(-1)).toEqual({ lines: 2, bytes: 20, since: "then", cause: "fuller", over: true });
  expect(episodes.current).toBeNull();
});

test("an end that was held back is reported a minute after the last report, not later", () => {
  expect(reports([0, MINUTE], 2 * MINUTE)).toEqual([
    [0, 1, false],
    [2000, 1, true],
    [MINUTE + 2000, 1, true],
  ]);
});

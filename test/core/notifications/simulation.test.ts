import { expect, test } from "bun:test";
import { explainChannels } from "../../../src/core/notifications/explanation.ts";
import { simulate, type PastChange } from "../../../src/core/notifications/simulation.ts";
import { Services } from "../../../src/core/service/services.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import { makeSpec, type SpecParts } from "../fixtures.ts";
import { HOUR, MINUTE, rule, settings } from "./fixtures.ts";

function past(
  units: Record<string, SpecParts>,
  given: ReturnType<typeof settings>,
  history: ReadonlyArray<readonly [atMs: number, what: string]>,
  toMs = HOUR,
): string[] {
  const services = new Services();
  const specs = new Map(Object.entries(units).map(([id, parts]): [string, Spec] => [id, makeSpec(id, parts)]));
  for (const spec of specs.values()) services.change(undefined, spec);
  const ids = new Map<string, number>();
  const changes = history.map(([atMs, what]): PastChange => {
    const unit = what.slice(1);
    if (what.startsWith("-")) return { atMs, change: { kind: "resolved", id: ids.get(unit)!, unit, type: "failed" } };
    ids.set(unit, ids.size + 1);
    return { atMs, change: { kind: "opened", id: ids.size, condition: { unit, type: "failed", severity: "warning", message: "m" } } };
  });
  return simulate(given, changes, { services, specOf: (id) => specs.get(id) }, { fromMs: 0, toMs }).map(
    ({ atMs, draft }) => `${atMs / MINUTE} ${draft.channel}: ${draft.notices.map(({ what, unit }) => `${what} ${unit}`).join(", ")}`,
  );
}

test("past alerts under the present rules: grouped, inhibited, with their ends and repeats", () => {
  const given = settings([rule(["ops"], { groupWaitMs: MINUTE, repeatAfterMs: 30 * MINUTE })]);
  const history = [
    [0, "+db"],
    [1000, "+web"],
    [2000, "+other"],
    [10 * MINUTE, "-web"],
    [10 * MINUTE, "-db"],
  ] as const;
  expect(past({ db: {}, web: { dependencies: ["db"] }, other: {} }, given, history)).toEqual([
    "1 ops: begin db, begin other",
    "11 ops: end db",
    "31 ops: repeat other",
  ]);
});

test("units that no longer exist are part of it", () => {
  expect(past({}, settings([rule(["ops"], { groupWaitMs: 0 })]), [[0, "+gone"], [MINUTE, "-gone"]])).toEqual(["0 ops: begin gone", "1 ops: end gone"]); // prettier-ignore
});

test("explanation: who gets a message and when, or why not", () => {
  const night = { fromMinute: 22 * 60, toMinute: 7 * 60, timezone: "UTC" };
  const given = settings([
    rule(["now"], { groupWaitMs: 0, repeatAfterMs: null, recovery: false }),
    rule(["later"], { quietHours: night }),
    rule(["daily"], { digestMs: 24 * HOUR }),
    rule(["critical"], { severity: "critical" }),
  ]);
  const words = (severity: "warning" | "critical", notify: string[] | null = null) =>
    explainChannels(
      given,
      { unit: "web", type: "failed", severity, spec: makeSpec("web", { notify }) },
      Date.parse("2026-05-01T23:00:00Z"),
    ).map(({ channel, sends, words: text }) => `${channel} ${sends ? "+" : "-"} ${text}`);
  expect(words("warning")).toEqual([
    "now + rule 1: immediately; never repeated; its end is not reported",
    "later + rule 2: after 30s, with what happens meanwhile, but quiet hours last for another 8h; repeated every 4h while it lasts; its end is reported",
    "daily + rule 3: in a digest, within 1d; repeated every 4h while it lasts; its end is reported",
    "critical - none of its rules selects this alert",
  ]);
  expect(words("critical", ["later"])).toEqual([
    "now - `notify` of the unit does not name it",
    "later + rule 2: immediately; repeated every 4h while it lasts; its end is reported",
    "daily - `notify` of the unit does not name it",
    "critical - `notify` of the unit does not name it",
  ]);
});

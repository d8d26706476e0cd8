import { describe, expect, test } from "bun:test";
import { parseEpisode, episodeText, type Episode } from "../../../src/core/notifications/episode.ts";
import type { Stage } from "../world/stage.ts";
import { breakDown, HOUR, MINUTE, notified, rule, SECOND, settings, told } from "./fixtures.ts";

const QUICK = { restart: { retryDelayMs: SECOND, backoffMultiplier: 1, maxRetries: -1, resetAfterMs: 10 * SECOND } } as const;

/** It runs again, and its alert is resolved after its quiet period. */
function recover(stage: Stage, ...ids: string[]): Stage {
  for (const id of ids) stage.broken.delete(id);
  return stage.pass(2 * MINUTE);
}

describe("one problem", () => {
  test("its beginning after group_wait, its end after it was resolved", () => {
    const stage = breakDown(notified({ web: QUICK }), "web");
    stage.pass(31 * SECOND);
    expect(told(stage)).toEqual([]); // the alert opened after the third retry
    stage.pass(3 * SECOND);
    expect(told(stage)).toEqual(["ops: begin web failing"]);
    recover(stage, "web").pass(MINUTE);
    expect(told(stage)).toEqual(["ops: end web failing"]);
    expect(stage.world.nextDueMs()).toBeNull();
  });

  test("one that is over before its beginning was sent is never reported", () => {
    const stage = breakDown(notified({ web: QUICK }, settings([rule(["ops"], { groupWaitMs: 10 * MINUTE })])), "web");
    stage.pass(10 * SECOND);
    expect(stage.alerts).toHaveLength(1);
    recover(stage, "web").pass(HOUR);
    expect(stage.alerts).toHaveLength(2);
    expect(told(stage)).toEqual([]);
  });

  test("a unit that is given up after it kept failing is the same episode", () => {
    const stage = breakDown(notified({ web: { restart: { retryDelayMs: 20 * SECOND, backoffMultiplier: 1, maxRetries: 5 } } }), "web");
    stage.pass(10 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin web failing", "ops: update web failed"]);
    const [begin] = stage.alerts;
    expect(begin).toMatchObject({ kind: "opened", condition: { type: "failing" } });
    stage.broken.delete("web");
    stage.start("web").pass(5 * MINUTE);
    expect(told(stage)).toEqual(["ops: end web failed"]);
  });

  test("it is repeated after repeat_after while it lasts", () => {
    const stage = breakDown(notified({ web: { restart: { maxRetries: 0 } } }, settings([rule(["ops"], { repeatAfterMs: HOUR })])), "web");
    stage.pass(3 * HOUR + MINUTE);
    expect(told(stage)).toEqual(["ops: begin web failed", "ops: repeat web failed", "ops: repeat web failed", "ops: repeat web failed"]);
    recover(stage, "web");
    stage.start("web").pass(3 * HOUR);
    expect(told(stage)).toEqual(["ops: end web failed"]);
  });

  test("without recovery nothing is said at the end", () => {
    const stage = breakDown(notified({ web: { restart: { maxRetries: 0 } } }, settings([rule(["ops"], { recovery: false })])), "web");
    stage.pass(MINUTE);
    recover(stage, "web");
    stage.start("web").pass(HOUR);
    expect(told(stage)).toEqual(["ops: begin web failed"]);
  });

  test("a stop by the operator ends it", () => {
    const stage = breakDown(notified({ web: QUICK }), "web").pass(MINUTE);
    stage.stop("web").pass(MINUTE);
    expect(stage.outbox.at(-1)!.notices).toMatchObject([{ what: "end", ending: "stopped by the operator" }]);
  });
});

describe("what is planned is silent", () => {
  test.each(["stop", "restart"] as const)("a %s of a unit and everything that it causes", (action) => {
    const stage = notified({ db: QUICK, web: { ...QUICK, dependencies: ["db"] } });
    stage.request(action, ["db"]);
    if (action === "stop") breakDown(stage, "web"); // it fails without db
    stage.pass(HOUR);
    expect(told(stage)).toEqual([]);
  });

  test("the failure of a dependent is reported once db is back and did not help", () => {
    const stage = notified({ db: QUICK, web: { restart: { ...QUICK.restart, maxRetries: 3 }, dependencies: ["db"] } });
    stage.stop("db");
    breakDown(stage, "web");
    stage.pass(HOUR);
    expect(told(stage)).toEqual([]);
    stage.start("db").pass(2 * MINUTE);
    stage.start("web").pass(2 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin web failed"]);
  });
});

describe("inhibition", () => {
  const units = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [`app${String(i).padStart(2, "0")}`, { ...QUICK, dependencies: ["db"] }]),
  );

  test("a database that takes 30 dependents down is one message, which lists them", () => {
    const stage = notified({ db: QUICK, ...units });
    breakDown(stage, "db", ...Object.keys(units)).pass(10 * MINUTE);
    expect(stage.outbox).toHaveLength(1);
    expect(stage.outbox[0]!.notices).toMatchObject([{ unit: "db", what: "begin", affected: Object.keys(units) }]);
    stage.outbox.length = 0;
    recover(stage, "db", ...Object.keys(units)).pass(10 * MINUTE);
    expect(told(stage)).toEqual(["ops: end db failing"]);
  });

  test("a dependent that stays down after its dependency has recovered is reported then", () => {
    const stage = notified({ db: QUICK, web: { ...QUICK, dependencies: ["db"] } });
    breakDown(stage, "db", "web").pass(5 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin db failing"]);
    recover(stage, "db").pass(5 * MINUTE);
    expect(told(stage).toSorted()).toEqual(["ops: begin web failing", "ops: end db failing"]);
  });

  test("a dependency that is not required explains nothing", () => {
    const stage = notified({ db: QUICK, web: { ...QUICK, dependencies: [{ unit: "db", required: false }] } });
    breakDown(stage, "db", "web").pass(5 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin db failing, begin web failing"]);
  });

  test("nor does one unit of a service whose quorum is met", () => {
    const stage = notified({
      "db@1": { ...QUICK, service: "db" },
      "db@2": { ...QUICK, service: "db" },
      web: { ...QUICK, dependencies: [{ unit: "db", quorum: 1 }] },
    });
    breakDown(stage, "db@1", "web").pass(5 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin db@1 failing, begin web failing"]);
  });
});

describe("when", () => {
  test("a critical unit at once", () => {
    const stage = breakDown(notified({ web: { ...QUICK, critical: true } }), "web");
    expect(told(stage)).toEqual(["ops: begin web failing"]);
  });

  test("what comes within group_wait is one message", () => {
    const stage = notified({ a: QUICK, b: QUICK, c: QUICK });
    breakDown(stage, "a").pass(5 * SECOND);
    breakDown(stage, "b").pass(5 * SECOND);
    breakDown(stage, "c").pass(5 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin a failing, begin b failing, begin c failing"]);
  });

  test("quiet hours hold everything but critical alerts back until their end; what is over by then is told as past", () => {
    const night = Date.parse("2026-05-01T22:00:00Z");
    const quietHours = { fromMinute: 22 * 60, toMinute: 7 * 60, timezone: "UTC" };
    const stage = notified(
      { web: QUICK, api: { restart: { maxRetries: 0 } }, db: { ...QUICK, critical: true } },
      settings([rule(["ops"], { quietHours })]),
      night,
    );
    breakDown(stage, "web", "api", "db").pass(10 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin db failing"]);
    recover(stage, "web").pass(8 * HOUR);
    expect(told(stage).filter((line) => !line.includes("repeat"))).toEqual([]);
    stage.pass(HOUR);
    expect(stage.outbox[0]!.notices.map(({ what, unit }) => `${what} ${unit}`)).toEqual(["begin api", "past web"]);
  });

  test("a digest collects beginnings and ends", () => {
    const stage = notified({ web: QUICK, api: QUICK }, settings([rule(["ops"], { digestMs: HOUR })]));
    breakDown(stage, "web").pass(10 * MINUTE);
    recover(stage, "web");
    breakDown(stage, "api").pass(2 * HOUR);
    expect(told(stage)).toEqual(["ops: begin api failing, past web failing"]);
  });

  test("50 units in a crash loop for ten minutes: few messages, and none is lost", () => {
    const units = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`u${i}`, { restart: { maxRetries: 5, retryDelayMs: SECOND + 137 * i } }]),
    );
    const stage = notified(units, settings([rule(["ops", "sms"])], { sms: { rateLimit: { messages: 3, perMs: 10 * MINUTE } } }));
    breakDown(stage, ...Object.keys(units)).pass(10 * MINUTE);
    const to = (name: string) => stage.outbox.filter(({ channel }) => channel === name);
    expect([to("ops").length, to("sms").length]).toEqual([5, 3]);
    stage.pass(HOUR);
    for (const name of ["ops", "sms"]) {
      const begun = to(name).flatMap(({ notices }) => notices.filter(({ what }) => what === "begin").map(({ unit }) => unit));
      expect(begun.toSorted()).toEqual(Object.keys(units).toSorted());
    }
  });

  test("at the rate limit the rest comes with the next message that is allowed", () => {
    const stage = notified(
      { a: QUICK, b: QUICK, c: QUICK },
      settings([rule(["ops"], { groupWaitMs: 0 })], { ops: { rateLimit: { messages: 1, perMs: 10 * MINUTE } } }),
    );
    for (const id of ["a", "b", "c"]) breakDown(stage, id).pass(10 * SECOND);
    stage.pass(5 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin a failing"]);
    stage.pass(5 * MINUTE);
    expect(told(stage)).toEqual(["ops: begin b failing, begin c failing"]);
  });
});

test("the rate limit of a channel does not delay a critical message, whose own limit is separate", () => {
  const limit = { ops: { rateLimit: { messages: 1, perMs: 10 * MINUTE } } };
  const stage = notified(
    { a: QUICK, b: QUICK, c: { ...QUICK, critical: true }, d: { ...QUICK, critical: true } },
    settings([rule(["ops"], { groupWaitMs: 0 })], limit),
  );
  breakDown(stage, "a").pass(10 * SECOND);
  breakDown(stage, "b").pass(10 * SECOND);
  expect(told(stage)).toEqual(["ops: begin a failing"]);
  breakDown(stage, "c");
  expect(told(stage)).toEqual(["ops: begin c failing"]);
  breakDown(stage, "d").pass(5 * MINUTE);
  expect(told(stage)).toEqual([]);
  stage.pass(5 * MINUTE);
  expect(told(stage).join("; ")).toContain("begin d failing");
});

describe("by request", () => {
  const silenced = (stage: Stage, untilMs: number | null) => {
    const open = stage.alerts
      .filter(({ kind }) => kind === "opened")
      .map((one) => ({ id: one.id, unit: "web", type: "failed", severity: "warning", message: "", sinceMs: 0 }) as const);
    return stage.post({ type: "notifications", settings: settings(), open, stored: [], wallMs: stage.nowMs, silencedUntilMs: untilMs });
  };

  test("a silence holds everything back; what is still a problem at its end is told then, the rest never", () => {
    const stage = silenced(notified({ web: { restart: { maxRetries: 0 } }, api: { ...QUICK, critical: true } }), HOUR);
    breakDown(stage, "web", "api").pass(10 * MINUTE);
    recover(stage, "api").pass(40 * MINUTE);
    expect(told(stage)).toEqual([]);
    stage.pass(HOUR);
    expect(told(stage)).toEqual(["ops: begin web failed"]);
  });

  test("the end of a silence before its time", () => {
    const stage = silenced(notified({ web: { restart: { maxRetries: 0 } } }), HOUR);
    breakDown(stage, "web").pass(10 * MINUTE);
    silenced(stage, null).pass(0);
    expect(told(stage)).toEqual(["ops: begin web failed"]);
  });

  test("an acknowledged problem is not repeated; its end is told", () => {
    const stage = breakDown(notified({ web: { restart: { maxRetries: 0 } } }), "web").pass(MINUTE);
    stage.post({ type: "acknowledged", alerts: [1, 99] }).pass(24 * HOUR);
    expect(told(stage)).toEqual(["ops: begin web failed"]);
    recover(stage, "web");
    stage.start("web").pass(3 * MINUTE);
    expect(told(stage)).toEqual(["ops: end web failed"]);
  });
});

describe("who", () => {
  const failing = (more: Record<string, unknown>, rules: Parameters<typeof settings>[0]): string[] => {
    const stage = breakDown(
      notified({ web: { restart: { maxRetries: 0 }, groups: ["shop"], labels: { team: "a" }, ...more } }, settings(rules)),
      "web",
    ).pass(MINUTE);
    return told(stage);
  };

  test.each<[string, Record<string, unknown>, Parameters<typeof settings>[0], string[]]>([
    ["by alert type", {}, [rule(["a"], { events: ["fail*"] }), rule(["b"], { events: ["*-limit"] })], ["a"]],
    ["by severity", {}, [rule(["a"]), rule(["b"], { severity: "critical" })], ["a"]],
    ["by unit", {}, [rule(["a"], { units: ["w*"] }), rule(["b"], { units: ["db"] })], ["a"]],
    ["by group", {}, [rule(["a"], { groups: ["shop"] }), rule(["b"], { groups: ["office"] })], ["a"]],
    ["by label", {}, [rule(["a"], { labels: { team: "a" } }), rule(["b"], { labels: { team: "b" } })], ["a"]],
    ["to all channels of all rules that match", {}, [rule(["a"]), rule(["b", "a"])], ["a", "b"]],
    ["only to those that `notify` names", { notify: ["b"] }, [rule(["a"]), rule(["b"])], ["b"]],
    ["to none with an empty `notify`", { notify: [] }, [rule(["a"]), rule(["b"])], []],
    ["not to a channel of `notify` whose rules do not match", { notify: ["b"] }, [rule(["b"], { severity: "critical" })], []],
  ])("%s", (_, unit, rules, expected) => {
    expect(failing(unit, rules)).toEqual(expected.map((name) => `${name}: begin web failed`));
  });

  test("a channel of `notify` that no rule names gets everything", () => {
    const given = settings([rule(["a"]), rule(["b"])]);
    const stage = breakDown(
      notified({ web: { restart: { maxRetries: 0 }, notify: ["b"] } }, { ...given, rules: [rule(["a"])] }),
      "web",
    ).pass(MINUTE);
    expect(told(stage)).toEqual(["b: begin web failed"]);
  });

  test("an alert about a channel does not go to that channel", () => {
    const stage = notified({}, settings([rule(["a", "b"])]));
    stage.post({
      type: "observed",
      source: "notifications",
      unit: "",
      conditions: [{ unit: "", type: "channel-a", severity: "warning", message: "dead" }],
    });
    stage.pass(MINUTE);
    expect(told(stage)).toEqual(["b: begin sup channel-a"]);
  });
});

describe("the next daemon", () => {
  const stored = (stage: Stage): Episode[] => {
    const ids = stage.outbox.flatMap(({ notices }) => notices.map(({ episode }) => episode));
    return [...new Set(ids)].flatMap((id) => stage.world.episode(id) ?? []).map((one) => parseEpisode(one.id, episodeText(one))!);
  };
  const open = [{ id: 1, unit: "web", type: "failed", severity: "warning", message: "it is failed", sinceMs: 0 }] as const;

  function next(episodes: readonly Episode[], alerts: typeof open | readonly []): Stage {
    const stage = notified({ web: { restart: { maxRetries: 0 } } });
    if (alerts.length > 0) breakDown(stage, "web");
    stage.outbox.length = 0;
    return stage.post({ type: "notifications", settings: settings(), open: alerts, stored: episodes, wallMs: 0 });
  }

  test("does not report again what was reported, and reports the end", () => {
    const first = breakDown(notified({ web: { restart: { maxRetries: 0 } } }), "web").pass(MINUTE);
    const episodes = stored(first);
    expect(episodes).toHaveLength(1);
    const second = notified({});
    second.post({ type: "notifications", settings: settings(), open, stored: episodes, wallMs: 0 });
    second.pass(MINUTE);
    expect(told(second)).toEqual([]);
    second.post({ type: "notifications", settings: settings(), open: [], stored: [], wallMs: 0 }).pass(MINUTE);
    expect(told(second)).toEqual(["ops: end web failed"]);
  });

  test("reports an alert that was open before there were channels", () => {
    const stage = notified({});
    stage.post({ type: "notifications", settings: settings(), open, stored: [], wallMs: 0 }).pass(MINUTE);
    expect(told(stage)).toEqual(["ops: begin web failed"]);
  });

  test("a channel that is new learns of what is open", () => {
    const stage = next([], open).pass(MINUTE);
    told(stage);
    stage.post({ type: "notifications", settings: settings([rule(["ops", "late"])]), open, stored: [], wallMs: 0 }).pass(MINUTE);
    expect(told(stage)).toEqual(["late: begin web failed"]);
  });

  test("a damaged record of an episode is ignored", () => {
    expect(parseEpisode("1", "{")).toBeNull();
    expect(parseEpisode("1", '{"version":2,"episode":{"id":"1","alerts":[]}}')).toBeNull();
    expect(parseEpisode("2", '{"version":1,"episode":{"id":"1","alerts":[]}}')).toBeNull();
  });
});

test("without channels nothing is kept and nothing is due", () => {
  const stage = breakDown(notified({ web: { restart: { maxRetries: 0 } } }, { channels: {}, rules: [] }), "web").pass(HOUR);
  expect(told(stage)).toEqual([]);
  expect(stage.world.nextDueMs()).toBeNull();
});

import { describe, expect, test } from "bun:test";
import { causeOf, causeText, firstProblem } from "../../src/web/cause.ts";
import { aService, NOW } from "../api/server/fake.ts";

const later = (ms: number): string => new Date(NOW + ms).toISOString();
const clockOf = (ms: number): string => new Date(NOW + ms).toTimeString().slice(0, 8);

describe("the reason why a unit needs attention", () => {
  const failed = { last_exit: "exit code 78", last_line: "\x1b[31mError: BILLING_KEY missing\x1b[0m", state_since: later(-1000) } as const;
  for (const [what, more, text, evidence] of [
    ["a fatal unit", { ...failed, state: "fatal" }, `exit code 78; gave up ${clockOf(-1000)}`, "Error: BILLING_KEY missing"],
    ["a failed unit", { ...failed, state: "failed", last_line: null }, `exit code 78; failed ${clockOf(-1000)}`, null],
    [
      "a unit in back-off",
      { ...failed, state: "backoff", retries: 2, next_attempt: later(12_000) },
      "exit code 78; retry 2 of 5 in 12s",
      "Error: BILLING_KEY missing",
    ],
    ["an unhealthy unit", { health: "unhealthy", probe_failure: "HTTP 503" }, "health check fails", "HTTP 503"],
    ["a unit that is not ready", { state: "starting", health: "unhealthy" }, "not ready, health check fails", null],
    ["a degraded unit", { health: "degraded", probe_failure: "refused" }, "only the fallback check passes", "refused"],
    [
      "a unit with a bad file",
      { problems: ["/units/x.unit.json:2:3: error: unknown key"] },
      "file has errors; the last valid version is in use",
      "x.unit.json:2:3: error: unknown key",
    ],
    [
      "a critical unit that is stopped",
      { state: "stopped", critical: true, state_since: later(-1000) },
      `stopped (operator); since ${clockOf(-1000)}`,
      null,
    ],
  ] as const)
    test(what, () => {
      const cause = causeOf(aService("x", more as never), NOW);
      expect([causeText(cause), cause.evidence]).toEqual([text, evidence]);
    });

  test("control characters of a service's output are shown as escapes", () => {
    const service = aService("x", { state: "fatal", last_exit: "exit code 1", last_line: "a\u202eb" });
    expect(causeOf(service, NOW).evidence).toBe("a\\u{202e}b");
  });
});

test("the first error of a broken file is shown without the directory, and the file if there is no error", () => {
  expect(firstProblem({ file: "/u/m5.unit.json", problems: ["/u/m5.unit.json:2: error: x", "other"] })).toBe("m5.unit.json:2: error: x");
  expect(firstProblem({ file: "/u/m5.unit.json", problems: [] })).toBe("m5.unit.json");
});

/** Facts that the sentences about a policy must contain, whatever their wording. */
import { describe, expect, test } from "bun:test";
import { policyWords, retriesOf } from "../../../src/core/explain/policy.ts";
import { CHECK, makeSpec, type SpecParts } from "../fixtures.ts";

const words = (parts: SpecParts): string => policyWords(makeSpec("web", parts)).join("\n");

test("a policy that never gives up shows twelve retries", () => {
  const { restart } = makeSpec("web", { restart: { maxRetries: -1, maxBackoffMs: 1e12 } });
  expect(retriesOf(restart)).toHaveLength(12);
});

test("a policy with very many retries shows a thousand", () => {
  const { restart } = makeSpec("web", { restart: { maxRetries: 5000 } });
  expect(retriesOf(restart)).toHaveLength(1000);
});

test("six delays are listed; an ellipsis says that there are more", () => {
  expect(words({ restart: { maxRetries: 6 } })).toContain("16s, 32s");
  expect(words({ restart: { maxRetries: 6 } })).not.toContain("…");
  expect(words({ restart: { maxRetries: 7 } })).toContain("16s, 32s, …");
});

test("jitter is given in percent", () => {
  expect(words({ restart: { jitter: 1 } })).toContain("100 %");
  expect(words({ restart: { jitter: 0.25 } })).toContain("25 %");
  expect(words({})).not.toContain("%");
});

test("a long command of a probe is cut after 80 characters", () => {
  const probe = { type: "exec", command: "x".repeat(79), args: ["yz"], timeoutMs: 1 } as const;
  expect(words({ check: { probe } })).toContain("x".repeat(79));
  const longer = words({ check: { probe: { ...probe, command: "x".repeat(81) } } });
  expect(longer).toContain("x".repeat(80));
  expect(longer).not.toContain("x".repeat(81));
});

describe("different settings give different sentences", () => {
  test.each<[string, SpecParts, SpecParts]>([
    ["who gets the stop signal", {}, { stop: { killMode: "mixed" } }],
    ["one retry or several", { restart: { maxRetries: 1 } }, { restart: { maxRetries: 2 } }],
    ["one failure or several", { check: { failureThreshold: 1 } }, { check: { failureThreshold: 2 } }],
    ["what a failed check leads to", { check: { action: "none" } }, { check: { action: "restart" } }],
    ["with a fallback or without", { check: {} }, { check: { fallback: CHECK.probe } }],
  ])("%s", (_, one, other) => expect(words(one)).not.toBe(words(other)));

  const schedule = { cron: "0 1 * * *", timezone: null, everyMs: null, catchUp: false, overlap: "skip" } as const;
  test.each([
    ["a time zone", { timezone: "Europe/Berlin" }],
    ["times that were missed", { catchUp: true }],
    ["the last run has not ended: queue", { overlap: "queue" }],
    ["the last run has not ended: kill", { overlap: "kill" }],
    ["a period in place of times", { cron: null, everyMs: 60_000 }],
  ] as const)("schedules: %s", (_, changed) => {
    expect(words({ schedule })).not.toBe(words({ schedule: { ...schedule, ...changed } }));
  });
});

test("exit codes that count as clean are named when there are others than 0", () => {
  const count = (successExitCodes: number[]): number => policyWords(makeSpec("web", { restart: { successExitCodes } })).length;
  expect(count([0, 3])).toBe(count([0]) + 1);
  expect(words({ restart: { successExitCodes: [0, 3] } })).toContain("0, 3");
});

test("codes without a restart are named when there are any", () => {
  const count = (noRestartExitCodes: number[]): number => policyWords(makeSpec("web", { restart: { noRestartExitCodes } })).length;
  expect(count([78])).toBe(count([]) + 1);
});

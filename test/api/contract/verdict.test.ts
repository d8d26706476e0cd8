import { expect, test } from "bun:test";
import { verdict, type Wording } from "../../../src/api/contract/verdict.ts";
import { aService, NOW_ISO } from "../server/fake.ts";

const wording: Wording = { relative: (iso) => (iso === NOW_ISO ? "now" : "later"), commands: false };

test.each([
  [{ state: "failed", reason: "exit-code", last_exit: "exit code 1" }, "Failed: exit code 1. Its policy does not restart it."],
  [{ state: "fatal", reason: "health", retries: 5 }, "The health check kept failing. Gave up after 5 retries."],
  [{ state: "backoff", reason: "spawn", next_attempt: NOW_ISO }, "The command could not be started. Next attempt now."],
])("a verdict without commands: %j", (more, sentence) => {
  expect(verdict(aService("x", more as never), wording)).toBe(sentence);
});

test.each([
  [{ state: "starting", retries: 2, last_exit: "exit code 1" }, "Started, but not ready yet (2 of 5); the last run failed: exit code 1."],
  [{ state: "starting", retries: 0, last_exit: "exit code 0" }, "Started, but not ready yet."],
  [{ over_limits: [{ limit: "memory", value: 219, max: 120, text: "memory is over its limit: 219 MiB of 120 MiB" }] }, "Running, but memory is over its limit: 219 MiB of 120 MiB."],
])("a verdict names what is wrong with a unit that is up: %j", (more, sentence) => {
  expect(verdict(aService("x", { max_retries: 5, ...more } as never), wording)).toBe(sentence);
}); // prettier-ignore

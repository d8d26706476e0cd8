import { expect, test } from "bun:test";
import { DEFAULT_ROLLING } from "../../src/core/service/rolling-policy.ts";
import { machineDiagram } from "../../src/core/unit/diagram.ts";
import { EVENT_TYPES } from "../../src/core/unit/events.ts";
import { PHASES, type Phase } from "../../src/core/unit/phase.ts";
import { table } from "../../src/core/unit/table.ts";
import { hook, makeSpec, type SpecParts } from "./fixtures.ts";
import { explore } from "./walk/explore.ts";

/**
 * Explores every situation that one unit can reach, for all requests of the operator and all events of the environment, in
 * any order. walk/rules.ts has the rules, walk/situations.ts the possible events.
 */
const FAST = { maxRetries: 1, retryDelayMs: 1000 } as const;
const COMMAND = { kind: "command", command: "reread", args: [], timeoutMs: 1000 } as const;

const CONDITION = { kind: "path_exists", path: "/a", not: false } as const;

const DRAINED = { ...DEFAULT_ROLLING, drain: { signal: 10, timeoutMs: 5000 } };

const LINE = { kind: "text", text: "up" } as const;

const SPECS: Record<string, SpecParts> = {
  simple: { restart: FAST },
  "with a check": { check: {}, restart: FAST },
  notify: { type: "notify", restart: FAST },
  "notify with a reload": { type: "notify", reload: COMMAND, restart: { maxRetries: 0 } },
  "notify with post_stop, without a graceful stop": {
    type: "notify",
    stop: { graceful: false },
    postStop: [hook(1000)],
    restart: { maxRetries: 0 },
  },
  oneshot: { type: "oneshot", restart: FAST },
  "oneshot with a start_timeout and a reload": { type: "oneshot", startTimeoutMs: 20_000, reload: COMMAND, restart: { maxRetries: 0 } },
  "oneshot with remain_after_exit": { type: "oneshot", remainAfterExit: true, restart: FAST },
  "oneshot with remain_after_exit and post_stop": { type: "oneshot", remainAfterExit: true, postStop: [hook(1000)], restart: FAST },
  "with pre_start and post_stop": { preStart: [hook(1000)], postStop: [hook(1000)], restart: FAST },
  "without a graceful stop": { stop: { graceful: false }, preStart: [hook(1000)], check: {}, reload: COMMAND, restart: { maxRetries: 0 } },
  "oneshot without a graceful stop": { type: "oneshot", startTimeoutMs: 20_000, stop: { graceful: false }, restart: { maxRetries: 0 } },
  "that must not restart, with post_stop": { postStop: [hook(1000)], restart: { maxRetries: 0, noRestartExitCodes: [78] } },
  "with retry_delay 0 and post_stop": { postStop: [hook(1000)], restart: { maxRetries: 1, retryDelayMs: 0 } },
  "kill_mode mixed": { stop: { killMode: "mixed" }, restart: { maxRetries: 0 } },
  "kill_mode process": { stop: { killMode: "process" }, restart: { maxRetries: 0 } },
  "with unlimited retries": { restart: { maxRetries: -1, retryDelayMs: 1000, maxBackoffMs: 2000 } },
  "with retry_delay 0": { restart: { maxRetries: -1, retryDelayMs: 0 } },
  "with fatal_retry_after": { restart: { maxRetries: 1, fatalRetryAfterMs: 5000, noRestartExitCodes: [78] } },
  "with restart_on_exit": { restart: { ...FAST, restartOnExit: true } },
  "without auto_restart": { restart: { autoRestart: false } },
  "with a condition and post_stop": { conditions: [CONDITION], postStop: [hook(1000)], restart: FAST },
  "with a condition and pre_start, without a graceful stop": {
    conditions: [CONDITION],
    preStart: [hook(1000)],
    stop: { graceful: false },
    restart: { maxRetries: 0 },
  },
  "with ready_log and a check": { readyLog: LINE, check: {}, restart: FAST },
  "with ready_log and post_stop, without a graceful stop": {
    readyLog: LINE,
    postStop: [hook(1000)],
    stop: { graceful: false },
    restart: { maxRetries: 0 },
  },
  "with pre_restart": { preRestart: [hook(1000)], restart: FAST },
  "notify with pre_restart and a reload": { type: "notify", preRestart: [hook(1000)], reload: COMMAND, restart: { maxRetries: 0 } },
  "with pre_restart and a reload, without a graceful stop": {
    preRestart: [hook(1000)],
    reload: COMMAND,
    stop: { graceful: false },
    restart: { maxRetries: 0 },
  },
  "that is drained": { type: "notify", rolling: DRAINED, preRestart: [hook(1000)], restart: { maxRetries: 0 } },
  "that is drained, with post_stop, without a graceful stop": {
    ...{ rolling: DRAINED, postStop: [hook(1000)], stop: { graceful: false }, restart: { maxRetries: 0 } },
  },
  "with a reload and a check": { reload: COMMAND, check: {}, restart: { maxRetries: 0 } },
};

const reached = new Map<string, Set<Phase>>();
let situations = 0;
let moves = 0;

test.each(Object.keys(SPECS))("every reachable situation obeys the rules: %s", (name) => {
  const walked = explore(makeSpec("web", SPECS[name]));
  situations += walked.situations;
  moves += walked.moves;
  for (const [cell, phases] of walked.targets) reached.set(cell, (reached.get(cell) ?? new Set()).union(phases));
  expect(walked.situations).toBeGreaterThan(30);
});

test("each move leads to exactly the phases that the table declares, so the diagram is correct", () => {
  console.log(`walk: ${situations} situations, ${moves} moves`);
  const wrong: string[] = [];
  for (const phase of PHASES)
    for (const type of EVENT_TYPES) {
      const cell = table[phase][type];
      if (cell.kind !== "move") continue;
      const declared = cell.to.split(" ").map((to) => (to === "=" ? phase : to));
      const real = [...(reached.get(`${phase}.${type}`) ?? [])];
      if (declared.toSorted().join(" ") !== real.toSorted().join(" "))
        wrong.push(`${phase} × ${type}: declared ${declared.join(" ")}, reached ${real.join(" ") || "nothing"}`);
    }
  expect(wrong).toEqual([]);
  expect(machineDiagram()).toContain("backoff (backoff)\n  start, restart, due → waiting");
});

import type { Effect } from "../../../src/core/unit/effects.ts";
import type { EventType } from "../../../src/core/unit/events.ts";
import { isDown, type Phase } from "../../../src/core/unit/phase.ts";
import { freshUnit, NO_LEDGER, type Unit } from "../../../src/core/unit/record.ts";
import { step } from "../../../src/core/unit/step.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import { choices, factsOf, keyOf, NOTHING, type Choice, type Outside } from "./situations.ts";
import { wrongIn } from "./rules.ts";

/** A reachable situation, and how it was first reached. */
interface Node {
  readonly unit: Unit;
  readonly outside: Outside;
  readonly nowMs: number;
  readonly parent: Node | null;
  readonly by: string;
}

export interface Walked {
  readonly situations: number;
  readonly moves: number;
  /** `phase.event` → where it led. */
  readonly targets: Map<string, Set<Phase>>;
  /** The largest number of events that any situation needed to come to rest. */
  readonly longest: number;
}

const ROLL = 0.5;

/** Visits and checks every situation that one unit can reach. Throws with the path to the first that breaks a rule. */
export function explore(spec: Spec): Walked {
  // The throttle begins after 10 starts. Starting the walk just below that avoids exploring everything ten times.
  const ledger = { ...NO_LEDGER, recentStarts: Array<number>(9).fill(0) };
  const start: Node = { unit: { ...freshUnit(spec.id), ledger }, outside: NOTHING, nowMs: 0, parent: null, by: "loaded" };
  const seen = new Set([keyOf(spec, start.unit, start.outside, start.nowMs)]);
  const targets = new Map<string, Set<Phase>>();
  const restful = new Set<string>();
  const queue: Node[] = [start];
  let moves = 0;
  let longest = 0;
  for (const node of queue) {
    const wrong = wrongIn(spec, node.unit, node.outside) ?? staleFact(spec, node);
    if (wrong !== null) throw new Error(`${wrong}\n${story(node)}`);
    longest = Math.max(longest, comesToRest(spec, node, restful));
    for (const choice of choices(spec, node.unit, node.outside, node.nowMs)) {
      moves++;
      for (const next of follow(spec, node, choice, targets)) {
        const key = keyOf(spec, next.unit, next.outside, next.nowMs);
        if (seen.has(key)) continue;
        seen.add(key);
        queue.push(next);
      }
    }
  }
  return { situations: queue.length, moves, targets, longest };
}

/** The situations that a choice leads to: two after a spawn, because it may fail. */
function follow(spec: Spec, node: Node, choice: Choice, targets: Map<string, Set<Phase>>): Node[] {
  const after = (unit: Unit, outside: Outside): Node => ({ unit, outside, nowMs: choice.nowMs, parent: node, by: choice.name });
  if (choice.event === null) return [after(choice.drains ? { ...node.unit, drains: true } : node.unit, choice.outside)];
  const result = step({ unit: node.unit, spec, env: { nowMs: choice.nowMs, roll: ROLL } }, choice.event);
  if (result.kind === "bug") throw new Error(`${result.why}\n${story(after(node.unit, choice.outside))}`);
  if (result.kind !== "moved") return [after(node.unit, choice.outside)];
  note(targets, node.unit.phase, choice.event.type, result.unit.phase);
  const outside = perform(result.effects, result.unit, choice.outside);
  if (typeof outside === "string") throw new Error(`${outside}\n${story(after(result.unit, choice.outside))}`);
  if (!result.effects.some((effect) => effect.type === "spawn")) return [after(result.unit, outside)];
  return [after(result.unit, outside), after(result.unit, { ...outside, spawn: "failed", main: "none" })];
}

function note(targets: Map<string, Set<Phase>>, phase: Phase, type: EventType, to: Phase): void {
  const cell = `${phase}.${type}`;
  targets.set(cell, (targets.get(cell) ?? new Set()).add(to));
}

/** The environment after the effects, or what is wrong with one of them. */
function perform(effects: readonly Effect[], unit: Unit, before: Outside): Outside | string {
  let outside = before;
  for (const effect of effects) {
    if (effect.type === "record") continue;
    if (effect.run !== unit.run || unit.run === 0) return `${effect.type} names run ${effect.run}, the current run is ${unit.run}`;
    const busy = outside.main !== "none" || outside.spawn !== "none" || outside.prepare;
    switch (effect.type) {
      case "prepare":
        if (busy || outside.sweep || outside.finish === "running") return "pre_start runs while another process of the unit is alive";
        outside = { ...NOTHING, prepare: true };
        break;
      case "spawn":
        if (busy || outside.sweep || outside.finish === "running") return "two live processes";
        outside = { ...NOTHING, spawn: "ok", main: "alive" };
        break;
      case "sweep":
        if (busy || outside.sweep) return "a sweep while the main process or a hook is alive";
        outside = { ...outside, sweep: true };
        break;
      case "finish":
        if (busy || outside.sweep || outside.finish === "running") return "post_stop runs while another process of the unit is alive";
        outside = { ...outside, finish: "running" };
        break;
      case "testRestart":
        if (outside.main === "none" || outside.testRestart) return "pre_restart runs without a main process, or twice";
        outside = { ...outside, testRestart: true };
        break;
      case "reload":
        outside = { ...outside, reload: true };
        break;
      case "signal":
      case "kill":
        if (!busy && !outside.sweep && outside.finish === "none") return `a ${effect.type} of a run that has ended`;
        if (effect.type === "signal") outside = { ...outside, signal: true };
        if (effect.type === "kill" && outside.finish === "running") outside = { ...outside, finish: "killed" };
        break;
    }
  }
  return outside;
}

/** Facts of the previous run must change nothing. */
function staleFact(spec: Spec, { unit, nowMs }: Node): string | null {
  for (const fact of factsOf(unit.run - 1)) {
    const { kind } = step({ unit, spec, env: { nowMs, roll: ROLL } }, fact);
    if (kind !== "ignored") return `a ${fact.type} of the previous run was not dropped`;
  }
  return null;
}

const MAX_STEPS = 40;

/**
 * Lets the environment answer without further requests: a unit that is wanted down must become down, and no unit may be
 * stuck. Returns the number of events. `restful` caches situations that are known to come to rest.
 */
function comesToRest(spec: Spec, from: Node, restful: Set<string>): number {
  const passed: string[] = [];
  let node = from;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const key = keyOf(spec, node.unit, node.outside, node.nowMs);
    if (restful.has(key)) return done(passed, restful, steps);
    passed.push(key);
    const choice = wellBehaved(spec, node);
    if (choice === null) {
      const { phase, want } = node.unit;
      const rests = isDown(phase) || (want === "up" && (phase === "running" || phase === "exited"));
      if (rests) return done(passed, restful, steps);
      throw new Error(`it is stuck\n${story(node)}`);
    }
    node = follow(spec, node, choice, new Map())[0]!;
  }
  throw new Error(`it does not come to rest within ${MAX_STEPS} events\n${story(from)}\n… then\n${story(node)}`);
}

function done(passed: readonly string[], restful: Set<string>, steps: number): number {
  for (const key of passed) restful.add(key);
  return steps;
}

const KIND = ["clear", "release", "spawned", "spawnFailed", "prepared", "swept", "finished", "reloaded", "signalSent", "restartTested"];

/** What a well-behaved environment does next; null if it has nothing to do. */
function wellBehaved(spec: Spec, { unit, outside, nowMs }: Node): Choice | null {
  const all = choices(spec, unit, outside, nowMs);
  const named = (test: (choice: Choice) => boolean): Choice | undefined => all.find(test);
  const ending = unit.phase === "stopping" || unit.phase === "killing";
  return (
    named(({ name }) => KIND.includes(name)) ??
    named(({ name }) => name.startsWith("exited")) ??
    (unit.phase === "starting" ? named(({ name }) => name === "ready") : undefined) ??
    (ending || (unit.due === null && unit.phase === "starting") ? named(({ name }) => name === "(main ends)") : undefined) ??
    (unit.phase === "fatal" ? undefined : named(({ name }) => name.startsWith("due"))) ??
    null
  );
}

function story(node: Node): string {
  const lines: string[] = [];
  for (let at: Node | null = node; at !== null; at = at.parent) {
    const { phase, want, due } = at.unit;
    lines.push(`  ${at.by} → ${phase}, want ${want}${due ? `, due ${due.why} in ${due.atMs - at.nowMs} ms` : ""}`);
  }
  return lines.reverse().join("\n");
}

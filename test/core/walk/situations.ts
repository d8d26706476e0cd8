import type { Exit } from "../../../src/base/exit.ts";
import { parseSdNotify } from "../../../src/core/unit/sd-notify.ts";
import type { UnitEvent } from "../../../src/core/unit/events.ts";
import { retriesResetAtMs } from "../../../src/core/unit/restart.ts";
import { holdsStop } from "../../../src/core/unit/phase.ts";
import type { Unit } from "../../../src/core/unit/record.ts";
import type { Spec } from "../../../src/spec/spec.ts";
import { code, killedBy, ref } from "../fixtures.ts";

/**
 * The state of the environment, with the guarantees of the interpreter and the kernel: a spawn is answered once, at some
 * time; a live process may exit at any time, and its exit is reported once, after its start; a sweep and a hook are answered
 * once. Nothing else is guaranteed.
 */
export interface Outside {
  /** The pending result of `spawn`. */
  readonly spawn: "none" | "ok" | "failed";
  /** `dead`: it has exited and the machine does not know yet. */
  readonly main: "none" | "alive" | "dead";
  /** Pending results. */
  readonly prepare: boolean;
  readonly sweep: boolean;
  /** `killed`: the post_stop commands got SIGKILL and only their result is pending. */
  readonly finish: "none" | "running" | "killed";
  readonly reload: boolean;
  readonly signal: boolean;
  readonly testRestart: boolean;
  /** The machine received `spawned` for this run: READY=1 and verdicts may arrive, even long after its end. */
  readonly execd: boolean;
}

export const NOTHING: Outside = {
  spawn: "none",
  main: "none",
  prepare: false,
  sweep: false,
  finish: "none",
  reload: false,
  signal: false,
  testRestart: false,
  execd: false,
};

/** Something that can happen next: an event for the machine, or (null) a change that it does not know of yet. */
export interface Choice {
  readonly name: string;
  readonly event: UnitEvent | null;
  readonly outside: Outside;
  readonly nowMs: number;
  /** True if the world marks the unit, so that its next stop begins with a drain. */
  readonly drains?: boolean;
}

const EXITS = [code(0), code(1), code(78), killedBy(9)];

/** Everything that can happen to `unit` now. */
export function choices(spec: Spec, unit: Unit, outside: Outside, nowMs: number): Choice[] {
  const list: Choice[] = [];
  const add = (name: string, event: UnitEvent | null, changed: Partial<Outside> = {}, at = nowMs): void => {
    list.push({ name, event, outside: { ...outside, ...changed }, nowMs: at });
  };
  for (const event of requests(spec, unit)) add(event.type, event);
  for (const { name, event, changed } of answers(spec, unit, outside)) add(name, event, changed);
  if (outside.main === "alive") add("(main ends)", null, { main: "dead" });
  const mayDrain = spec.rolling?.drain != null && !unit.drains && (unit.phase === "running" || unit.phase === "reloading");
  if (mayDrain) list.push({ name: "(a rollout replaces it)", event: null, outside, nowMs, drains: true });
  const { due } = unit;
  if (due !== null) add(`due ${due.why}`, { type: "due", run: unit.run, why: due.why }, {}, Math.max(nowMs, due.atMs));
  const resetAtMs = retriesResetAtMs(unit, spec.restart);
  if (resetAtMs !== null) add("stable", { type: "stable", run: unit.run }, {}, Math.max(nowMs, resetAtMs));
  else if (due === null && unit.phase === "running" && nowMs - (unit.readyAtMs ?? nowMs) < spec.restart.resetAfterMs)
    add("(reset_after passes)", null, {}, nowMs + spec.restart.resetAfterMs);
  return list;
}

/** Requests of the operator, other units and the world. */
function requests(spec: Spec, unit: Unit): UnitEvent[] {
  const list: UnitEvent[] = [
    { type: "start", cause: "operator" },
    { type: "start", cause: "dependency" },
    { type: "stop", cause: "operator" },
    { type: "restart", cause: "operator" },
    { type: "restart", cause: "dependency" },
    { type: "reset" },
  ];
  if (spec.reload !== null) list.push({ type: "reload" });
  if (unit.phase === "waiting") list.push({ type: "clear" });
  if (unit.want === "down" && holdsStop(unit.phase)) list.push({ type: "release" });
  return list;
}

interface Answer {
  readonly name: string;
  readonly event: UnitEvent;
  readonly changed: Partial<Outside>;
}

/** Facts about the current run that can arrive now. */
function answers(spec: Spec, { run }: Unit, outside: Outside): Answer[] {
  const list: Answer[] = [];
  const add = (name: string, event: UnitEvent, changed: Partial<Outside> = {}): void => {
    list.push({ name, event, changed });
  };
  if (outside.spawn === "ok") add("spawned", { type: "spawned", run, process: ref(run) }, { spawn: "none", execd: true });
  if (outside.spawn === "failed") add("spawnFailed", { type: "spawnFailed", run, failure: FAILURE }, { spawn: "none" });
  if (outside.main === "dead" && outside.spawn === "none")
    for (const exit of EXITS) add(`exited ${JSON.stringify(exit)}`, { type: "exited", run, exit }, { main: "none" });
  if (outside.prepare) {
    add("prepared", { type: "prepared", run, failure: null }, { prepare: false });
    if (spec.conditions.length > 0) add("unmet", { type: "prepared", run, failure: null, unmet: "x" }, { prepare: false });
    add("prepared badly", { type: "prepared", run, failure: "exit code 1" }, { prepare: false });
  }
  if (outside.sweep) add("swept", { type: "swept", run, killed: [] }, { sweep: false });
  if (outside.finish !== "none") add("finished", { type: "finished", run, failure: null }, { finish: "none" });
  if (outside.testRestart) {
    add("restartTested", { type: "restartTested", run, failure: null }, { testRestart: false });
    add("restartTested badly", { type: "restartTested", run, failure: "exit code 1" }, { testRestart: false });
  }
  if (outside.signal) add("signalSent", { type: "signalSent", run }, { signal: false });
  if (outside.reload) add("reloaded", { type: "reloaded", run, failure: null }, { reload: false });
  if (outside.execd) {
    if (spec.check !== null || spec.readyLog !== null) add("ready", { type: "ready", run });
    if (spec.type === "notify") {
      for (const text of ["READY=1", "RELOADING=1", "STOPPING=1", "STATUS=well"])
        add(text === "READY=1" ? "ready" : text, { type: "notified", run, notice: parseSdNotify(text) });
      if (outside.main !== "none") add("mainChanged", { type: "mainChanged", run, process: ref(run + 1000) });
    }
    add("condemned", { type: "condemned", run, by: "health", detail: "" });
  }
  return list;
}

const FAILURE = { stage: "exec", message: "no such file", resources: false } as const;

/** One fact of each type for `run`. */
export const factsOf = (run: number): UnitEvent[] => [
  { type: "prepared", run, failure: null },
  { type: "spawned", run, process: ref(run) },
  { type: "spawnFailed", run, failure: FAILURE },
  { type: "ready", run },
  { type: "notified", run, notice: parseSdNotify("READY=1\nSTOPPING=1\nSTATUS=late\nEXTEND_TIMEOUT_USEC=9000000") },
  { type: "mainChanged", run, process: ref(run) },
  { type: "exited", run, exit: code(1) },
  { type: "condemned", run, by: "health", detail: "" },
  { type: "stable", run },
  { type: "reloaded", run, failure: null },
  { type: "signalSent", run },
  { type: "restartTested", run, failure: null },
  { type: "swept", run, killed: [] },
  { type: "finished", run, failure: null },
  { type: "due", run, why: "backoff" },
];

/**
 * Situations with the same key behave alike. The key omits run numbers, causes, absolute times, and state that only events
 * read which can no longer occur.
 */
export function keyOf(spec: Spec, unit: Unit, outside: Outside, nowMs: number): string {
  const { due, ending, ledger } = unit;
  const undecided = ending === null && (unit.phase === "running" || unit.phase === "reloading");
  return [
    unit.phase,
    unit.want,
    unit.run > 0,
    unit.process !== null,
    due === null ? "-" : `${due.why}${Math.max(0, due.atMs - nowMs)}`,
    ending === null ? "-" : `${ending.by}${exitClass(ending.exit)}${lasted(spec, ending.ranMs)}`,
    undecided ? lasted(spec, nowMs - (unit.readyAtMs ?? nowMs)) : "",
    spec.startTimeoutMs !== null && spec.type === "oneshot" && undecided
      ? Math.min(nowMs - (unit.execAtMs ?? nowMs), spec.startTimeoutMs)
      : "",
    Math.min(ledger.retries, 3),
    startsKey(spec, unit, nowMs),
    unit.restarting,
    unit.phase === "reloading" ? JSON.stringify(unit.reload) : "",
    unit.succeeded,
    unit.drains === true,
    outside.spawn,
    outside.main,
    outside.prepare,
    outside.sweep,
    outside.finish,
    outside.reload,
    outside.testRestart,
    unit.testedRestart?.state,
    outside.execd,
  ].join();
}

/** The throttle matters only if the policy's delay is shorter. */
function startsKey(spec: Spec, { ledger }: Unit, nowMs: number): string {
  if (spec.restart.retryDelayMs > 0) return "";
  return `${ledger.throttled}${Math.max(9, ledger.recentStarts.length)}${Math.min(nowMs - (ledger.recentStarts.at(-1) ?? nowMs), 1000)}`;
}

const exitClass = (exit: Exit | null): string => (exit === null ? "-" : exit.kind === "code" ? `${exit.code}` : "x");
const lasted = (spec: Spec, ms: number | null): string =>
  ms === null ? "-" : ms >= spec.restart.resetAfterMs ? "long" : ms >= 1000 ? "s" : "0";

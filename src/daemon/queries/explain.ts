import type * as shape from "../../api/contract/shapes.ts";
import { compareIds } from "../../base/names.ts";
import { writtenPattern } from "../../base/pattern.ts";
import { waves } from "../../base/graph.ts";
import { conditionOf } from "../../core/world/dependencies.ts";
import { upcomingOf } from "../../core/explain/upcoming.ts";
import { policyWords, retriesOf, timeToFatalMs } from "../../core/explain/policy.ts";
import { scalingWords } from "../../core/explain/scaling.ts";
import { tellStory } from "../../core/explain/story.ts";
import { isProbed } from "../../core/unit/phase.ts";
import type { Entry, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EventHistory } from "../../ports/store/events.ts";
import type { FingerprintStore } from "../../ports/store/fingerprints.ts";
import type { Forecaster } from "../background/forecaster.ts";
import { enforcementWords } from "../../core/metrics/enforcement.ts";
import { type Enforcement, unenforcedOf } from "../background/limiter.ts";
import type { PortHolder } from "../../ports/port-holder.ts";
import { holderWords } from "../engine/probing.ts";
import { changeBeforeFailure } from "./diff.ts";
import { describeService, isDownByFailure, isoOf, round, targetSpec, type Surroundings } from "./describe.ts";

export interface ExplainOptions extends Enforcement {
  readonly world: World;
  readonly clock: Clock;
  readonly store: EventHistory & FingerprintStore;
  readonly around: Surroundings;
  readonly forecaster: Pick<Forecaster, "predictionsOf">;
  readonly findPortHolder: (port: number) => PortHolder | null;
  readonly daemon: () => Pick<shape.DaemonInfo, "containment" | "containment_note">;
}

/** Number of events that the story covers. They are enough for a crash loop, which the story sums up in a few lines. */
const STORY_EVENTS = 300;

/** Explains why a unit is in its present state. The answer says what happened, what the policy of the unit is, and what will happen next. */
export function why(id: string, entry: Entry, { world, clock, store, around, forecaster, findPortHolder }: ExplainOptions): shape.Why {
  const story = tellStory(store.events({ limit: STORY_EVENTS, serviceIds: [id] }));
  const isoOfWall = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    service: describeService(id, entry, around),
    story: [
      ...story.map(({ at, text, lines }) => ({ time: at, text, lines: [...lines] })),
      ...probeNews(entry, clock),
      ...portNews(entry, clock, findPortHolder),
    ],
    policy: policyWords(entry.spec, around.display(entry.spec)),
    next: [
      ...upcomingOf(world, entry, around.planOf(id)).map(({ text, atMs, wallMs }) => ({
        text,
        time: isoOf(atMs, clock) ?? isoOfWall(wallMs),
      })),
      ...forecaster.predictionsOf(id, entry).map(({ text }) => ({ text: `${text}.`, time: null })),
    ],
    change: changeBeforeFailure(id, store),
  };
}

/** Describes the last result of the health check if it was a failure without consequences so far. Otherwise returns nothing. */
function probeNews({ unit, spec, check }: Entry, clock: Clock): shape.Why["story"] {
  const last = check?.results.at(-1);
  if (spec.check === null || check === null || last === undefined || last.kind === "ok" || !isProbed(unit)) return [];
  const count = check.failures === 0 ? "" : ` Consecutive failures: ${check.failures} of ${spec.check.failureThreshold}.`;
  const what = last.kind === "broken" ? "The last health probe could not be run, which does not count" : "The last health probe failed";
  return [{ time: isoOf(last.atMs, clock)!, text: `${what}: ${last.detail}.${count}`, lines: [] }];
}

/** Names the process that uses the port of a unit that failed or cannot become ready. That process may be the reason. */
function portNews({ unit, spec, check }: Entry, clock: Clock, find: ExplainOptions["findPortHolder"]): shape.Why["story"] {
  const isInTrouble = isDownByFailure({ unit }) || (unit.phase === "starting" && (check?.failures ?? 0) > 0);
  const holder = spec.port !== null && spec.sockets.length === 0 && isInTrouble ? find(spec.port) : null;
  if (holder === null || holder.unit === unit.id) return [];
  const time = isoOf(clock.monotonicMs(), clock)!;
  return [{ time, text: `Port ${spec.port} is in use by ${holderWords(holder)}.`, lines: [] }];
}

/** Explains what the settings of a unit mean, without starting any process. */
export function explain(
  id: string,
  { spec, unit }: Entry,
  { world, daemon, around, clock, ...holding }: ExplainOptions,
): shape.Explanation {
  const needs = world.needs([id]);
  const needsOf = (one: string): string[] => (world.get(one)?.spec.dependencies ?? []).flatMap(({ unit }) => world.unitsOf(unit));
  const edges = new Map([...needs].map((one) => [one, needsOf(one)]));
  const fatalMs = timeToFatalMs(spec.restart);
  const outlook = spec.scaling === null ? null : world.scalingOf(spec.service, clock.monotonicMs());
  return {
    id,
    ...(spec.instance !== null && { service: spec.service }),
    ...(outlook !== null && { scaling: scalingWords(outlook) }),
    waves: waves(edges).map((wave) => wave.toSorted(compareIds)),
    needs: spec.dependencies.map((dependency) => ({
      unit: dependency.unit,
      condition: conditionOf(dependency, targetSpec(world, dependency.unit)),
      required: dependency.required,
    })),
    needed_by: [...world.dependentsOf(id)].toSorted(compareIds),
    ready_when: readyWords(spec),
    retries: retriesOf(spec.restart).map(({ attempt, delayMs, atMs }) => ({
      attempt,
      delay_seconds: round(delayMs / 1000, 3),
      at_seconds: round(atMs / 1000, 3),
    })),
    fatal_after_seconds: fatalMs === null ? null : round(fatalMs / 1000, 3),
    policy: policyWords(spec, around.display(spec)),
    enforcement: [
      containmentWords(daemon()),
      ...(spec.limits === null ? [] : enforcementWords(spec.limits, unenforcedOf(holding, id, unit))),
    ],
  };
}

function readyWords({ type, check, readyLog, startTimeoutMs }: Entry["spec"]): string {
  const limit = startTimeoutMs === null ? "" : `, within ${startTimeoutMs / 1000} s`;
  if (type === "oneshot") return `Done when its command has ended${limit}.`;
  if (readyLog !== null) return `Ready when a line of its output matches ${writtenPattern(readyLog)}${limit}.`;
  const probed = check === null ? "" : " and its health check has passed once";
  return type === "notify"
    ? `Ready when it has sent READY=1${probed}${limit}.`
    : `Ready when its command was executed${probed}${check === null ? "" : limit}.`;
}

const containmentWords = ({ containment, containment_note: note }: ReturnType<ExplainOptions["daemon"]>): string =>
  containment === "cgroup"
    ? "Its processes are tracked by a cgroup of their own, which none of them can leave."
    : `Its processes are tracked by session, parents and environment, without a cgroup${note === null ? "" : ` (${note})`}.`;

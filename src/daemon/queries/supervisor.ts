import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { MAX_REPORTED } from "../../api/contract/shapes.ts";
import type { LogRequest, LogStart, Supervisor, Telemetry } from "../../api/server/supervisor.ts";
import { DAY_MS } from "../../base/duration.ts";
import { closest, globToRegExp, isGlob, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { HEALTHS, STATES } from "../../base/words.ts";
import { waves } from "../../base/graph.ts";
import { conditionOf } from "../../core/world/dependencies.ts";
import { stateOf } from "../../core/unit/phase.ts";
import type { Entry, World } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LogLine, LogStore } from "../../ports/logs.ts";
import type { Processes } from "../../ports/processes.ts";
import type { Store } from "../../ports/store/store.ts";
import type { Usage } from "../../ports/usage.ts";
import { formatProblem } from "../../spec/parse/problems.ts";
import type { Actions } from "../jobs/actions.ts";
import type { Bus } from "../engine/bus.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import { describeService, healthOf, isoOf, round, type Surroundings } from "./describe.ts";
import { explain, why } from "./explain.ts";
import type { Forecaster } from "../background/forecaster.ts";
import { enforcementWords } from "../../core/metrics/enforcement.ts";
import { unenforcedOf } from "../background/limiter.ts";
import { eventShape, type Recorder } from "../engine/recorder.ts";
import { redactEffective, redactText } from "./redact.ts";
import { LogQueries } from "./logs.ts";
import type { Reloader } from "../units/reloader.ts";
import type { Sampler } from "../background/sampler.ts";
import type { RunFollower, Transients } from "../units/transients.ts";

export interface LocalSupervisorOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly store: Store;
  readonly logs: LogStore;
  readonly processes: Processes;
  readonly usage: Pick<Usage, "proportional">;
  readonly bus: Bus;
  readonly catalog: UnitCatalog;
  readonly actions: Actions;
  readonly reloader: Reloader;
  readonly sampler: Sampler;
  readonly forecaster: Forecaster;
  readonly transients: Transients;
  readonly around: Surroundings;
  readonly daemon: () => shape.DaemonInfo;
  readonly invocationOf: (id: string, run: number) => string;
  readonly telemetry: () => Telemetry;
  readonly tell: Recorder["tell"];
  readonly probeNow: (id: string) => Promise<void>;
  readonly shutdown: (leave: boolean) => void;
  readonly reexec: () => void;
}

const MAX_EVENTS = 10_000;

/** The daemon as the API sees it. Reads answer from memory; actions go through the mailbox. */
export class LocalSupervisor implements Supervisor {
  readonly #o: LocalSupervisorOptions;
  readonly #logs: LogQueries;

  constructor(options: LocalSupervisorOptions) {
    this.#o = options;
    this.#logs = new LogQueries(options);
  }

  status(): shape.Status {
    const { world, around } = this.#o;
    return { daemon: this.#o.daemon(), services: world.ids().map((id) => describeService(id, world.get(id)!, around)) };
  }

  service(id: string, pss = false): Result<shape.ServiceDetail, ApiError> {
    return this.#with(id, (entry) => {
      const { unit, spec } = entry;
      const { store, logs, processes, around } = this.#o;
      const tree = unit.process === null ? null : { invocation: this.#o.invocationOf(id, unit.run), main: unit.process };
      const share = tree === null || !pss ? null : this.#o.usage.proportional(tree);
      const condition = logs.condition(id);
      return {
        ...describeService(id, entry, around),
        command: [spec.exec.command, ...spec.exec.args].join(" "),
        enforcement: spec.limits === null ? [] : enforcementWords(spec.limits, unenforcedOf(this.#o, id, unit)),
        predictions: this.#o.forecaster.predictionsOf(id, entry).map(({ text }) => text),
        pss_mb: share === null ? null : round(share, 2),
        log: { losses: condition.losses.map((loss) => ({ ...loss })), trouble: condition.trouble },
        processes: (tree === null ? [] : processes.members(tree)).map(({ pid, name }) => ({ pid, name })),
        recent_events: store.events({ limit: 10, serviceIds: [id] }).map(eventShape),
        recent_lines: [...logs.read(id, { lines: 10 })],
      };
    });
  }

  async act(request: shape.JobRequest): Promise<Result<shape.JobResult, ApiError>> {
    const ids = this.resolve(request.units);
    if (!ids.ok) return ids;
    const { action, wait = true, now = false, cascade = false, dry_run = false, signal } = request;
    return this.#o.actions.run({ action, wait, now, cascade, dry_run, signal }, ids.value);
  }

  define(name: string | undefined, unit: Readonly<Record<string, unknown>>): Result<string, ApiError> {
    return this.#o.transients.define(name, unit);
  }

  followRun(id: string, follower: RunFollower): () => void {
    return this.#o.transients.follow(id, follower);
  }

  resolve(patterns: readonly string[]): Result<readonly string[], ApiError> {
    const { world } = this.#o;
    const all = world.ids();
    const chosen = new Set<string>();
    for (const pattern of patterns) {
      const matches = this.#match(pattern, all);
      if (!matches.ok) return matches;
      for (const id of matches.value) chosen.add(id);
    }
    return ok([...all.filter((id) => chosen.has(id)), ...[...chosen].filter((id) => !all.includes(id))]);
  }

  async serviceHealth(id: string, run: boolean): Promise<Result<shape.ServiceHealth, ApiError>> {
    const found = this.#find(id);
    if (!found.ok) return found;
    if (run) await this.#o.probeNow(found.value);
    return this.#with(found.value, ({ spec, check, unit }, known) => ({
      id: known,
      health: healthOf({ check, unit }),
      check: spec.check?.probe.type ?? null,
      consecutive_failures: check?.failures ?? 0,
      failure_threshold: spec.check?.failureThreshold ?? null,
      next_probe: isoOf(check?.dueMs ?? null, this.#o.clock),
      results: (check?.results ?? []).map((result) => ({
        time: isoOf(result.atMs, this.#o.clock)!,
        kind: result.kind,
        detail: result.detail,
        response_ms: result.responseMs === null ? null : round(result.responseMs, 3),
        fallback: result.fallback,
      })),
    }));
  }

  why(id: string): Result<shape.Why, ApiError> {
    return this.#with(id, (entry, known) => why(known, entry, this.#o));
  }

  explain(id: string): Result<shape.Explanation, ApiError> {
    return this.#with(id, (entry, known) => explain(known, entry, this.#o));
  }

  overallHealth(): shape.OverallHealth {
    const counts: Record<string, number> = {};
    const notHealthy: shape.OverallHealth["not_healthy"] = [];
    let worst: shape.OverallHealth["status"] = "healthy";
    for (const [id, entry] of this.#o.world.entries()) {
      const state = stateOf(entry.unit);
      const health = healthOf(entry);
      counts[state] = (counts[state] ?? 0) + 1;
      const down = state === "failed" || state === "fatal" || state === "backoff" || health === "unhealthy";
      if (!down && health !== "degraded") continue;
      notHealthy.push({ id, state, health, reason: entry.unit.reason });
      if (down) worst = "unhealthy";
      else if (worst === "healthy") worst = "degraded";
    }
    return { status: worst, counts, not_healthy: notHealthy };
  }

  readLogs(id: string, request: LogRequest): Promise<Result<readonly LogLine[], ApiError>> {
    return this.#logs.read(id, this.#find(id), request);
  }

  rotateLogs(id: string): Result<{ readonly rotated: boolean }, ApiError> {
    return this.#with(id, (entry, known) => {
      this.#o.logs.open(known, entry.spec.log);
      return { rotated: this.#o.logs.rotate(known) };
    });
  }

  async trailLogs(id: string, request: LogRequest): Promise<Result<LogStart, ApiError>> {
    const found = this.#find(id);
    return found.ok ? this.#logs.follow(found.value, request) : found;
  }

  followLogs(id: string, subscriber: { line(line: LogLine): void; gap(lines: number): void }): Result<() => void, ApiError> {
    return this.#with(id, (entry, known) => {
      this.#o.logs.open(known, entry.spec.log);
      return this.#o.logs.follow(known, subscriber);
    });
  }

  metrics(id: string, sinceIso: string, limit: number): Result<readonly shape.MetricPoint[], ApiError> {
    return this.#with(id, (_, known) =>
      this.#o.store.metrics(known, sinceIso, limit).map((row) => ({
        timestamp: row.timestamp,
        cpu_percent: row.cpuPercent,
        memory_mb: row.memoryMb,
        health_status: row.healthStatus,
        response_time_ms: row.responseTimeMs,
        tasks: row.tasks ?? null,
        open_files: row.openFiles ?? null,
        restarts: row.restarts ?? null,
        ...(row.step ? { step: row.step, cpu_max: row.cpuMax ?? null, memory_max: row.memoryMax ?? null } : {}),
        ...(row.reported ? { reported: { ...row.reported } } : {}),
      })),
    );
  }

  forecast(id: string): Result<shape.Forecast, ApiError> {
    return this.#with(id, (entry, known) => this.#o.forecaster.of(known, entry));
  }

  forecasts(): readonly shape.Forecast[] {
    return this.#o.forecaster.all();
  }

  report(report: shape.MetricsReport): Result<null, ApiError> {
    const kept = this.#with(report.service_id, (_, id) => this.#o.sampler.report(id, report.metrics, MAX_REPORTED));
    if (!kept.ok) return kept;
    if (kept.value) return ok(null);
    const message = `cannot accept metrics: ${report.service_id} reports more than ${MAX_REPORTED} names already`;
    return err({ code: "invalid", message, hint: "a name that is not reported for an hour gives its place to another" });
  }

  file(id: string, reveal: boolean): Result<shape.ServiceFile, ApiError> {
    return this.#with(id, (_, known) => {
      const loaded = this.#o.catalog.get(known);
      if (loaded === undefined) return { id: known, files: [], effective: {}, sources: {} };
      return {
        id: known,
        files: loaded.files.map(({ path, text }) => ({ path, text: reveal ? text : redactText(text) })),
        effective: reveal ? { ...loaded.effective } : redactEffective(loaded.effective),
        sources: Object.fromEntries(loaded.sources),
      };
    });
  }

  events(query: { limit: number; service?: string; type?: string; since?: string }): Result<readonly shape.Event[], ApiError> {
    const { limit, service, type, since } = query;
    const filter = {
      limit,
      ...(service ? { serviceIds: [stripSuffix(service)] } : {}),
      ...(type ? { types: type.split(",") } : {}),
      ...(since ? { since } : {}),
    };
    return ok(this.#o.store.events(filter).map(eventShape));
  }

  subscribe(lastId: number | null, subscriber: (id: number, change: shape.StreamChange) => void): () => void {
    return this.#o.bus.subscribe(lastId, () => ({ kind: "snapshot", data: this.status() }), subscriber);
  }

  telemetry(): Telemetry {
    return this.#o.telemetry();
  }

  summary(): shape.Summary {
    const { world, sampler, store, clock } = this.#o;
    const byState = Object.fromEntries(STATES.map((state) => [state, 0])) as shape.Summary["by_state"];
    const byHealth = Object.fromEntries(HEALTHS.map((health) => [health, 0])) as shape.Summary["by_health"];
    const criticalDown: string[] = [];
    let cpu = 0;
    let memory = 0;
    let total = 0;
    for (const [id, entry] of world.entries()) {
      total++;
      const state = stateOf(entry.unit);
      byState[state] = (byState[state] ?? 0) + 1;
      const health = healthOf(entry);
      byHealth[health] = (byHealth[health] ?? 0) + 1;
      if (entry.spec.critical && (state === "failed" || state === "fatal" || state === "backoff")) criticalDown.push(id);
      cpu += sampler.latest(id)?.cpuPercent ?? 0;
      memory += sampler.latest(id)?.memoryMb ?? 0;
    }
    const since = new Date(clock.wallMs() - DAY_MS).toISOString();
    return {
      total,
      by_state: byState,
      by_health: byHealth,
      restarts_24h: store.events({ limit: MAX_EVENTS, types: ["backoff"], since }).length,
      cpu_percent: round(cpu, 1),
      memory_mb: round(memory, 1),
      critical_down: criticalDown,
      open_alerts: store.alerts(true).length,
    };
  }

  groups(): Record<string, readonly string[]> {
    const groups: Record<string, string[]> = {};
    for (const id of this.#o.world.ids()) for (const group of this.#o.world.get(id)!.spec.groups) (groups[group] ??= []).push(id);
    return groups;
  }

  alerts(openOnly: boolean): readonly shape.Alert[] {
    return this.#o.store.alerts(openOnly).map((row) => ({
      id: row.id,
      service_id: row.serviceId,
      severity: row.severity,
      alert_type: row.alertType,
      message: row.message,
      created_at: row.createdAt,
      resolved_at: row.resolvedAt,
      acknowledged: row.acknowledged,
    }));
  }

  acknowledge(ids: readonly number[], units: readonly string[]): Result<number, ApiError> {
    const open = this.#o.store.alerts(true);
    const unknown = ids.find((id) => !open.some((alert) => alert.id === id));
    if (unknown !== undefined)
      return err({ code: "not-found", message: `there is no open alert ${unknown}`, hint: "`sup alerts` shows the open ones" });
    const named = this.resolve(units);
    if (!named.ok) return named;
    const chosen = open.filter((alert) => ids.includes(alert.id) || named.value.includes(alert.serviceId ?? ""));
    for (const { id, serviceId, alertType, acknowledged } of chosen) {
      this.#o.store.acknowledgeAlert(id);
      if (!acknowledged) this.#o.tell("alert-acknowledged", `acknowledged: ${alertType}`, serviceId, { alert: id, alert_type: alertType });
    }
    return ok(chosen.length);
  }

  graph(): shape.Graph {
    const { world } = this.#o;
    const ids = world.ids();
    const edges = new Map(ids.map((id) => [id, world.get(id)!.spec.dependencies.map((dependency) => dependency.unit)]));
    const waveOf = new Map(waves(edges).flatMap((wave, index) => wave.map((id) => [id, index] as const)));
    return {
      nodes: ids.map((id) => ({ id, state: stateOf(world.get(id)!.unit), wave: waveOf.get(id) ?? 0 })),
      edges: ids.flatMap((id) =>
        world.get(id)!.spec.dependencies.map((dependency) => ({
          from: id,
          to: dependency.unit,
          condition: conditionOf(dependency, world.get(dependency.unit)?.spec),
          required: dependency.required,
        })),
      ),
    };
  }

  async reloadUnits(dryRun: boolean): Promise<shape.ReloadPlan> {
    return this.#o.reloader.reload(dryRun);
  }

  shutdown(leave: boolean): void {
    this.#o.shutdown(leave);
  }

  reexec(): void {
    this.#o.reexec();
  }

  #match(pattern: string, all: readonly string[]): Result<readonly string[], ApiError> {
    if (pattern.startsWith("@")) {
      const group = pattern.slice(1);
      const members = this.groups()[group];
      if (members !== undefined) return ok(members);
      const near = closest(group, Object.keys(this.groups()));
      return err({
        code: "no-such-unit",
        message: `no unit is in the group ${pattern}`,
        ...(near ? { hint: `did you mean @${near}?` } : {}),
      });
    }
    if (isGlob(pattern)) {
      const expression = globToRegExp(stripSuffix(pattern));
      const matches = all.filter((id) => expression.test(id));
      return matches.length > 0 ? ok(matches) : err({ code: "no-such-unit", message: `no unit matches ${pattern}` });
    }
    const found = this.#find(pattern);
    return found.ok ? ok([found.value]) : found;
  }

  #with<T>(name: string, action: (entry: Entry, id: string) => T): Result<T, ApiError> {
    const found = this.#find(name);
    return found.ok ? ok(action(this.#o.world.get(found.value)!, found.value)) : found;
  }

  /** `web`, `web.unit.json`; an instance of a known template is made on demand. */
  #find(name: string): Result<string, ApiError> {
    const { world, catalog, reloader } = this.#o;
    const id = stripSuffix(name);
    if (world.get(id) !== undefined || reloader.makeInstance(id)) return ok(id);
    const problems = catalog.problemsOf(id);
    if (problems.length > 0) {
      return err({
        code: "no-such-unit",
        message: `${id} cannot be loaded: ${problems.map((problem) => formatProblem(problem)).join("; ")}`,
        hint: "mend the file, then `sup reload`",
      });
    }
    const near = closest(id, world.ids());
    return err({
      code: "no-such-unit",
      message: `there is no unit ${id}`,
      ...(near
        ? { hint: `did you mean ${near}?` }
        : { hint: `put ${id}.unit.json into ${catalog.directories[0] ?? "the unit directory"}` }),
    });
  }
}

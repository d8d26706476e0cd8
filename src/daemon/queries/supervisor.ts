import type { RolloutControl } from "../../core/world/types.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import type * as shape from "../../api/contract/shapes.ts";
import { totalsOf } from "../../api/contract/service-rows.ts";
import type {
  LineSubscriber,
  LogRequest,
  LogStart,
  ScaleRequest,
  Supervisor,
  Telemetry,
  TerminalClient,
  Typed,
  UnitFileRequest,
  Unsubscribe,
} from "../../api/server/supervisor.ts";
import { stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { LogLine, LogStore } from "../../ports/logs.ts";
import type { Problem } from "../../spec/parse/problems.ts";
import type { Store } from "../../ports/store/store.ts";
import type { HostFigures } from "../../ports/usage.ts";
import type { Forecaster } from "../background/forecaster.ts";
import type { Sampler } from "../background/sampler.ts";
import type { Bus } from "../engine/bus.ts";
import type { Recorder } from "../engine/recorder.ts";
import type { Rolling } from "../jobs/rolling.ts";
import type { Scaling } from "../jobs/scaling.ts";
import type { Reloader } from "../units/reloader.ts";
import { Notifications, type QueryOptions } from "../notifications/queries.ts";
import type { RunFollower, Transients } from "../units/transients.ts";
import type { UnitEditing } from "../units/unit-editing.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import { acknowledge, listAlerts } from "./alerts.ts";
import { storedEvents, type EventFilter } from "./events.ts";
import { diff, diffOfService, type DiffOptions } from "./diff.ts";
import { explain, why, type ExplainOptions } from "./explain.ts";
import { figures } from "./figures.ts";
import { dependencyGraph } from "./graph.ts";
import { overallHealth, refusalToProbe, serviceHealth } from "./health.ts";
import { LogQueries, type LogQueryOptions } from "./logs.ts";
import { Lookup } from "./lookup.ts";
import { acceptReport, storedMetrics } from "./metrics.ts";
import { hostShape } from "./host.ts";
import { Requests, type RequestOptions } from "./requests.ts";
import { explanationOfService, forecastOfService, healthOfUnits, whyOfService } from "./service-answers.ts";
import { detailOf, sumMetrics } from "./service-totals.ts";
import { StatusQueries, type StatusOptions } from "./status.ts";
import { attachClient, type TerminalOptions } from "./terminal.ts";
import { unitFile } from "./unit-file.ts";

export type LocalSupervisorOptions = StatusOptions &
  ExplainOptions &
  DiffOptions &
  LogQueryOptions &
  TerminalOptions &
  Omit<RequestOptions, "lookup"> &
  Omit<QueryOptions, "find"> &
  Rest;

interface Rest {
  readonly host: () => HostFigures;
  readonly store: Store;
  readonly logs: LogStore;
  readonly bus: Bus;
  readonly catalog: UnitCatalog;
  readonly reloader: Reloader;
  readonly sampler: Sampler;
  readonly forecaster: Forecaster;
  readonly editing: UnitEditing;
  readonly transients: Transients;
  readonly scaling: Scaling;
  readonly rolling: Rolling;
  readonly telemetry: () => Telemetry;
  readonly tell: Recorder["tell"];
  /** Reads the settings file again; returns its errors. */
  readonly reloadSettings: (isDryRun: boolean) => readonly Problem[];
  readonly probeNow: (id: string) => Promise<void>;
  readonly shutdown: (leave: boolean) => void;
  readonly reexec: () => void;
}

/** Implements the interface through which the API uses this daemon. Queries are answered from memory, and actions go through the mailbox. */
export class LocalSupervisor implements Supervisor {
  readonly #o: LocalSupervisorOptions;
  readonly #lookup: Lookup;
  readonly #status: StatusQueries;
  readonly #logs: LogQueries;
  readonly #requests: Requests;
  readonly notifications: Notifications;

  constructor(options: LocalSupervisorOptions) {
    this.#o = options;
    this.#lookup = new Lookup(options);
    this.#status = new StatusQueries(options);
    this.#logs = new LogQueries(options);
    this.#requests = new Requests({ ...options, lookup: this.#lookup });
    this.notifications = new Notifications({ ...options, find: (name) => this.#lookup.find(name) });
  }

  async status(): Promise<shape.Status> {
    return this.#status.all();
  }

  /** Returns the state of the unit files, for the event stream. */
  unitFiles(): shape.UnitFiles {
    return this.#status.unitFiles();
  }

  async host(): Promise<shape.Host> {
    return hostShape(this.#o.host());
  }

  async summary(): Promise<shape.Summary> {
    return this.#status.summary();
  }

  async groups(): Promise<Record<string, readonly string[]>> {
    return this.#lookup.groups();
  }

  async graph(): Promise<shape.Graph> {
    return dependencyGraph(this.#o.world);
  }

  async resolve(patterns: readonly string[]): Promise<Result<readonly string[], ApiError>> {
    return this.#lookup.resolve(patterns);
  }

  async service(name: string): Promise<Result<shape.Service, ApiError>> {
    return this.#lookup.readService(
      name,
      (entry, id) => this.#status.service(id, entry),
      (ids) => totalsOf(ids.map((id) => this.#status.service(id, this.#o.world.get(id)!))),
    );
  }

  async serviceDetail(name: string, pss: boolean): Promise<Result<shape.ServiceDetail, ApiError>> {
    const { world } = this.#o;
    const detail = this.#lookup.readService(
      name,
      (entry, id) => this.#status.detail(id, entry, pss),
      async (ids) => detailOf(await Promise.all(ids.map((id) => this.#status.detail(id, world.get(id)!, pss)))),
    );
    return detail.ok ? ok(await detail.value) : detail;
  }

  async processes(name: string): Promise<Result<readonly shape.ServiceProcess[], ApiError>> {
    const { world } = this.#o;
    const list = this.#lookup.readService(
      name,
      (entry, id) => this.#status.processes(id, entry),
      async (ids) => (await Promise.all(ids.map((id) => this.#status.processes(id, world.get(id)!)))).flat(),
    );
    return list.ok ? ok(await list.value) : list;
  }

  async file(name: string, reveal: boolean): Promise<Result<shape.ServiceFile, ApiError>> {
    return this.#lookup.readService(
      name,
      (_, id) => unitFile(this.#o.catalog, id, reveal),
      (_, service) => unitFile({ get: (id) => this.#o.catalog.service(id) }, service, reveal),
    );
  }

  async unitText(name: string, reveal: boolean): Promise<Result<shape.UnitText, ApiError>> {
    return this.#o.editing.read(name, reveal);
  }

  writeUnit(name: string, request: UnitFileRequest): Promise<Result<shape.UnitWrite, ApiError>> {
    return this.#o.editing.write(name, request);
  }

  async why(name: string): Promise<Result<shape.Why, ApiError>> {
    const { world, clock, store } = this.#o;
    return this.#lookup.readService<shape.Why>(
      name,
      (entry, id) => why(id, entry, this.#o),
      (ids, service) =>
        whyOfService(
          service,
          ids.map((id) => why(id, world.get(id)!, this.#o)),
          { store, outlook: world.scalingOf(service, clock.monotonicMs()), rollout: this.#o.rolling.status(service) },
        ),
    );
  }

  async explain(name: string): Promise<Result<shape.Explanation, ApiError>> {
    const one = (id: string): shape.Explanation => explain(id, this.#o.world.get(id)!, this.#o);
    return this.#lookup.readService(
      name,
      (_, id) => one(id),
      (ids, service) => explanationOfService(service, ids.map(one)),
    );
  }

  async diff(name: string, runs: Parameters<Supervisor["diff"]>[1]): Promise<Result<shape.Diff, ApiError>> {
    const ids = this.#lookup.unitsOf(name);
    if (ids !== null) return diffOfService(stripSuffix(name), ids, runs, this.#o);
    const found = this.#lookup.find(name);
    return found.ok ? diff(found.value, runs, this.#o) : found;
  }

  async figures(name: string, sinceIso: string, untilIso: string): Promise<Result<shape.Figures, ApiError>> {
    const found = this.#lookup.find(name);
    return found.ok ? ok(await figures(found.value, sinceIso, untilIso, this.#o)) : found;
  }

  async overallHealth(): Promise<shape.OverallHealth> {
    return overallHealth(this.#o.world);
  }

  async serviceHealth(name: string, run: boolean): Promise<Result<shape.ServiceHealth, ApiError>> {
    const { world, clock, probeNow } = this.#o;
    if (run) {
      const ids = this.#lookup.readService<readonly string[]>(
        name,
        (_, id) => [id],
        (all) => all,
      );
      if (!ids.ok) return ids;
      const refusals = ids.value.map((id) => refusalToProbe(id, world.get(id)!));
      if (refusals.every((refusal) => refusal !== null)) return err(refusals[0]!);
      await Promise.all(ids.value.filter((_, at) => refusals[at] === null).map((id) => probeNow(id)));
    }
    // Looks the units up again, because they may have been removed while they were probed.
    return this.#lookup.readService<shape.ServiceHealth>(
      name,
      (entry, id) => serviceHealth(id, entry, clock),
      (ids, service) =>
        healthOfUnits(
          service,
          ids.map((id) => serviceHealth(id, world.get(id)!, clock)),
        ),
    );
  }

  act(request: shape.JobRequest): Promise<Result<shape.JobResult, ApiError>> {
    return this.#requests.act(request);
  }

  job(id: string, wait: boolean): Promise<shape.JobResult | undefined> {
    return this.#o.actions.job(id, wait);
  }

  async rollingRestart(name: string, dryRun: boolean): Promise<Result<shape.RolloutStatus, ApiError>> {
    return this.#o.rolling.start(name, dryRun, (id) => this.#lookup.missing(id));
  }

  async rollout(name: string): Promise<Result<shape.RolloutStatus | null, ApiError>> {
    const status = this.#o.rolling.status(name);
    if (status !== null || this.#lookup.unitsOf(name) !== null) return ok(status);
    const unit = this.#lookup.find(name);
    return unit.ok ? ok(null) : unit;
  }

  async controlRollout(name: string, action: RolloutControl): Promise<Result<shape.RolloutStatus, ApiError>> {
    return this.#o.rolling.control(name, action);
  }

  scale(name: string, request: ScaleRequest): Promise<Result<shape.JobResult, ApiError>> {
    return this.#o.scaling.scale(name, request, (id) => this.#lookup.missing(id));
  }

  async define(name: string | undefined, unit: Readonly<Record<string, unknown>>, stdin?: string): Promise<Result<string, ApiError>> {
    return this.#o.transients.define(name, unit, stdin);
  }

  async followRun(id: string, follower: RunFollower): Promise<Unsubscribe> {
    return this.#o.transients.follow(id, follower);
  }

  async reloadUnits(dryRun: boolean, force: boolean): Promise<shape.ReloadPlan> {
    return this.applyFiles(dryRun, force);
  }

  /** The same at once, for SIGHUP. */
  applyFiles(dryRun: boolean, force: boolean): shape.ReloadPlan {
    const plan = this.#o.reloader.reload(dryRun, force);
    const problems = this.#o.reloadSettings(dryRun).map((problem) => ({ ...problem }));
    return { ...plan, problems: [...plan.problems, ...problems] };
  }

  async shutdown(leave: boolean): Promise<void> {
    this.#o.shutdown(leave);
  }

  async reexec(): Promise<void> {
    this.#o.reexec();
  }

  async readLogs(name: string, request: LogRequest): Promise<Result<readonly LogLine[], ApiError>> {
    const units = this.#lookup.unitsOf(name);
    return units === null ? this.#logs.read(name, this.#lookup.find(name), request) : this.#logs.readAll(units, request);
  }

  async rotateLogs(name: string): Promise<Result<{ readonly rotated: boolean }, ApiError>> {
    const { logs, world } = this.#o;
    const rotate = (id: string): boolean => {
      logs.open(id, world.get(id)!.spec.log);
      return logs.rotate(id);
    };
    return this.#lookup.readService(
      name,
      (_, id) => ({ rotated: rotate(id) }),
      (ids) => ({ rotated: ids.map(rotate).includes(true) }),
    );
  }

  async trailLogs(name: string, request: LogRequest): Promise<Result<LogStart, ApiError>> {
    const found = this.#lookup.find(name);
    return found.ok ? this.#logs.follow(found.value, request) : found;
  }

  async followLogs(name: string, subscriber: LineSubscriber): Promise<Result<Unsubscribe, ApiError>> {
    return this.#lookup.readService(
      name,
      (_, id) => this.#logs.subscribe(id, subscriber),
      (ids) => this.#logs.subscribeAll(ids, subscriber),
    );
  }

  async readAllLogs(patterns: readonly string[], request: LogRequest): Promise<Result<readonly LogLine[], ApiError>> {
    const ids = this.#lookup.resolve(patterns);
    return ids.ok ? this.#logs.readAll(ids.value, request) : ids;
  }

  async followAllLogs(patterns: readonly string[], subscriber: LineSubscriber): Promise<Result<Unsubscribe, ApiError>> {
    const ids = this.#lookup.resolve(patterns);
    return ids.ok ? ok(this.#logs.subscribeAll(ids.value, subscriber)) : ids;
  }

  async attach(name: string, client: TerminalClient): Promise<Result<Unsubscribe, ApiError>> {
    const found = this.#lookup.find(name);
    return found.ok ? attachClient(found.value, client, this.#o) : found;
  }

  async typeInto(name: string, { session, bytes, size }: Typed): ReturnType<Supervisor["typeInto"]> {
    const found = this.#lookup.find(name);
    return found.ok ? ok(await this.#o.viewers.type(found.value, session, bytes, size)) : found;
  }

  async events(filter: EventFilter): Promise<Result<readonly shape.Event[], ApiError>> {
    const units = filter.service === undefined ? null : this.#lookup.unitsOf(filter.service);
    return ok(storedEvents(this.#o.store, filter, units ?? []));
  }

  async subscribe(lastId: number | null, subscriber: (id: number, change: shape.StreamChange) => void): Promise<Unsubscribe> {
    return this.#o.bus.subscribe(lastId, () => ({ kind: "snapshot", data: this.#status.all() }), subscriber);
  }

  async alerts(openOnly: boolean): Promise<readonly shape.Alert[]> {
    return listAlerts(this.#o, openOnly);
  }

  async acknowledge(ids: readonly number[], units: readonly string[]): Promise<Result<number, ApiError>> {
    return acknowledge(this.#o, ids, this.#lookup.resolve(units));
  }

  async metrics(name: string, sinceIso: string, limit: number, untilIso?: string): Promise<Result<readonly shape.MetricPoint[], ApiError>> {
    const metrics = (id: string): shape.MetricPoint[] => storedMetrics(this.#o.store, id, sinceIso, limit, untilIso);
    return this.#lookup.readService(
      name,
      (_, id) => metrics(id),
      (ids) => sumMetrics(ids.map(metrics), limit),
    );
  }

  async forecast(name: string): Promise<Result<shape.Forecast, ApiError>> {
    const { forecaster, world } = this.#o;
    return this.#lookup.readService<shape.Forecast>(
      name,
      (entry, id) => forecaster.of(id, entry),
      (ids, service) =>
        forecastOfService(
          service,
          ids.map((id) => forecaster.of(id, world.get(id)!)),
        ),
    );
  }

  async forecasts(): Promise<readonly shape.Forecast[]> {
    return this.#o.forecaster.all();
  }

  async report(report: shape.MetricsReport): Promise<Result<null, ApiError>> {
    const found = this.#lookup.find(report.service_id);
    return found.ok ? acceptReport(this.#o.sampler, found.value, report) : found;
  }

  async telemetry(): Promise<Telemetry> {
    return this.#o.telemetry();
  }
}

import type { CheckResult } from "../../core/unit/check.ts";
import { canRoll } from "../../core/service/rolling-policy.ts";
import { mayProbe } from "../../core/unit/phase.ts";
import type { Turn, World, WorldEvent } from "../../core/world/world.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PortHolder } from "../../ports/port-holder.ts";
import type { ProbeContext, Prober } from "../../ports/prober.ts";
import { expandProbe } from "../../spec/load/expand.ts";
import type { ProbeSpec } from "../../spec/spec.ts";
import type { Processes } from "../../ports/processes.ts";
import { specOf, type Runs, type RunState } from "./runs.ts";
import type { SocketHolder } from "./socket-holder.ts";

export interface ProbingOptions {
  readonly world: World;
  readonly prober: Prober;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly sockets: SocketHolder;
  /** Called after each probe with its response time in milliseconds, or null if there was no response. */
  readonly onProbe: (id: string, responseMs: number | null) => void;
  readonly post: (...events: readonly WorldEvent[]) => void;
  readonly bug: (message: string, error?: unknown) => void;
}

/** Runs health checks and posts their results. */
export class Probing {
  readonly #o: ProbingOptions;
  readonly #runs: Runs;
  readonly #waiters = new Map<string, Array<() => void>>();
  #results: Array<Extract<WorldEvent, { type: "probed" }>> = [];

  constructor(options: ProbingOptions, runs: Runs) {
    this.#o = options;
    this.#runs = runs;
  }

  /** Runs one probe and posts `probed`. If sup itself fails, the result is `broken`, which does not count as a failure of the service. */
  probe(id: string, run: number, seq: number): void {
    const { check, port } = specOf(this.#o.world, id);
    const state = this.#runs.begin(id, run);
    if (check === null) return;
    const answer = (result: CheckResult): void => this.#answer(id, run, seq, this.#attributed(id, state, result));
    const fail = (detail: string): void =>
      answer({ atMs: this.#o.clock.monotonicMs(), kind: "broken", detail, responseMs: null, fallback: false });
    const { launch } = state;
    if (launch === null) return fail("the environment of this run is unknown");
    const wanted = check.fallback === null ? check.probe : { ...check.probe, fallback: check.fallback };
    const probe = expandProbe(wanted, launch.env, launch.specifiers);
    if (!probe.ok) return fail(probe.error);
    const context = { main: state.current, env: launch.env, cwd: launch.cwd, identity: launch.identity };
    const prober = state.portHolder === null ? this.#o.prober : exceptForeign(this.#o.prober, state.portHolder, port);
    probeWithFallback(prober, probe.value, context, state.probeAbort.signal, this.#o.clock).then(answer, (error: unknown) => {
      this.#o.bug(`cannot probe ${id}`, error);
      fail("internal error in sup");
    });
  }

  /** Resolves when the current or next probe has a result, or as soon as the unit cannot be probed any more. */
  whenProbed(id: string): Promise<void> {
    if (!this.#canProbe(id)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.set(id, [...(this.#waiters.get(id) ?? []), resolve]);
    return promise;
  }

  /** Ends waits for probes that will not happen, because a unit has stopped or a reload has removed its check. */
  followTurn({ changed, removed }: Turn): void {
    for (const id of [...this.#waiters.keys()]) if ((changed.has(id) || removed.has(id)) && !this.#canProbe(id)) this.release(id);
  }

  /** Resolves all waits for a probe of the unit, because its run has ended. */
  release(id: string): void {
    for (const resolve of this.#waiters.get(id) ?? []) resolve();
    this.#waiters.delete(id);
  }

  #canProbe(id: string): boolean {
    const entry = this.#o.world.get(id);
    return entry?.check != null && mayProbe(entry.unit, entry.spec);
  }

  /**
   * Returns a failure in place of a success that another unit of the service must have caused, because the probed unit does not wait
   * for connections to the shared sockets. This matters only until the unit is ready. An `exec` probe may connect to the unit itself,
   * so then it is enough that the unit has the sockets open.
   */
  #attributed(id: string, { current, invocation }: RunState, result: CheckResult): CheckResult {
    const entry = this.#o.world.get(id);
    if (result.kind !== "ok" || current === null || entry?.unit.phase !== "starting") return result;
    const { spec } = entry;
    if (!canRoll(spec) || spec.sockets.length === 0) return result;
    const pids = this.#o.processes.members({ invocation, main: current }).map(({ pid }) => pid);
    const fault = this.#o.sockets.whyUnused(spec.service, pids, spec.check?.probe.type === "exec");
    return fault === null ? result : { ...result, kind: "bad", detail: fault };
  }

  /** Posts the result together with those of other probes that end in the same iteration of the event loop, so that they form one turn. */
  #answer(id: string, run: number, seq: number, result: CheckResult): void {
    this.#o.onProbe(id, result.responseMs);
    if (this.#results.push({ type: "probed", id, run, seq, result }) > 1) return;
    setImmediate(() => {
      const results = this.#results;
      this.#results = [];
      this.#o.post(...results);
      for (const { id } of results) this.release(id);
    });
  }
}

/** Returns a prober whose probes of the unit's port fail as long as only the process that held the port before the unit can respond. */
function exceptForeign(prober: Prober, holder: PortHolder, port: number | null): Prober {
  return {
    async probe(spec, context, signal) {
      const result = await prober.probe(spec, context, signal);
      if (result.kind !== "ok" || localPortOf(spec) !== port || !holder.isAlone()) return result;
      return { ...result, kind: "bad", detail: `port ${port} is in use by ${holderWords(holder)}` };
    },
  };
}

/** Names the process and its unit, such as `nginx (pid 812) of unit web`. */
export const holderWords = ({ name, unit }: PortHolder): string =>
  unit === null ? `${name}, which does not belong to this unit` : `${name} of unit ${unit}`;

const LOOPBACK = /^(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[?::1?\]?)$/i;

/** Returns the TCP port that a probe connects to, or null if that is not a port of this machine. */
function localPortOf(spec: ProbeSpec): number | null {
  if (spec.type === "tcp") return LOOPBACK.test(spec.host) ? Number(spec.port) : null;
  const url = spec.type === "http" ? URL.parse(spec.endpoint) : null;
  return url !== null && LOOPBACK.test(url.hostname) ? Number(url.port || (url.protocol === "https:" ? 443 : 80)) : null;
}

/**
 * Runs a probe. If it fails, runs its fallback, and so on until one passes. The result says whether a fallback passed. If all
 * of them fail, the result is one failure with the details of each probe.
 */
async function probeWithFallback(
  prober: Prober,
  spec: ProbeSpec,
  context: ProbeContext,
  signal: AbortSignal,
  clock: Clock,
): Promise<CheckResult> {
  const primary = await prober.probe(spec, context, signal);
  const responseMs = primary.kind === "broken" ? null : primary.responseMs;
  const own: CheckResult = { atMs: clock.monotonicMs(), kind: primary.kind, detail: primary.detail, responseMs, fallback: false };
  if (primary.kind === "ok" || spec.fallback === undefined || signal.aborted) return own;
  const second = await probeWithFallback(prober, spec.fallback, context, signal, clock);
  if (second.kind === "ok") return { ...second, detail: `${primary.detail}; fallback: ${second.detail}`, fallback: true };
  // If the primary probe failed because of sup itself, the result is `broken` and does not count, even if the fallback fails too.
  return { ...own, atMs: second.atMs, detail: `${primary.detail}; fallback: ${second.detail}` };
}

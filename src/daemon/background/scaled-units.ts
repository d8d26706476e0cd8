import type { Entry, Reading } from "../../core/world/types.ts";
import { isServing } from "../../core/world/scalings.ts";
import type { World } from "../../core/world/world.ts";
import type { Held, SocketHolder } from "../engine/socket-holder.ts";
import type { Sample, Usage } from "../../ports/usage.ts";
import { parseListen } from "../../spec/schema/listen.ts";
import type { Spec } from "../../spec/spec.ts";
import type { Sampler } from "./sampler.ts";

/** A posted number that was not posted again for this time is missing. */
export const POSTED_VALID_MS = 60_000;

export interface ScaledSources {
  readonly samples: ReadonlyMap<string, Pick<Sample, "cpuPercent" | "memoryMb">>;
  /** The run of each unit that was measured. */
  readonly runs: ReadonlyMap<string, number>;
  readonly sampler: Pick<Sampler, "reportedSince">;
  readonly usage: Pick<Usage, "connections">;
}

/**
 * Returns the present values of all units whose service scales itself. A posted number counts only if the present run has posted it.
 */
export function readScaledUnits(
  entries: ReadonlyArray<readonly [string, Entry]>,
  sources: ScaledSources,
  nowMs: number,
): Map<string, Reading> {
  const { samples, runs, sampler, usage } = sources;
  const scaled = entries.filter(([, { spec }]) => spec.scaling !== null);
  const connections = scaled.some(([, { spec }]) => countsConnections(spec)) ? usage.connections() : null;
  const units = new Map<string, Reading>();
  for (const [id, { spec, unit }] of scaled) {
    const sample = runs.get(id) === unit.run ? samples.get(id) : undefined;
    const posted = sampler.reportedSince(id, Math.max(nowMs - POSTED_VALID_MS, unit.execAtMs ?? nowMs));
    const measured = sample === undefined ? {} : { memory: sample.memoryMb, ...(sample.cpuPercent !== null && { cpu: sample.cpuPercent }) };
    const counted = connections === null ? {} : { connections: connectionsOf(spec, connections, scaled) };
    units.set(id, { run: unit.run, values: { ...posted, ...measured, ...counted } });
  }
  return units;
}

/** Returns the number of connections to the sockets of each service that runs on demand and that stops when there are none. */
export function countConnections(
  world: Pick<World, "services" | "onDemand">,
  sockets: Pick<SocketHolder, "of">,
  usage: Pick<Usage, "connections" | "unixConnections">,
): Map<string, number> {
  const names = [...world.services()].map(({ name }) => name).filter((name) => world.onDemand.stateOf(name) === "awake");
  if (names.length === 0) return new Map();
  const [tcp, unix] = [usage.connections(), usage.unixConnections()];
  const countOf = ({ address }: Held): number => (address.family === "unix" ? unix.get(address.path) : tcp.get(address.port)) ?? 0;
  return new Map(names.map((name) => [name, sockets.of(name).reduce((sum, held) => sum + countOf(held), 0)]));
}

const countsConnections = ({ scaling }: Spec): boolean => scaling!.metrics.some(({ metric }) => metric === "connections");

/** Returns the connections on the unit's port. Units that share sockets have equal parts, because the kernel does not say whose they are. */
function connectionsOf(
  { service, sockets, port }: Spec,
  counts: ReadonlyMap<number, number>,
  scaled: ReadonlyArray<readonly [string, Entry]>,
): number {
  const countOf = (one: number): number => counts.get(one) ?? 0;
  if (sockets.length === 0) return port === null ? 0 : countOf(port);
  const total = portsOf(sockets).reduce((sum, one) => sum + countOf(one), 0);
  const sharing = scaled.filter(([, entry]) => entry.spec.service === service && entry.unit.want === "up" && isServing(entry)).length;
  return total / Math.max(1, sharing);
}

const portsOf = (sockets: Spec["sockets"]): number[] => [
  ...new Set(
    sockets.flatMap(({ listen }) => {
      const address = parseListen(listen);
      return address.ok && address.value.family !== "unix" ? [address.value.port] : [];
    }),
  ),
];

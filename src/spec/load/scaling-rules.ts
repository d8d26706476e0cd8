import type { UnitFile } from "../schema/unit.ts";
import type { Context } from "./rule.ts";

/** Checks `instances` as an object, by which sup scales the service itself. */
export function scaling(unit: UnitFile, { error, warning, isSet }: Context): void {
  const file = unit.instances;
  if (typeof file !== "object") return;
  const { min, max, start, metric, target, metrics } = file;
  if (min === 0 && (unit.sockets ?? []).length === 0)
    error(
      ["instances", "min"],
      '"min": 0 needs "sockets": without a socket that sup holds, no connection could start the service',
      'add "sockets", or use "min": 1',
    );
  if (min > 0 && isSet(["instances", "idle_after"]))
    warning(["instances", "idle_after"], `"idle_after" has no effect: "min" is ${min}, so the service is never scaled to zero`);
  if (min > max) error(["instances", "min"], `"min" (${min}) must not exceed "max" (${max})`);
  else if (start !== undefined && (start < min || start > max))
    error(["instances", "start"], `"start" (${start}) must be between "min" (${min}) and "max" (${max})`);
  if (metrics !== undefined && (metric !== undefined || target !== undefined))
    error(["instances", "metrics"], '"metrics" replaces "metric" and "target"', "write either one metric or the list");
  const scalesOnlyToZero = min === 0 && max === 1 && metric === undefined && target === undefined;
  if (metrics === undefined && (metric === undefined || target === undefined) && !scalesOnlyToZero)
    error(["instances"], `"instances" needs ${metric === undefined ? '"metric"' : '"target"'}: sup scales by a metric`, EXAMPLE);
  checkMetrics(unit, error);
}

const EXAMPLE = 'write for example "metric": "cpu", "target": 70';

function checkMetrics(unit: UnitFile, error: Context["error"]): void {
  if (typeof unit.instances !== "object") return;
  const { metric, metrics } = unit.instances;
  const named = (metrics ?? []).map((one, index) => ({ metric: one.metric, path: ["instances", "metrics", index, "metric"] }));
  if (metric !== undefined) named.push({ metric, path: ["instances", "metric"] });
  const seen = new Set<string>();
  for (const { metric: name, path } of named) {
    if (seen.has(name)) error(path, `the metric "${name}" is listed twice`, "keep one of the two");
    seen.add(name);
    if (name === "connections" && !hasTcpPort(unit))
      error(
        path,
        '"connections" are those on the TCP port of the units, and they have none',
        'add "port", or "sockets" with a TCP address',
      );
    if (name === "response_time" && (unit.health_check?.type === "process" || unit.health_check === undefined))
      error(path, '"response_time" is the time that the health probe takes', 'add a "health_check" of the type http, tcp or exec');
  }
}

/** `port` counts only without `sockets`, because the units then listen on their own. */
function hasTcpPort({ port, sockets = [] }: UnitFile): boolean {
  if (sockets.length === 0) return port !== undefined;
  return sockets.some(({ listen }) => !listen.startsWith("/"));
}

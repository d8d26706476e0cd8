import { EXIT } from "../../api/contract/errors.ts";
import type { Service, ServiceDetail } from "../../api/contract/shapes.ts";
import { stripSuffix } from "../../base/names.ts";
import { ok } from "../../base/result.ts";
import type { Context, Run } from "../context.ts";
import { statusLong } from "../render/status-long.ts";
import { statusTable, type TableStyle } from "../render/status-table.ts";
import { splitUnloaded, type Unloaded } from "../requests/unloaded.ts";
import { isMany, selectServices } from "../requests/select-services.ts";

export const run: Run = async (context) => {
  if (!isMany(context.args)) {
    const answer = await context.client.call("service", { id: stripSuffix(context.args[0]!), pss: true });
    // A service with several units is shown as a table of its units.
    if (answer.ok && (answer.value.units === undefined || context.options.json)) return showOne(context, answer.value);
    if (answer.ok) return showMany(context);
    // The name may be a template, which stands for its instances, or a unit that is not loaded. The list has both.
    if (answer.error.code !== "no-such-unit" && answer.error.code !== "conflict") return context.fail(answer.error);
  }
  return showMany(context);
};

async function showMany(context: Context): Promise<number> {
  const answer = await context.client.call("status");
  if (!answer.ok) return context.fail(answer.error);
  const { daemon, services } = answer.value;
  const { unloaded, rest, noneLeft } = splitUnloaded(answer.value, context.args);
  const chosen = noneLeft ? ok([]) : selectServices(services, rest);
  if (!chosen.ok) return context.fail(chosen.error);
  const isSelection = context.args.length > 0;
  if (context.options.json) context.json({ daemon, services: chosen.value, ...byState(unloaded) });
  else {
    context.out(statusTable(isSelection ? null : daemon, chosen.value, styleOf(context), unloaded));
    warnOfUnits(context, daemon.unit_path);
  }
  if (!isSelection) return EXIT.done;
  return unloaded.length > 0 ? EXIT.notRunning : exitOf(chosen.value);
}

const byState = (unloaded: readonly Unloaded[]) => ({
  masked: unloaded.filter(({ state }) => state === "masked").map(({ id, file }) => ({ id, file })),
  broken: unloaded.filter(({ state }) => state === "broken").map(({ id, file, problems }) => ({ id, file, problems })),
});

function showOne(context: Context, service: ServiceDetail): number {
  if (context.options.json) context.json(service);
  else context.out(statusLong(service, styleOf(context)));
  return exitOf([service]);
}

/** Returns 3 if one of the requested units is not running, as `systemctl status` does. */
const exitOf = (services: readonly Service[]): number => (services.every(({ state }) => state === "running") ? EXIT.done : EXIT.notRunning);

export const styleOf = ({ paint, host }: Context): TableStyle => ({ paint, width: host.columns(), now: host.now() });

/**
 * Prints a note if the running daemon reads other unit directories than `--units` names, because `--units` has no effect on a
 * running daemon.
 */
function warnOfUnits({ options, places, note }: Context, unitPath: readonly string[]): void {
  if (options.units && places.unitPath.join(":") !== unitPath.join(":")) {
    note(`sup: note: the running daemon reads ${unitPath.join(":")}, not ${places.unitPath.join(":")}`);
  }
}

import { causeOf, causeText } from "../cause.ts";
import { around } from "./around.ts";
import { now } from "./clock.ts";
import { onChange, view } from "./live.ts";

/**
 * Waits until units that were just started had `ms` milliseconds to fail, or until all of them failed. Returns the causes of those
 * that did.
 */
export async function failuresWithin(ms: number, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const failures = new Map<string, string>();
  if (ids.length === 0) return failures;
  const end = Promise.withResolvers<void>();
  const stop = onChange((change) => {
    // Before the first change, the view may still show the state before the start.
    if (change.kind === "service" && ids.includes(change.data.id)) note(failures, change.data.id);
    if (failures.size === ids.length) end.resolve();
  });
  const timer = setTimeout(end.resolve, ms);
  await end.promise;
  clearTimeout(timer);
  stop();
  for (const id of ids) note(failures, id);
  return failures;
}

function note(failures: Map<string, string>, id: string): void {
  const service = view.value.services.get(id);
  if (service === undefined || failures.has(id)) return;
  if (service.state !== "backoff" && service.state !== "failed" && service.state !== "fatal") return;
  const cause = causeOf(service, around.value, now.value);
  failures.set(id, `failed after the start: ${cause.evidence === null ? causeText(cause) : `${cause.what}: ${cause.evidence}`}`);
}

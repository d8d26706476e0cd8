import { err, ok } from "../../../base/result.ts";
import { jsonAnswer } from "../answer.ts";
import type { Handler } from "./handler.ts";

export const reloadUnits: Handler<"reloadUnits"> = async ({ dry_run, force }, { supervisor }) =>
  ok(await supervisor.reloadUnits(dry_run, force));

export const groups: Handler<"groups"> = async (_input, { supervisor }) => {
  const entries = Object.entries(await supervisor.groups()).map(([name, units]) => [name, [...units]] as [string, string[]]);
  return ok(Object.fromEntries(entries));
};

export const unitText: Handler<"unitText"> = async ({ id, reveal }, { supervisor }) => {
  const found = await supervisor.unitText(id, reveal);
  if (!found.ok) return found;
  const response = jsonAnswer(found.value);
  if (found.value.etag !== null) response.headers.set("etag", `"${found.value.etag}"`);
  return response;
};

export const writeUnit: Handler<"writeUnit"> = async ({ id, text, if_match, by, dry_run }, { supervisor, ifMatch, visitor }) => {
  const given = ifMatch === "" ? (if_match ?? null) : ifMatch;
  if (given === "*" || given?.includes(",")) {
    const message = "cannot accept If-Match: it must be one ETag, so that nobody's change is overwritten";
    return err({ code: "bad-request", message, hint: "GET with reveal=true returns the ETag of the file" });
  }
  const expected = given?.trim().replace(/^"(.*)"$/, "$1") ?? null;
  return supervisor.writeUnit(id, { text, expected, dryRun: dry_run, by: by ?? null, from: visitor.address || "unix socket" });
};

export const graph: Handler<"graph"> = async (_input, { supervisor }) => ok(await supervisor.graph());

import { existsSync } from "node:fs";
import type { ApiError } from "../../api/contract/errors.ts";
import type { ServiceFile } from "../../api/contract/shapes.ts";
import { fileNameOf, instanceOf, isTemplate, isUnitId, NAME_HINT, stripSuffix } from "../../base/names.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { isMask } from "../files/masks.ts";
import type { Context } from "../context.ts";
import { resolveIds } from "./resolve-ids.ts";

/**
 * Requests the files and settings of units from the daemon. With `reveal`, the answer contains secrets, and the request needs
 * admin access.
 */
export async function filesOf(
  context: Context,
  patterns: readonly string[],
  reveal: boolean,
): Promise<Result<readonly ServiceFile[], ApiError>> {
  const ids = await resolveIds(context, patterns);
  if (!ids.ok) return ids;
  const found: ServiceFile[] = [];
  for (const id of ids.value) {
    const answer = await context.client.call("serviceFile", { id, ...(reveal && { reveal }) });
    if (!answer.ok) return answer;
    found.push(answer.value);
  }
  return ok(found);
}

/** Returns the path of a unit's main file as the daemon reports it. If no daemon answers, returns the first match in the unit path. */
export async function mainFileOf(context: Context, name: string): Promise<Result<string, ApiError>> {
  const id = stripSuffix(name);
  if (!context.options.units) {
    const answer = await context.client.call("service", { id });
    if (answer.ok && answer.value.file !== "") return ok(answer.value.file);
    if (answer.ok) return err({ code: "conflict", message: `cannot edit ${id}: it is a transient unit without a file` });
  }
  const template = instanceOf(id)?.template;
  const names = template === undefined ? [id] : [id, template];
  const paths = context.places.unitPath.flatMap((dir) => names.map((each) => `${dir}/${fileNameOf(each)}`));
  const path = paths.find((candidate) => existsSync(candidate));
  if (path !== undefined && isMask(path))
    return err({
      code: "conflict",
      message: `cannot edit ${id}: it is masked, ${path} is a link to /dev/null`,
      hint: `\`sup unmask ${id}\``,
    });
  if (path !== undefined) return ok(path);
  const isName = isUnitId(id) || isTemplate(id);
  const message = `there is no unit file ${fileNameOf(id)} in ${context.places.unitPath.join(" or ")}`;
  return err({
    code: "no-such-unit",
    message,
    hint: isName ? `to create it, write ${context.places.unitPath[0]}/${fileNameOf(id)}` : NAME_HINT,
  });
}

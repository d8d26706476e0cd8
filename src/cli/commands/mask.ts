import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { EXIT } from "../../api/contract/errors.ts";
import { fileNameOf, isTemplate, isUnitId, stripSuffix } from "../../base/names.ts";
import { runAction } from "../requests/run-action.ts";
import { exists, isMask, KEPT_SUFFIX } from "../files/masks.ts";
import type { Context, Run } from "../context.ts";

export const run: Run = async (context) => {
  const { args, options } = context;
  for (const name of args) {
    const failed = mask(context, stripSuffix(name));
    if (failed !== null) return failed;
  }
  return options.now ? runAction(context, "stop", { now: false }) : EXIT.done;
};

/** Masks a unit. Returns null, or the exit code if masking failed. */
function mask(context: Context, id: string): number | null {
  const [directory] = context.places.unitPath;
  const path = `${directory}/${fileNameOf(id)}`;
  if (!isUnitId(id) && !isTemplate(id)) return context.fail({ code: "bad-request", message: `cannot mask ${id}: it is no unit name` });
  try {
    if (isMask(path)) {
      say(context, `${id}: already masked`);
      return null;
    }
    const hasFile = exists(path);
    if (hasFile && exists(path + KEPT_SUFFIX)) {
      const message = `cannot mask ${id}: both ${path} and ${path}${KEPT_SUFFIX} exist`;
      return context.fail({ code: "conflict", message, hint: `remove one of the two` });
    }
    mkdirSync(directory!, { recursive: true, mode: 0o755 });
    if (hasFile) renameSync(path, path + KEPT_SUFFIX);
    try {
      symlinkSync("/dev/null", path);
    } catch (error) {
      if (hasFile) renameSync(path + KEPT_SUFFIX, path);
      throw error;
    }
    say(context, `${id}: masked by ${path}${hasFile ? `; its file is kept as ${fileNameOf(id)}${KEPT_SUFFIX}` : ""}`);
    return null;
  } catch (error) {
    return context.fail({ code: "failed", message: `cannot mask ${id}: ${(error as Error).message}` });
  }
}

const say = ({ options, out }: Context, text: string): void => {
  if (!options.quiet && !options.json) out(text);
};

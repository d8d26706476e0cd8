import { renameSync, rmSync } from "node:fs";
import { EXIT } from "../../api/contract/errors.ts";
import { fileNameOf, stripSuffix } from "../../base/names.ts";
import type { Context, Run } from "../context.ts";
import { exists, isMask, KEPT_SUFFIX } from "../files/masks.ts";

export const run: Run = async (context) => {
  for (const name of context.args) {
    const failed = unmask(context, stripSuffix(name));
    if (failed !== null) return failed;
  }
  return EXIT.done;
};

/** Unmasks a unit. Returns null, or the exit code if unmasking failed. */
function unmask(context: Context, id: string): number | null {
  const { out, options, places, fail } = context;
  const say = (text: string): void => void (options.quiet || options.json || out(text));
  try {
    const masks = places.unitPath.map((directory) => `${directory}/${fileNameOf(id)}`).filter(isMask);
    for (const path of masks) {
      const kept = path + KEPT_SUFFIX;
      if (exists(kept)) renameSync(kept, path);
      else rmSync(path);
    }
    say(masks.length === 0 ? `${id}: not masked` : `${id}: unmasked`);
    return null;
  } catch (error) {
    return fail({ code: "failed", message: `cannot unmask ${id}: ${(error as Error).message}` });
  }
}

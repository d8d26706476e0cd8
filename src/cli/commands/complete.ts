import { readdirSync } from "node:fs";
import { EXIT } from "../../api/contract/errors.ts";
import { fileNameOf } from "../../base/names.ts";
import { complete, type KnownUnit } from "../table/completion.ts";
import type { Context, Run } from "../context.ts";
import { safe } from "../render/safe.ts";
import { wordsOf } from "../shells.ts";
import { statusWithin } from "../input/status-within.ts";

/** Asked by a shell at every TAB: quick, and silent about what goes wrong. */
export const run: Run = async (context) => {
  const words = wordsOf(context.host.env.SUP_WORDS ?? "");
  const { candidates, also } = await complete(words, () => unitsOf(context, words));
  if (also !== null) context.out(`:${also}`);
  for (const { value, about } of candidates) context.out(`${safe(value)}\t${safe(about)}`);
  return EXIT.done;
};

/** Who pressed TAB waits no longer for a daemon that hangs. */
const PATIENCE_MS = 500;

/** From the daemon; when none answers in time, or the line names other directories, by the files there are. */
async function unitsOf({ client, places, host }: Context, words: readonly string[]): Promise<readonly KnownUnit[]> {
  const chosen = words.flatMap((word, i) => (word === "--units" ? [words[i + 1] ?? ""] : []));
  if (chosen.length === 0) {
    const status = await statusWithin(PATIENCE_MS, client, host.sleep);
    if (status) return status.services.map(({ id, state, description, groups }) => ({ id, groups, about: description || state }));
  }
  const suffix = fileNameOf("");
  const names = (chosen.length > 0 ? chosen : places.unitPath).flatMap(listed).filter((name) => name.endsWith(suffix));
  const ids = new Set(names.map((name) => name.slice(0, -suffix.length)).filter((id) => id !== "" && !id.endsWith("@")));
  return [...ids].sort().map((id) => ({ id, groups: [], about: "" }));
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not there, or not ours to read
  }
}

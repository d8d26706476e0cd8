import { readdirSync } from "node:fs";
import { EXIT } from "../../api/contract/errors.ts";
import { fileNameOf } from "../../base/names.ts";
import { complete, type KnownUnit } from "../completion/candidates.ts";
import type { Context, Run } from "../context.ts";
import { safe } from "../render/safe.ts";
import { wordsOf } from "../completion/shells.ts";
import { statusWithin } from "../requests/status-within.ts";

/** A shell runs this at every TAB: it must be quick, and prints no errors. */
export const run: Run = async (context) => {
  const words = wordsOf(context.host.env.SUP_WORDS ?? "");
  const { candidates, also } = await complete(words, context.commands, () => unitsOf(context, words));
  if (also !== null) context.out(`:${also}`);
  for (const { value, about } of candidates) context.out(`${safe(value)}\t${safe(about)}`);
  return EXIT.done;
};

/** A daemon that hangs must not block the user's shell. */
const DAEMON_TIMEOUT_MS = 500;

/** From the daemon; if it does not answer in time, or the line has `--units`, from the unit files on disk. */
async function unitsOf({ client, places, host }: Context, words: readonly string[]): Promise<readonly KnownUnit[]> {
  const chosen = words.flatMap((word, i) => (word === "--units" ? [words[i + 1] ?? ""] : []));
  if (chosen.length === 0) {
    const status = await statusWithin(DAEMON_TIMEOUT_MS, client, host.sleep);
    if (status) return status.services.map(({ id, state, description, groups }) => ({ id, groups, about: description || state }));
  }
  const suffix = fileNameOf("");
  const names = (chosen.length > 0 ? chosen : places.unitPath).flatMap(namesIn).filter((name) => name.endsWith(suffix));
  const ids = new Set(names.map((name) => name.slice(0, -suffix.length)).filter((id) => id !== "" && !id.endsWith("@")));
  return [...ids].sort().map((id) => ({ id, groups: [], about: "" }));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // missing or unreadable
  }
}

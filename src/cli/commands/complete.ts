import { readdirSync } from "node:fs";
import { EXIT } from "../../api/contract/errors.ts";
import { fileNameOf } from "../../base/names.ts";
import { complete, type KnownUnit } from "../completion/candidates.ts";
import type { Context, Run } from "../context.ts";
import { safe } from "../render/safe.ts";
import { wordsOf } from "../completion/shells.ts";
import { statusWithin } from "../requests/status-within.ts";

/** Prints the completion candidates. A shell runs this command at every TAB, so it must be quick and must not print errors. */
export const run: Run = async (context) => {
  const words = wordsOf(context.host.env.SUP_WORDS ?? "");
  const { candidates, also } = await complete(words, context.commands, () => unitsOf(context, words));
  if (also !== null) context.out(`:${also}`);
  for (const { value, about } of candidates) context.out(`${safe(value)}\t${safe(about)}`);
  return EXIT.done;
};

/** The time limit for the daemon's answer, so that a daemon that hangs does not block the user's shell. */
const DAEMON_TIMEOUT_MS = 500;

/**
 * Returns the units that the daemon reports. Reads the unit files on disk instead if the line has `--units`, or if the daemon
 * does not answer in time.
 */
async function unitsOf({ client, places, host }: Context, words: readonly string[]): Promise<readonly KnownUnit[]> {
  const chosen = words.flatMap((word, i) => (word === "--units" ? [words[i + 1] ?? ""] : []));
  if (chosen.length === 0) {
    const status = await statusWithin(DAEMON_TIMEOUT_MS, client, host.sleep);
    const known = (status?.services ?? []).map(({ id, state, description, groups }) => ({ id, groups, about: description || state }));
    const services = new Set((status?.services ?? []).flatMap(({ service }) => service ?? []));
    if (status) return [...[...services].map((id) => ({ id, groups: [], about: "all units" })), ...known];
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
    return []; // the directory is missing or cannot be read
  }
}

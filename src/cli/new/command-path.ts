import { dirname } from "node:path";
import type { Context } from "../context.ts";
import { checkDraft, type Draft } from "./draft.ts";
import { unitText } from "./unit-text.ts";

type Keys = Readonly<Record<string, unknown>>;

/** The PATH of a unit that does not set PATH. */
const UNIT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Checks a new unit. If its command is found on the caller's PATH but not on the unit's, the unit gets a PATH with that
 * directory. A daemon does not look where nvm, pyenv or cargo put programs, and scripts look for their interpreter there too.
 */
export async function draftUnit(
  context: Context,
  name: string,
  unit: Keys,
  comments: readonly string[],
): Promise<Draft & { readonly note: string | null }> {
  const draft = await checkDraft(context, name, unitText(unit, comments));
  const isMissing = draft.problems.some(({ key, severity }) => key === "command" && severity === "warning");
  const program = unit.shell === true ? undefined : String(unit.command);
  const found = isMissing && program !== undefined && !program.includes("/") ? context.host.findProgram(program) : null;
  if (found === null) return { ...draft, note: null };
  const directory = dirname(found);
  const environment = { ...(unit.environment as Keys | undefined), PATH: `${directory}:${UNIT_PATH}` };
  const better = await checkDraft(context, name, unitText({ ...unit, environment }, comments));
  return { ...better, note: `${program} is in ${directory}, which is not on a unit's PATH, so the unit sets PATH` };
}

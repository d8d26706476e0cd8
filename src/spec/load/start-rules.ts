import { compileTextPattern, parseTextPattern } from "../../base/pattern.ts";
import { PATH_CONDITIONS } from "../../base/words.ts";
import { shortJson } from "../parse/problems.ts";
import type { Path } from "../parse/tree.ts";
import type { UnitFile } from "../schema/unit.ts";
import type { Context } from "./rule.ts";

/** The rules of what decides whether a unit starts and whether its start has succeeded. */

export function startConditions(unit: UnitFile, { error, isSet }: Context): void {
  for (const [index, condition] of unit.conditions.entries()) {
    const path = ["conditions", index];
    const kinds = CONDITION_KINDS.filter((kind) => condition[kind] !== undefined);
    if (kinds.length === 0) error(path, "the condition requires nothing", 'write for example { "path_exists": "/etc/app.conf" }');
    if (kinds.length > 1)
      error(
        [...path, kinds[1]!],
        `the condition has both "${kinds[0]}" and "${kinds[1]}"`,
        "write two conditions; all of them must be met",
      );
    if (condition.command !== undefined) continue;
    for (const key of ["args", "timeout"]) if (isSet([...path, key])) error([...path, key], `"${key}" needs a "command"`);
  }
}

const CONDITION_KINDS = [...PATH_CONDITIONS, "command"] as const;

export function outputPatterns(unit: UnitFile, context: Context): void {
  const { error } = context;
  for (const key of ["ready_log", "fail_log"] as const) {
    const written = unit[key];
    if (written === undefined) continue;
    textPattern(written, [key], context);
    if (unit.log.format === "raw")
      context.warning(
        [key],
        `"${key}" may miss a line that sup reads while it is killed: a log of the format "raw" has no time stamps`,
        'use "format": "cri" in log',
      );
    if (parseTextPattern(written).kind === "text" && written.includes("\n"))
      error([key], `"${key}" contains a line break, but it is compared with single lines`, "write a part of one line");
  }
  if (unit.ready_log === undefined) return;
  if (unit.type === "notify")
    error(["ready_log"], '"ready_log" contradicts "type": "notify", where READY=1 makes the unit ready', "remove one of the two");
  if (unit.type === "oneshot")
    error(
      ["ready_log"],
      'a oneshot runs to completion, so "ready_log" has no effect',
      'use "type": "simple" for a process that keeps running',
    );
}

/** Checks a string or `/regex/` that is compared with text. */
export function textPattern(written: string, path: Path, { error, warning }: Pick<Context, "error" | "warning">): void {
  const pattern = compileTextPattern(parseTextPattern(written));
  if (!pattern.ok) error(path, `${shortJson(written)} is not a regular expression: ${pattern.error}`);
  if (/^\/.+\/[gimsuvy]{1,3}$/s.test(written)) {
    warning(
      path,
      `${shortJson(written)} is matched as plain text: flags after a regular expression are not supported`,
      "write (?i:…) inside the expression to ignore case",
    );
  }
}

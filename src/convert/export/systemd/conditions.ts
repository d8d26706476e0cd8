import type { CommandCondition, PathCondition } from "../../../spec/spec.ts";
import type { ServiceExport, Line } from "./context.ts";
import { commandLine } from "./commands.ts";
import { plainValue } from "./quote.ts";

/** Writes the conditions: paths as lines of `[Unit]`, which are returned, and commands as `ExecCondition=`. */
export function exportConditions(service: ServiceExport): Line[] {
  const { draft, lines } = service;
  const unit: Line[] = [];
  for (const condition of draft.spec.conditions) {
    if (condition.kind !== "command") {
      const line = conditionLine(service, condition);
      if (line !== null) unit.push(line);
    } else {
      const line = execCondition(service, condition);
      if (line !== null) lines.push(["ExecCondition", line]);
    }
  }
  return unit;
}

const KEYS = {
  path_exists: ["ConditionPathExists", ""],
  path_missing: ["ConditionPathExists", "!"],
  file_not_empty: ["ConditionFileNotEmpty", ""],
  directory_not_empty: ["ConditionDirectoryNotEmpty", ""],
} as const;

/** Returns the line of `[Unit]` for a path, or null if systemd cannot express the path. */
export function conditionLine({ draft, texts }: Pick<ServiceExport, "draft" | "texts">, { kind, path, not }: PathCondition): Line | null {
  const [key, prefix] = KEYS[kind];
  const literal = path.startsWith("~") && draft.spec.identity.user !== null ? null : texts.literal(path.replace(/^~/, "%h"));
  const value = literal?.ok ? plainValue(literal.value) : null;
  if (value === null || !/^(\/|%)/.test(value)) {
    draft.dropped("conditions", `systemd expands no variables in ${path}`, `write the absolute path in ${key}=`);
    return null;
  }
  draft.carried("conditions", key);
  return [key, `${not === (prefix === "") ? "!" : ""}${value}`];
}

/** As in sup, exit codes from 1 to 254 skip the start, and everything else that is not 0 is a failure. */
function execCondition({ draft, texts, workingDirectory }: ServiceExport, condition: CommandCondition): string | null {
  const { command, args, not, timeoutMs } = condition;
  const [program, list] = not ? ["/bin/sh", ["-c", NEGATED, "sh", command, ...args]] : [command, args];
  const line = commandLine(program, list, texts, workingDirectory);
  if (!line.ok) {
    draft.dropped("conditions", line.error, "write ExecCondition= by hand");
    return null;
  }
  if (timeoutMs === DEFAULT_TIMEOUT_MS) draft.carried("conditions", "ExecCondition");
  else draft.approximated("conditions", "ExecCondition: systemd has no timeout for one command; TimeoutStartSec limits it");
  return line.value;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** Turns success into 1 and the codes from 1 to 254 into success. A failure of the command itself stays one. */
const NEGATED = '"$@"; case $? in 0) exit 1;; 255) exit 255;; *) exit 0;; esac';

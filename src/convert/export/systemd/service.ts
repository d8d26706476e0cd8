import { posix } from "../../import/paths.ts";
import { LIMITS } from "../../import/systemd/tables.ts";
import type { ExportDraft } from "../draft.ts";
import type { Texts } from "../text.ts";
import type { ExportOptions } from "../types.ts";
import { exportCommands } from "./commands.ts";
import { exportConditions } from "./conditions.ts";
import type { Line, ServiceExport } from "./context.ts";
import { exportEnvironment } from "./environment.ts";
import { plainValue } from "./quote.ts";
import { exportRestarts } from "./restarts.ts";

export interface ServiceLines {
  /** The lines of `[Service]`. */
  readonly service: readonly Line[];
  /** The lines of `[Unit]`: conditions, limits of starts, and what happens after a failure. */
  readonly unit: readonly Line[];
  readonly secrets: string | null;
}

/** Writes `[Service]`. Returns a string that says why if the unit cannot be exported. */
export function exportService(draft: ExportDraft, texts: Texts, options: ExportOptions): ServiceLines | string {
  const directory = workingDirectory(draft, texts, options);
  const lines: Line[] = [];
  const service: ServiceExport = { draft, lines, texts, workingDirectory: directory.path };
  identity(draft, lines);
  if (directory.line !== null) lines.push(["WorkingDirectory", directory.line]);
  const secrets = exportEnvironment(service, options);
  const fault = exportCommands(service);
  if (fault !== null) return fault;
  const unit = [...exportConditions(service), ...exportRestarts(service), ...onFatal(draft)];
  limits(draft, lines);
  resources(draft, lines);
  if (texts.assumed.size > 0)
    draft.approximated(
      "environment_files",
      `values of ${[...texts.assumed].join(", ")} are not known now, so the defaults are written`,
      "correct the values in the unit",
    );
  return { service: lines, unit, secrets };
}

interface Directory {
  readonly line: string | null;
  readonly path: string | null;
}

function workingDirectory(draft: ExportDraft, texts: Texts, options: ExportOptions): Directory {
  const { exec, identity } = draft.spec;
  const text = exec.workingDirectory;
  if (text === null) {
    if (!options.isUser) return { line: null, path: "/" };
    return { line: null, path: options.home };
  }
  draft.carried("working_directory", "WorkingDirectory");
  if (text === "~") return { line: "~", path: null };
  const literal = text.startsWith("~") && identity.user !== null ? null : texts.literal(text.replace(/^~/, "%h"));
  const [first = "", ...rest] = literal?.ok ? literal.value : [];
  const line = typeof first === "string" && first.startsWith("/") && literal?.ok ? plainValue([tidy(first), ...rest]) : null;
  if (line !== null) return { line, path: rest.length === 0 ? posix.join("/", first as string) : null };
  draft.dropped("working_directory", "the path is not literal, and systemd expands no variables in it", "write the absolute path", true);
  return { line: null, path: null };
}

/** Removes `.` and `..` from paths, because systemd refuses them. */
const tidy = (path: string): string => (/(^|\/)\.{1,2}(\/|$)/.test(path) ? posix.join("/", path) : path);

function identity(draft: ExportDraft, lines: Line[]): void {
  const { user, group, umask, nice, oomScoreAdj } = draft.spec.identity;
  if (user !== null) lines.push(["User", user.replaceAll("%", "%%")]);
  if (group !== null) lines.push(["Group", group.replaceAll("%", "%%")]);
  if (umask !== null) lines.push(["UMask", umask.toString(8).padStart(4, "0")]);
  if (nice !== null) lines.push(["Nice", String(nice)]);
  if (oomScoreAdj !== null) lines.push(["OOMScoreAdjust", String(oomScoreAdj)]);
  draft.carried("user", "User");
  draft.carried("group", "Group");
  draft.carried("umask", "UMask");
  draft.carried("nice", "Nice");
  draft.carried("oom_score_adj", "OOMScoreAdjust");
}

function limits(draft: ExportDraft, lines: Line[]): void {
  for (const [key, [name]] of Object.entries(LIMITS)) {
    const limit = draft.spec.identity.limits[name];
    if (limit === undefined) continue;
    const [soft, hard] = [limit.soft, limit.hard].map((value) => (value === null ? "infinity" : String(value)));
    lines.push([key, soft === hard ? soft! : `${soft}:${hard}`]);
    draft.carried(`limits.${name}`, key);
  }
}

/** Writes the limits of the service's control group. */
export function resources(draft: ExportDraft, lines: Line[]): void {
  const { limits: given } = draft.spec;
  if (given === null) return;
  const { action, maxMemoryMb, maxCpuPercent, maxTasks } = given;
  for (const key of ["sustained", "warn_at"]) draft.dropped(`resource_limits.${key}`, "systemd enforces a limit at once");
  if (action === "warn") {
    draft.dropped(
      "resource_limits",
      "systemd enforces limits and cannot only warn",
      'set "action": "enforce" and export again to enforce them',
    );
    return;
  }
  if (maxMemoryMb !== null) lines.push(["MemoryMax", bytes(maxMemoryMb)]);
  if (action === "restart") {
    draft.approximated("resource_limits.action", "the kernel kills the service at its memory limit, and Restart= applies");
    draft.carried("resource_limits.max_memory_mb", "MemoryMax");
    for (const key of ["max_cpu_percent", "max_tasks"])
      draft.dropped(`resource_limits.${key}`, "systemd does not restart a service because of this limit");
    return;
  }
  if (maxCpuPercent !== null) lines.push(["CPUQuota", `${Math.max(0.01, Math.round(maxCpuPercent * 100) / 100)}%`]);
  if (maxTasks !== null) lines.push(["TasksMax", String(maxTasks)]);
  draft.carried("resource_limits.action", "the kernel enforces the limits");
  draft.carried("resource_limits.max_memory_mb", "MemoryMax");
  draft.carried("resource_limits.max_cpu_percent", "CPUQuota");
  draft.carried("resource_limits.max_tasks", "TasksMax");
}

/** Writes what happens after a failure. sup stops all units and ends, which is what `exit` does to a service manager in a container or of a user. */
export function onFatal(draft: ExportDraft): Line[] {
  if (draft.spec.onFatal === "nothing") {
    draft.carried("on_fatal", "the default of systemd");
    return [];
  }
  draft.approximated(
    "on_fatal",
    "FailureAction=exit: systemd stops all units and exits",
    "remove FailureAction=exit unless systemd runs in a container or for a user: on a machine, it shuts the machine down",
  );
  return [["FailureAction", "exit"]];
}

const MIB = 1024 * 1024;

const bytes = (mb: number): string => (Number.isInteger(mb) ? `${mb}M` : String(Math.max(1, Math.round(mb * MIB))));

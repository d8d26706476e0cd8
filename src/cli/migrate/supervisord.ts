import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { importPaths } from "../../convert/import/import.ts";
import type { Context } from "../context.ts";
import { sourceFiles } from "../files/source-files.ts";
import { complaintOf, type Program, type ProgramProcess, type Supervisor } from "./supervisor.ts";

/** Finds the running supervisord by its configuration, and talks to it through supervisorctl. */
export async function findSupervisord({ host, options }: Pick<Context, "host" | "options">): Promise<Result<Supervisor, ApiError>> {
  const config = (options.config === undefined ? USUAL : [options.config]).map((path) => resolve(path)).find((path) => existsSync(path));
  if (config === undefined)
    return err({
      code: "failed",
      message: `cannot find supervisord's configuration${options.config === undefined ? "" : `: there is no ${options.config}`}`,
      hint: "name it: sup migrate supervisord --config FILE",
    });
  const control = ["supervisorctl", "-c", config];
  const list = async (): Promise<Result<readonly Program[], ApiError>> => {
    const ran = await host.ask([...control, "status"], host.env, { detached: true });
    if (ran.code === 127) return err({ code: "failed", message: "cannot find supervisorctl", hint: "add its directory to PATH" });
    const programs = readStatus(ran.stdout);
    if (programs !== null) return ok(programs);
    const cause = (ran.stdout || ran.stderr).split("\n")[0];
    return err({
      code: "failed",
      message: `cannot ask supervisord for its programs: ${cause}`,
      hint: "it must be running, and its configuration needs [unix_http_server], [rpcinterface:supervisor] and [supervisorctl]",
    });
  };
  const answers = await list();
  if (!answers.ok) return answers;
  return ok({
    kind: "supervisord",
    imported: importPaths([config], sourceFiles, { format: "supervisord", home: host.home }),
    programOf: groupOf,
    list,
    stop: (targets) => complaintOf(host, [...control, "stop", ...targets]),
    start: (targets) => complaintOf(host, [...control, "start", ...targets]),
    leftovers: (moved, isLast) => leftovers(moved, isLast, config),
  });
}

/** The paths where supervisorctl looks for a configuration. The paths relative to its own program are left out. */
const USUAL = ["supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"];

const groupOf = (process: string): string => process.split(":")[0]!;

/** Reads the output of `supervisorctl status`, or returns null if it is an error message. */
function readStatus(output: string): Program[] | null {
  const groups = new Map<string, ProgramProcess[]>();
  for (const line of output.split("\n").filter((each) => each.trim() !== "")) {
    const match = STATUS_LINE.exec(line);
    if (match === null) return null;
    const [, name = "", state = "", pid] = match;
    // supervisord makes each process the leader of a process group.
    const processGroup = pid === undefined ? null : Number(pid);
    const group = groups.get(groupOf(name)) ?? [];
    group.push({ name, target: name, state, isRunning: state === "RUNNING" || state === "STARTING", processGroup });
    groups.set(groupOf(name), group);
  }
  return [...groups].map(([name, processes]) => ({ name, processes, obstacle: null }));
}

const STATUS_LINE = /^(\S+)\s+(STOPPED|STARTING|RUNNING|BACKOFF|STOPPING|EXITED|FATAL|UNKNOWN)\b(?:\s+pid (\d+))?/;

function leftovers(
  moved: ReadonlyArray<{ readonly name: string; readonly origins: readonly string[] }>,
  isLast: boolean,
  config: string,
): string[] {
  if (moved.length === 0) return [];
  const sections = [...new Set(moved.flatMap(({ origins }) => origins))];
  return [
    "supervisord would start these programs again when it restarts, for example at boot, and then they would run twice. Remove their sections, or set autostart=false:",
    ...sections.map((section) => `  ${section}`),
    `Then apply the change: supervisorctl -c ${config} update`,
    ...(isLast ? ["No program of supervisord is left. To remove it from the boot: systemctl disable --now supervisor"] : []),
  ];
}

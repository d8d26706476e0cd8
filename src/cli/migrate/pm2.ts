import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { importApps } from "../../convert/import/import.ts";
import { readRunningApps, type RunningApp } from "../../convert/import/pm2/running.ts";
import type { Context } from "../context.ts";
import { sourceFiles } from "../files/source-files.ts";
import { complaintOf, type Program, type Supervisor } from "./supervisor.ts";

/** Finds the running PM2 by its home directory, and talks to it through the command `pm2`. */
export async function findPm2({ host }: Pick<Context, "host">): Promise<Result<Supervisor, ApiError>> {
  const home = host.env.PM2_HOME || join(host.home, ".pm2");
  // Look for a running daemon first, because every `pm2` command would otherwise start one.
  const pid = readPid(join(home, "pm2.pid"));
  if (pid === null || (await host.ask(["sh", "-c", 'kill -0 "$1"', "sh", pid], host.env)).code !== 0)
    return err({ code: "failed", message: `no PM2 is running with the home ${home}`, hint: "set PM2_HOME, or become the user of PM2" });
  const read = async (): Promise<Result<readonly RunningApp[], ApiError>> => {
    const ran = await host.ask(["pm2", "jlist"], host.env, { detached: true });
    if (ran.code === 127) return err({ code: "failed", message: "cannot find the command pm2", hint: "add its directory to PATH" });
    const apps = readRunningApps(ran.stdout, host.uid === 0);
    if (apps !== null) return ok(apps);
    return err({ code: "failed", message: `cannot read the output of \`pm2 jlist\`: ${(ran.stderr || ran.stdout).split("\n")[0]}` });
  };
  const found = await read();
  if (!found.ok) return found;
  return ok({
    kind: "pm2",
    imported: importApps(
      found.value.map(({ data }) => data),
      "PM2",
      sourceFiles,
      host.home,
    ),
    programOf: (process) => process,
    list: async () => {
      const again = await read();
      return again.ok ? ok(again.value.map(toProgram)) : again;
    },
    stop: (ids) => complaintOf(host, ["pm2", "stop", ...ids]),
    // `restart` instead of `start`, because `pm2 start ID` takes the number as a file if a file has this name.
    start: (ids) => complaintOf(host, ["pm2", "restart", ...ids]),
    leftovers,
  });
}

function readPid(path: string): string | null {
  try {
    return /^\d+/.exec(readFileSync(path, "utf8").trim())?.[0] ?? null;
  } catch {
    return null; // no PM2 has this home
  }
}

const toProgram = ({ name, processes, obstacle }: RunningApp): Program => ({
  name,
  obstacle,
  processes: processes.map(({ id, status, pid, leadsGroup }) => ({
    name,
    target: String(id),
    state: status,
    isRunning: status === "online" || status === "launching",
    processGroup: leadsGroup && pid > 0 ? pid : null,
  })),
});

function leftovers(moved: ReadonlyArray<{ readonly name: string }>, isLast: boolean): string[] {
  if (moved.length === 0) return [];
  const names = moved.map(({ name }) => (/^[\w.@:-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`)).join(" ");
  return [
    "PM2 would start these apps again at `pm2 resurrect`, for example at boot, and then they would run twice. Remove them:",
    `  pm2 delete ${names} && pm2 save --force`,
    ...(isLast ? ["No app of PM2 is left. To remove it from the boot and end it: pm2 unstartup, then pm2 kill"] : []),
  ];
}

/** Plans the steps of `sup install-service` from the current state of the machine. A second run therefore has no steps to do. */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { createClient } from "../../api/client/client.ts";
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { daemonLives, type Context } from "../context.ts";
import type { Step } from "./steps.ts";
import { queryService, readRecord, readUnitFile, recordPath, type ServiceRecord, type Target } from "./target.ts";
import { authorOf, SERVICE, unitText } from "./unit-file.ts";

export async function planInstall(context: Context, target: Target): Promise<Result<Step[], ApiError>> {
  const text = unitText({ scope: target.scope, program: context.host.program, environment: environmentOf(context) });
  const file = writeUnit(target, text);
  if (!file.ok) return file;
  const lingering = await lingerStep(target);
  const service = await queryService(target);
  const steps = [...lingering, ...(service === null ? [waitForManager(context, target)] : []), ...file.value];
  if (file.value.length > 0 || service?.NeedDaemonReload === "yes") steps.push(reload(target));
  if (service?.UnitFileState !== "enabled") steps.push(enable(target));
  const running = await endManualDaemon(context, target, service?.MainPID ?? "0");
  if (!running.ok) return running;
  steps.push(...running.value);
  if (service?.ActiveState !== "active") steps.push(start(target));
  return ok(steps);
}

/** Returns the variables that make the service's daemon use the same directories as this command line. */
export function environmentOf({ host, places, options }: Context): Record<string, string> {
  const { env } = host;
  const found: Record<string, string> = {};
  if (env.SUP_HOME) found.SUP_HOME = env.SUP_HOME;
  if (options.units || env.SUP_UNITS) found.SUP_UNITS = places.unitPath.join(":");
  if (places.mode !== "user") return found;
  for (const name of ["XDG_CONFIG_HOME", "XDG_STATE_HOME"]) if (env[name]?.startsWith("/")) found[name] = env[name];
  return found;
}

function writeUnit(target: Target, text: string): Result<Step[], ApiError> {
  const there = readUnitFile(target);
  if (there?.text === text) return ok([]);
  const ours = there?.path === target.unitFile;
  const author = there === null ? null : authorOf(there.text);
  if (ours && author === "other")
    return err({ code: "conflict", message: `${there!.path} was not written by sup`, hint: "move it away, or keep it: systemd uses it as it is" }); // prettier-ignore
  if (ours && author === "edited") {
    const hint = `move your changes to a drop-in (${target.systemctl("edit", SERVICE).join(" ")}), remove the file, and run this again`;
    return err({ code: "conflict", message: `${there!.path} was changed after sup wrote it`, hint });
  }
  const before = ours ? there!.text : null;
  return ok([
    {
      words: `${before === null ? "write" : "update"} ${target.unitFile}`,
      text,
      run: () => attempt(() => writeAtomically(target.unitFile, text)),
      undo: () => attempt(() => (before === null ? rmSync(target.unitFile, { force: true }) : writeAtomically(target.unitFile, before))),
    },
  ]);
}

/** Enables lingering, because without it a user's systemd manager runs only while the user is logged in. */
async function lingerStep(target: Target): Promise<Step[]> {
  if (target.scope === "system" || (await isLingering(target))) return [];
  const undo = (): Promise<unknown> => target.ask(["loginctl", "disable-linger", target.user]);
  return [
    {
      words: `enable lingering for ${target.user}, so that the service runs from boot on, without a login`,
      optional: `Without it, the service stops when you log out: \`sudo loginctl enable-linger ${target.user}\``,
      run: async () => {
        const result = await target.ask(["loginctl", "enable-linger", target.user]);
        if (result.code !== 0) return result.stderr || `loginctl exited with ${result.code}`;
        if (!(await isLingering(target))) return "loginctl reports that it is still off";
        return remember(target, { unit_file: target.unitFile, lingering: true });
      },
      undo: async () => {
        rmSync(recordPath(target), { force: true });
        await undo();
      },
    },
  ];
}

export async function isLingering(target: Pick<Target, "ask" | "user">): Promise<boolean> {
  return (await target.ask(["loginctl", "show-user", target.user, "--property=Linger", "--value"])).stdout === "yes";
}

async function remember(target: Target, record: ServiceRecord): Promise<string | null> {
  return attempt(() => {
    mkdirSync(target.places.state, { recursive: true, mode: 0o700 });
    const lingering = record.lingering || (readRecord(target)?.lingering ?? false);
    writeFileSync(recordPath(target), `${JSON.stringify({ ...record, lingering })}\n`, { mode: 0o600 });
  });
}

const MANAGER_MS = 15_000;
const POLL_MS = 50;

/**
 * Waits until the user's systemd manager answers, which takes a moment after lingering was enabled. Gives up early if the user is
 * not logged in and lingering is off, because the user then has no manager.
 */
function waitForManager({ host }: Context, target: Target): Step {
  return {
    words: `wait for the systemd manager of ${target.user}`,
    run: async () => {
      for (const from = host.now(); host.now() - from < MANAGER_MS;) {
        const result = await target.ask(target.systemctl("is-system-running"));
        if (["running", "degraded", "starting"].includes(result.stdout)) return null;
        if (target.scope === "user" && !existsSync(target.env.XDG_RUNTIME_DIR!) && !(await isLingering(target))) break;
        await host.sleep(POLL_MS);
      }
      const { stderr } = await target.ask(target.systemctl("is-system-running"));
      const reason = stderr || "it does not answer";
      return target.scope === "user"
        ? `${reason.split("\n")[0]}. Log in as ${target.user} (not by su), or as root: loginctl enable-linger ${target.user}`
        : reason;
    },
  };
}

const reload = (target: Target): Step => ({
  words: run(target, "daemon-reload").join(" "),
  run: () => runCommand(target, run(target, "daemon-reload")),
  undo: () => target.ask(run(target, "daemon-reload")),
});

const enable = (target: Target): Step => ({
  words: run(target, "enable", SERVICE).join(" "),
  run: () => runCommand(target, run(target, "enable", SERVICE)),
  undo: () => target.ask(run(target, "disable", SERVICE)),
});

/**
 * Returns the steps that end a daemon that was started by hand and holds the lock. Its services keep running until the service's
 * daemon takes them over.
 */
async function endManualDaemon(context: Context, target: Target, mainPid: string): Promise<Result<Step[], ApiError>> {
  const { host } = context;
  const client = createClient({ kind: "socket", path: target.places.socket }, { daemonLives: () => false, sleep: host.sleep });
  const answer = await client.call("status");
  if (!answer.ok) {
    if (!daemonLives(host, target.places)) return ok([]);
    return err({ code: "conflict", message: `a daemon is running on ${target.places.state} but does not answer on ${target.places.socket}`, hint: "stop it first: see `sup doctor`" }); // prettier-ignore
  }
  const { pid } = answer.value.daemon;
  if (String(pid) === mainPid) return ok([]);
  return ok([
    {
      words: `end the daemon that runs without systemd (pid ${pid}); its services keep running`,
      run: async () => {
        const left = await client.call("shutdown", { leave: true });
        if (!left.ok) return left.error.message;
        while (daemonLives(host, target.places)) await host.sleep(POLL_MS);
        return null;
      },
      undo: async () => host.detach(["daemon", "--background"], `${target.places.runtime}/start.log`),
    },
  ]);
}

function start(target: Target): Step {
  return {
    words: run(target, "start", SERVICE).join(" "),
    run: async () => {
      const result = await target.ask(run(target, "start", SERVICE));
      if (result.code === 0) return null;
      const journal = await target.ask(["journalctl", ...(target.scope === "user" ? ["--user"] : []), "--identifier=sup", "--output=cat", "--no-pager", "--lines=8"]); // prettier-ignore
      return [result.stderr.split("\n")[0], ...(journal.code === 0 ? journal.stdout.split("\n") : [])].filter(Boolean).join("\n  ");
    },
    undo: () => target.ask(run(target, "stop", SERVICE)),
  };
}

const run = (target: Target, ...args: readonly string[]): readonly string[] => target.systemctl(...args);

async function runCommand(target: Target, command: readonly string[]): Promise<string | null> {
  const result = await target.ask(command);
  return result.code === 0 ? null : result.stderr || `${command[0]} exited with ${result.code}`;
}

export async function attempt(action: () => void): Promise<string | null> {
  try {
    action();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Writes the file to a temporary name and renames it, because systemd may read the file at any moment. */
function writeAtomically(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text);
  chmodSync(temporary, 0o644);
  renameSync(temporary, path);
}

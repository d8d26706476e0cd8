import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { createClient, type Client } from "../../api/client/client.ts";
import { EXIT } from "../../api/contract/errors.ts";
import type { DaemonInfo } from "../../api/contract/shapes.ts";
import { formatDuration } from "../../base/duration.ts";
import { daemonLives, failWithLines, type Context, type Run } from "../context.ts";

import { safe } from "../render/safe.ts";
import { startService, stopService } from "../systemd/start-stop.ts";
import { sinceWhen } from "../render/time.ts";

export const run: Run = async (context) => {
  const { roles, places, version, options } = context;
  const action = context.args[0];
  if (action === "status") return status(context);
  if (action === "stop") return stop(context);
  if (action === "restart" || action === "reexec") return reexec(context);
  if (options.url ?? (action === "start" && context.host.env.SUP_URL)) {
    return context.fail({
      code: "bad-request",
      message: "cannot start a daemon on another machine: --url and SUP_URL only select a running daemon",
    });
  }
  if (action === "start") return start(context);
  await context.host.outliveReaders((lines) => `sup: ${lines} lines were not shown, because the reader of this output is too slow`);
  return roles.daemon({ places, foreground: !options.background, version, leavesDirectory: isAbsolutelyPlaced(context) });
};

/**
 * Returns true if all paths on the command line and in the environment are absolute. In that case the daemon may leave the
 * current directory. A re-executed daemon gets the same arguments and environment, and still finds its files.
 */
const isAbsolutelyPlaced = ({ places, options }: Context): boolean =>
  [...(options.units ?? []), ...places.unitPath, places.settings, places.state, places.logs, places.runtime].every(isAbsolute);

const START_LIMIT_MS = 60_000;
const POLL_MS = 20;

async function start(context: Context): Promise<number> {
  const { host, places, options } = context;
  const local = createClient({ kind: "socket", path: places.socket }, { daemonLives: () => false, sleep: host.sleep });
  // A daemon that was just started may not answer yet, and the socket of a running daemon may have been deleted. In both
  // cases only the lock shows that a daemon runs.
  const lives = (): boolean => daemonLives(host, places);
  const running = await createClient({ kind: "socket", path: places.socket }, { daemonLives: lives, sleep: host.sleep }).call("status");
  if (running.ok) return printDaemon(context, running.value.daemon, "already running");
  if (running.error.code !== "unreachable" || lives()) return context.fail(running.error);
  const bySystemd = await startService(context);
  if (bySystemd !== null) return bySystemd.ok ? printStarted(context, local, "started by systemd") : context.fail(bySystemd.error);
  const output = `${places.runtime}/start.log`;
  const units = (options.units ?? []).flatMap((dir) => ["--units", resolve(dir)]);
  const child = host.detach(["daemon", "--background", ...units], output);
  const ended = await answersOrEnds(context, local, child);
  if (ended === "late") {
    const message = `cannot tell whether the daemon started: process ${child.pid} did not answer on ${places.socket} within ${START_LIMIT_MS / 1000} s`;
    return context.fail({ code: "failed", message, hint: `see ${output} and ${places.logs}/sup.log` });
  }
  if (typeof ended === "number") {
    const reason = lastLines(output) || lastLines(`${places.logs}/sup.log`) || "it printed nothing";
    const message = `cannot start the daemon: it exited with code ${ended}\n${reason}`;
    return failWithLines(context, message, `see ${places.logs}/sup.log, or run \`sup daemon\` in the foreground`);
  }
  return printDaemon(context, ended, ended.pid === child.pid ? "started" : "already running");
}

async function printStarted(context: Context, client: Client, what: string): Promise<number> {
  const info = await client.call("status");
  return info.ok ? printDaemon(context, info.value.daemon, what) : context.fail(info.error);
}

type Child = ReturnType<Context["host"]["detach"]>;

/**
 * Waits until a daemon answers, and returns its information. Returns the exit code of the child if the child exits and no
 * daemon answers. Returns "late" after the time limit. If another daemon was started at the same time and holds the lock,
 * that daemon answers and the child exits. The function waits until the child has exited. Otherwise the child could take the
 * lock when the other daemon stops.
 */
async function answersOrEnds(context: Context, client: Client, { pid, exited }: Child): Promise<DaemonInfo | number | "late"> {
  let code: number | undefined;
  void exited.then((value) => (code = value));
  for (const from = context.host.now(); context.host.now() - from < START_LIMIT_MS;) {
    const healthy = await client.call("healthz");
    const status = healthy.ok ? await client.call("status") : healthy;
    if (status.ok && (status.value.daemon.pid === pid || code !== undefined)) return status.value.daemon;
    if (code !== undefined && !daemonLives(context.host, context.places)) return code;
    await (code === undefined ? Promise.race([context.host.sleep(POLL_MS), exited]) : context.host.sleep(POLL_MS));
  }
  return "late";
}

function lastLines(path: string): string {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-10).map((line) => `  ${line}`).join("\n").trimEnd(); // prettier-ignore
  } catch {
    return ""; // there is no file, because the daemon ended before it opened its log
  }
}

async function stop(context: Context): Promise<number> {
  const { client, host, options, out, json, places } = context;
  const before = await client.call("status");
  if (!before.ok) return context.fail(before.error);
  const { pid } = before.value.daemon;
  const from = host.now();
  const here = !(options.url ?? host.env.SUP_URL);
  const bySystemd = here ? await stopService(context, pid) : null;
  const answer = bySystemd ?? (await client.call("shutdown"));
  if (!answer.ok) return context.fail(answer.error);
  const wait = here && options.wait !== false;
  // This loop has no time limit, because the stop timeouts of the units limit the wait. If a daemon never ends, the operator should notice.
  while (wait && daemonLives(host, context.places)) await host.sleep(POLL_MS);
  if (options.json) json({ pid, stopped: wait });
  else
    out(
      wait
        ? `sup daemon: stopped (pid ${pid}) in ${formatDuration(host.now() - from)}`
        : `sup daemon: stopping; see ${places.logs}/sup.log`,
    );
  return EXIT.done;
}

const REEXEC_LIMIT_MS = 20_000;

/** Makes the daemon's process execute the program again, and waits until the daemon answers with a new start time. */
async function reexec(context: Context): Promise<number> {
  const { client, host } = context;
  const before = await client.call("status");
  if (!before.ok) return context.fail(before.error);
  const answer = await client.call("reexec");
  if (!answer.ok) return context.fail(answer.error);
  for (const from = host.now(); host.now() - from < REEXEC_LIMIT_MS;) {
    const after = await client.call("status");
    if (after.ok && after.value.daemon.start_time !== before.value.daemon.start_time) {
      const [was, is] = [before.value.daemon.version, after.value.daemon.version];
      return printDaemon(context, after.value.daemon, `re-executed${was === is ? "" : `, ${was} → ${is}`}`);
    }
    await host.sleep(POLL_MS);
  }
  const message = "the daemon did not restart: it keeps running the old program";
  return context.fail({ code: "failed", message, hint: `see ${context.places.logs}/sup.log` });
}

async function status(context: Context): Promise<number> {
  const answer = await context.client.call("status");
  if (!answer.ok) return context.fail(answer.error);
  const { daemon, services } = answer.value;
  if (context.options.json) context.json(daemon);
  else context.out(describe(daemon, services.length, context));
  return EXIT.done;
}

function printDaemon({ options, out, json, note }: Context, daemon: DaemonInfo, what: string): number {
  if (options.json) json(daemon);
  else {
    out(`sup daemon: ${what} (pid ${daemon.pid})${daemon.url ? `, web page and API at ${safe(daemon.url)}` : ""}`);
    for (const line of daemon.notes) note(`! ${safe(line)}`);
    if (daemon.notes.length > 0) note("  `sup doctor` shows how to fix it");
  }
  return EXIT.done;
}

function describe(daemon: DaemonInfo, units: number, { paint, host }: Context): string {
  const facts = [
    ["PID", String(daemon.pid)],
    ["Running", `since ${sinceWhen(daemon.start_time, host.now())}`],
    ["Mode", daemon.mode],
    ["Units", `${units}, from ${daemon.unit_path.join(", ")}`],
    ["State", daemon.state_dir],
    ["Logs", daemon.log_dir],
    ["Socket", daemon.socket],
    [
      "Tracking",
      daemon.containment === "cgroup"
        ? "one cgroup per run"
        : `session, parent and environment of processes; no cgroups: ${daemon.containment_note}`,
    ],
    ["Page and API", daemon.url ?? "not on TCP"],
    ...(daemon.left_alone ?? []).map(({ directory, owner }) => ["Not used", `${directory} belongs to the system's daemon on ${owner}`]),
    ...daemon.notes.map((note) => ["Note", note]),
  ];
  const lines = facts.map(([name, text]) => `${name!.padStart(14)}: ${safe(text!)}`);
  return [`${paint("green", "●")} ${paint("bold", `sup daemon ${safe(daemon.version)}`)}`, ...lines].join("\n");
}

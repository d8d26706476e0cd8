import type { DaemonInfo, Status } from "../../api/contract/shapes.ts";
import { killLaunched, readLaunchCommand, relaunch, type LaunchCommand } from "../../linux/self/relaunch.ts";
import { type Context, daemonLives } from "../context.ts";
import { statusWithin } from "../requests/status-within.ts";

/** The state of the daemon before the upgrade. */
export interface Before {
  readonly daemon: DaemonInfo;
  /** The main pid of each running unit. */
  readonly running: ReadonlyMap<string, number>;
  /**
   * The command that started the daemon. It is null if the process cannot be inspected, for example because it belongs to another
   * user or is in another pid namespace.
   */
  readonly launch: LaunchCommand | null;
}

export type Renewal =
  | { readonly kind: "renewed"; readonly status: Status }
  /**
   * `refused` means that the old daemon keeps running, `dead` means that the new daemon died, and `silent` means that the new daemon
   * does not answer.
   */
  | { readonly kind: "refused" | "dead" | "silent"; readonly words: string };

export const noteBefore = ({ daemon, services }: Status): Before => ({
  daemon,
  running: runningOf(services),
  launch: readLaunchCommand(daemon.pid),
});

const runningOf = (services: Status["services"]): Map<string, number> =>
  new Map(services.flatMap(({ id, pid }) => (pid === null ? [] : [[id, pid] as const])));

/** Returns how many services kept their main process through the upgrade. */
export const stillRunning = ({ running }: Before, { services }: Status): number =>
  services.filter(({ id, pid }) => pid !== null && running.get(id) === pid).length;

/** Makes the daemon execute the installed program, and waits for the result. */
export async function reexec(context: Context, before: Before, limitMs: number): Promise<Renewal> {
  const { client, host } = context;
  const answer = await client.call("reexec");
  if (!answer.ok) return { kind: "refused", words: `the daemon refused to re-execute: ${answer.error.message}` };
  let last: Status | null = null;
  for (const from = host.now(); host.now() - from < limitMs;) {
    last = await statusWithin(ANSWER_MS, client, host.sleep);
    if (last !== null && last.daemon.start_time !== before.daemon.start_time) return { kind: "renewed", status: last };
    if (last === null && !daemonLives(host, context.places)) return { kind: "dead", words: "the daemon ended while starting" };
    await host.sleep(STEP_MS);
  }
  if (last !== null) return { kind: "refused", words: "the daemon could not execute it and keeps running the old program" };
  return { kind: "silent", words: `the daemon did not answer within ${limitMs / 1000} s` };
}

/**
 * Starts the daemon with the old program, which has been restored. If systemd or another supervisor runs the daemon, waits first
 * for that supervisor to start it. Returns null if the daemon does not start.
 */
export async function revive(
  context: Context,
  before: Before,
  renewal: Renewal,
  limitMs: number,
  restoreStore: () => void,
): Promise<Status | null> {
  const { host, places } = context;
  const { launch } = before;
  if (renewal.kind === "refused") return statusWithin(ANSWER_MS, context.client, host.sleep);
  const lives = (): boolean => daemonLives(host, places);
  if (renewal.kind === "silent" && launch !== null) {
    killLaunched(launch); // the daemon's services keep running
    await waitFor(host.sleep, KILL_MS, () => !lives());
  }
  restoreStore();
  const isSupervised = launch === null || "NOTIFY_SOCKET" in launch.env || "INVOCATION_ID" in launch.env;
  if (isSupervised) await waitFor(host.sleep, SUPERVISOR_MS, lives);
  if (!lives() && launch !== null) relaunch(launch, `${places.runtime}/start.log`);
  for (const from = host.now(); host.now() - from < limitMs; await host.sleep(STEP_MS)) {
    const status = await statusWithin(ANSWER_MS, context.client, host.sleep);
    if (status !== null) return status;
  }
  return null;
}

const STEP_MS = 20;
const KILL_MS = 10_000;
/** The time that a supervisor gets to restart the daemon. It is longer than `RestartSec` of the service that sup installs. */
const SUPERVISOR_MS = 5_000;
const ANSWER_MS = 2_000;

async function waitFor(sleep: (ms: number) => Promise<void>, limitMs: number, condition: () => boolean): Promise<void> {
  for (let waited = 0; waited < limitMs && !condition(); waited += STEP_MS) await sleep(STEP_MS);
}

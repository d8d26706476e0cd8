import type { DaemonInfo, Status } from "../../api/contract/shapes.ts";
import { killLaunched, readLaunchCommand, relaunch, type LaunchCommand } from "../../linux/self/relaunch.ts";
import { type Context, daemonLives } from "../context.ts";
import { statusWithin } from "../requests/status-within.ts";

/** The daemon before the upgrade. */
export interface Before {
  readonly daemon: DaemonInfo;
  /** Unit → pid, of what runs. */
  readonly running: ReadonlyMap<string, number>;
  /** Null: it runs where we cannot see it, or is not ours. */
  readonly launch: LaunchCommand | null;
}

export type Renewal =
  | { readonly kind: "renewed"; readonly status: Status }
  /** The old one goes on, or the new one died, or is there and says nothing. */
  | { readonly kind: "refused" | "dead" | "silent"; readonly words: string };

export const noteBefore = ({ daemon, services }: Status): Before => ({
  daemon,
  running: runningOf(services),
  launch: readLaunchCommand(daemon.pid),
});

const runningOf = (services: Status["services"]): Map<string, number> =>
  new Map(services.flatMap(({ id, pid }) => (pid === null ? [] : [[id, pid] as const])));

/** How many of the services that ran then are the same processes now. */
export const wentOn = ({ running }: Before, { services }: Status): number =>
  services.filter(({ id, pid }) => pid !== null && running.get(id) === pid).length;

/** Asks the daemon to become the program in its place, and looks what comes of it. */
export async function renew(context: Context, before: Before, limitMs: number): Promise<Renewal> {
  const { client, host } = context;
  const asked = await client.call("reexec");
  if (!asked.ok) return { kind: "refused", words: `the daemon does not want to be renewed: ${asked.error.message}` };
  let last: Status | null = null;
  for (const from = host.now(); host.now() - from < limitMs;) {
    last = await statusWithin(ANSWER_MS, client, host.sleep);
    if (last !== null && last.daemon.start_time !== before.daemon.start_time) return { kind: "renewed", status: last };
    if (last === null && !daemonLives(host, context.places)) return { kind: "dead", words: "the daemon ended at its start" };
    await host.sleep(STEP_MS);
  }
  if (last !== null) return { kind: "refused", words: "the daemon could not execute it and goes on with the old one" };
  return { kind: "silent", words: `the daemon did not answer within ${limitMs / 1000} s` };
}

/**
 * Brings the daemon back with the old program, which is in its place again. One that systemd or another supervisor keeps is
 * started by that; one that nobody does is started as it was. Null when it does not come.
 */
export async function revive(
  context: Context,
  before: Before,
  renewal: Renewal,
  limitMs: number,
  storeBack: () => void,
): Promise<Status | null> {
  const { host, places } = context;
  const { launch } = before;
  if (renewal.kind === "refused") return statusWithin(ANSWER_MS, context.client, host.sleep);
  const lives = (): boolean => daemonLives(host, places);
  if (renewal.kind === "silent" && launch !== null) {
    killLaunched(launch); // its services do not mind
    await waitFor(host.sleep, KILL_MS, () => !lives());
  }
  storeBack();
  const isKept = launch === null || "NOTIFY_SOCKET" in launch.env || "INVOCATION_ID" in launch.env;
  if (isKept) await waitFor(host.sleep, KEEPER_MS, lives);
  if (!lives() && launch !== null) relaunch(launch, `${places.runtime}/start.log`);
  for (const from = host.now(); host.now() - from < limitMs; await host.sleep(STEP_MS)) {
    const status = await statusWithin(ANSWER_MS, context.client, host.sleep);
    if (status !== null) return status;
  }
  return null;
}

const STEP_MS = 20;
const KILL_MS = 10_000;
/** Longer than `RestartSec` of the service that sup installs. */
const KEEPER_MS = 5_000;
const ANSWER_MS = 2_000;

async function waitFor(sleep: (ms: number) => Promise<void>, limitMs: number, condition: () => boolean): Promise<void> {
  for (let waited = 0; waited < limitMs && !condition(); waited += STEP_MS) await sleep(STEP_MS);
}

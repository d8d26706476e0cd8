import { mkdirSync } from "node:fs";
import { areDescriptorsExhausted } from "../../linux/self/descriptors.ts";
import type { Listening } from "../../api/server/listen.ts";
import type { Parts } from "../compose/compose.ts";
import type { DaemonLog } from "./daemon-log.ts";

/** Interval between checks. Commands that find no socket while a daemon holds the lock retry for two seconds, so this is often enough. */
const CHECK_MS = 1000;

/**
 * Creates the socket of the API and the runtime directory again if they were deleted, for example because the end of a login session
 * removed `$XDG_RUNTIME_DIR`. FIFOs and sockets of units are created again at the next start of the unit. Also closes all connections
 * when they use up the last file descriptors.
 */
export function guardRuntime(
  { invocations, keeper, recorder }: Pick<Parts, "invocations" | "keeper" | "recorder">,
  { listening, runtime, daemonLog }: { readonly listening: Listening; readonly runtime: string; readonly daemonLog: DaemonLog },
): { check(): Promise<void>; stop(): void } {
  const socket = listening.unix.path;
  let failure: string | null = null;
  let busy = false;
  const restore = async (): Promise<string | null> => {
    try {
      mkdirSync(runtime, { recursive: true, mode: 0o700 });
      invocations.restoreFile();
      keeper.restoreFile();
    } catch (error) {
      return (error as Error).message;
    }
    const bound = await listening.bindAgain();
    return bound.ok ? null : bound.error;
  };
  const check = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      if (areDescriptorsExhausted()) {
        await listening.relieve();
        daemonLog.warn("all connections were closed: together they used up sup's file descriptors");
      }
      if (!listening.isBound()) await bind();
    } finally {
      busy = false;
    }
  };
  const bind = async (): Promise<void> => {
    const problem = await restore();
    if (problem === null) {
      recorder.tell("daemon-socket-restored", `${socket} was deleted; sup listens there again`);
      daemonLog.warn(`${socket} was deleted; sup listens there again`);
    } else if (problem !== failure) daemonLog.warn(`${socket} was deleted and cannot be made again: ${problem}`);
    failure = problem;
  };
  const timer = setInterval(() => void check(), CHECK_MS);
  return { check, stop: () => clearInterval(timer) };
}

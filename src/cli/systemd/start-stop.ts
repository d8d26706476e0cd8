/**
 * Starts and stops the daemon through systemd if systemd runs it, for `sup daemon start` and `stop`. Otherwise systemd would
 * restart a daemon that was stopped.
 */
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { queryService, readUnitFile, targetOf, type Target } from "./target.ts";
import { SERVICE } from "./unit-file.ts";

/** Stops the service through systemd. Returns null if the daemon with this pid does not belong to the service. */
export async function stopService(context: Context, pid: number): Promise<Result<null, ApiError> | null> {
  if (!context.host.systemdRuns()) return null;
  const target = targetOf(context);
  const service = await queryService(target);
  if (service?.MainPID !== String(pid)) return null;
  return systemctl(target, context.options.wait === false ? ["stop", "--no-block"] : ["stop"]);
}

/** Starts the service through systemd. Returns null if no service is installed for the directories that this command line uses. */
export async function startService(context: Context): Promise<Result<null, ApiError> | null> {
  const { host, places } = context;
  if (!host.systemdRuns() || places.mode === "portable") return null;
  const target = targetOf(context);
  if (target.places.socket !== places.socket || readUnitFile(target) === null || (await queryService(target)) === null) return null;
  return systemctl(target, ["start"]);
}

async function systemctl(target: Target, words: readonly string[]): Promise<Result<null, ApiError>> {
  const command = target.systemctl(...words, SERVICE);
  const result = await target.ask(command);
  if (result.code === 0) return ok(null);
  return err({ code: "failed", message: `${command.join(" ")} failed: ${result.stderr || `exit code ${result.code}`}` });
}

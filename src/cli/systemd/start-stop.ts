/** `sup daemon start` and `stop` where systemd runs the daemon: done by hand, systemd would start again what was stopped. */
import type { ApiError } from "../../api/contract/errors.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Context } from "../context.ts";
import { askService, readUnitFile, targetOf, type Target } from "./target.ts";
import { SERVICE } from "./unit-file.ts";

/** Null: the daemon with this pid is not the service's. */
export async function stopService(context: Context, pid: number): Promise<Result<null, ApiError> | null> {
  if (!context.host.systemdRuns()) return null;
  const target = targetOf(context);
  const service = await askService(target);
  if (service?.MainPID !== String(pid)) return null;
  return order(target, context.options.wait === false ? ["stop", "--no-block"] : ["stop"]);
}

/** Null: no service is installed for the places that this command line is about. */
export async function startService(context: Context): Promise<Result<null, ApiError> | null> {
  const { host, places } = context;
  if (!host.systemdRuns() || places.mode === "portable") return null;
  const target = targetOf(context);
  if (target.places.socket !== places.socket || readUnitFile(target) === null || (await askService(target)) === null) return null;
  return order(target, ["start"]);
}

async function order(target: Target, words: readonly string[]): Promise<Result<null, ApiError>> {
  const command = target.systemctl(...words, SERVICE);
  const said = await target.ask(command);
  if (said.code === 0) return ok(null);
  return err({ code: "failed", message: `${command.join(" ")} failed: ${said.stderr || `exit code ${said.code}`}` });
}

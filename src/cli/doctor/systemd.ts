/** Checks the systemd service if systemd runs on this machine. */
import { existsSync } from "node:fs";
import { isLingering } from "../systemd/install.ts";
import { queryService, readUnitFile } from "../systemd/target.ts";
import { authorOf, programOf, SERVICE, unitText } from "../systemd/unit-file.ts";
import { environmentOf } from "../systemd/install.ts";
import { error, note, warning, type Facts, type Finding } from "./finding.ts";

export async function checkSystemdService(facts: Facts): Promise<Finding[]> {
  const { context, target, daemon, places } = facts;
  if (!context.host.systemdRuns() || places.mode === "portable") return [];
  const file = readUnitFile(target);
  if (file === null)
    return [note("sup is not a systemd service: nothing starts it at boot or restarts it if it ends", "sup install-service")];
  const found = judgeFile(facts, file);
  const service = await queryService(target);
  if (service === null)
    return [...found, error(`the systemd manager of ${target.user} does not answer`, `log in as ${target.user} (not by su), or as root: loginctl enable-linger ${target.user}`)]; // prettier-ignore
  const command = (...words: string[]): string => target.systemctl(...words).join(" ");
  if (service.UnitFileState !== "enabled")
    found.push(warning(`${SERVICE} is ${service.UnitFileState || "not enabled"}: it does not start at boot`, command("enable", SERVICE)));
  if (service.NeedDaemonReload === "yes")
    found.push(warning(`systemd has not read ${file.path} since it changed`, command("daemon-reload")));
  const again = service.SubState === "auto-restart" || (service.ActiveState === "activating" && service.NRestarts !== "0");
  if (service.ActiveState === "failed" || again)
    found.push(
      error(
        `${SERVICE} cannot start`,
        `see ${command("status", SERVICE)} and journalctl ${target.scope === "user" ? "--user " : ""}-u sup`,
      ),
    );
  if (daemon !== null && service.MainPID !== String(daemon.pid))
    found.push(
      warning(
        `the daemon (pid ${daemon.pid}) was started by hand, and ${SERVICE} is not running`,
        "sup install-service (takes the daemon over; services keep running)",
      ),
    );
  return found;
}

function judgeFile({ context, target }: Facts, { path, text }: { readonly path: string; readonly text: string }): Finding[] {
  const program = programOf(text);
  if (program !== null && !existsSync(program))
    return [error(`${path} runs ${program}, which does not exist`, "run sup install-service with the program that the service should run")];
  if (authorOf(text) !== "sup") return []; // files that the user changed are not checked
  if (program !== null && program !== context.host.program)
    return [
      note(`${SERVICE} runs ${program}; this is ${context.host.program}`, "sup install-service (makes the service run this program)"),
    ];
  const current = unitText({ scope: target.scope, program: context.host.program, environment: environmentOf(context) });
  return text === current ? [] : [warning(`${path} was written by another version of sup, or for other directories`, "sup install-service (updates the unit file)")]; // prettier-ignore
}

export async function checkLingering({ context, target }: Facts): Promise<Finding[]> {
  if (target.scope !== "user" || !context.host.systemdRuns() || readUnitFile(target) === null) return [];
  if (await isLingering(target)) return [];
  return [
    warning(
      `lingering is off: your services stop when you log out, and do not start at boot`,
      `loginctl enable-linger ${target.user}, or as root if that is denied`,
    ),
  ];
}

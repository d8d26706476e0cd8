import { readSysctl } from "../../linux/proc/sysctl.ts";
import { verifyPaths } from "../files/verify.ts";
import { type Facts, type Finding, warning } from "./finding.ts";

const MIGRATE = "net.ipv4.tcp_migrate_req";

export async function checkReusePort({ context, places }: Facts): Promise<Finding[]> {
  const { units } = await verifyPaths(context.roles, [], places.unitPath);
  const services = units.filter(({ spec }) => spec.sockets.some(({ reusePort }) => reusePort)).map(({ spec }) => spec.service);
  return reusePortFindings([...new Set(services)], readSysctl(MIGRATE));
}

/** `services` are those that have a socket with `reuse_port`. `migrates` is the value of the sysctl, or null before Linux 5.14. */
export function reusePortFindings(services: readonly string[], migrates: string | null): Finding[] {
  if (services.length === 0 || migrates === "1") return [];
  const cause = migrates === null ? `this kernel has no ${MIGRATE}` : `${MIGRATE} is ${migrates}`;
  const fix =
    migrates === null
      ? "share one socket instead: remove reuse_port, and let the program take the socket from descriptor 3"
      : `sysctl -w ${MIGRATE}=1, also in /etc/sysctl.d, and then restart the units; or share one socket instead, without reuse_port`;
  const message = `${services.join(", ")}: reuse_port is set, and ${cause}: when a process closes its listener, the connections that wait in it are reset`;
  return [warning(message, fix)];
}

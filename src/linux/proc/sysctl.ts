import { readFileSync } from "node:fs";

/** Returns the value of a sysctl, such as `net.ipv4.tcp_migrate_req`, or null if the kernel does not have it. */
export function readSysctl(name: string): string | null {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
  } catch {
    return null;
  }
}

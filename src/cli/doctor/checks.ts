import {
  checkCgroups,
  checkDaemon,
  checkDescriptors,
  checkNotes,
  checkNotifications,
  checkPort,
  checkRuntimeDirectory,
  checkVersion,
} from "./daemon.ts";
import { checkClock, checkDirectories, checkDisk, checkProgram, checkSettings, checkUnits } from "./files.ts";
import type { Check } from "./finding.ts";
import { checkReusePort } from "./network.ts";
import { checkLingering, checkSystemdService } from "./systemd.ts";

/** All checks, in the order of the report. Checks for problems that can cause others come first. */
export const CHECKS: readonly Check[] = [
  { name: "runtime directory", run: checkRuntimeDirectory },
  { name: "daemon", run: checkDaemon },
  { name: "version", run: checkVersion },
  { name: "program", run: checkProgram },
  { name: "settings", run: checkSettings },
  { name: "directories", run: checkDirectories },
  { name: "units", run: checkUnits },
  { name: "systemd service", run: checkSystemdService },
  { name: "lingering", run: checkLingering },
  { name: "port", run: checkPort },
  { name: "reuse_port", run: checkReusePort },
  { name: "disk", run: checkDisk },
  { name: "clock", run: checkClock },
  { name: "open files", run: checkDescriptors },
  { name: "cgroups", run: checkCgroups },
  { name: "notifications", run: checkNotifications },
  { name: "notes of the daemon", run: checkNotes },
];

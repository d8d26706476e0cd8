import { checkCgroups, checkDaemon, checkDescriptors, checkNotes, checkPort, checkRuntimeDirectory, checkVersion } from "./daemon.ts";
import { checkClock, checkDirectories, checkDisk, checkProgram, checkSettings, checkUnits } from "./files.ts";
import type { Check } from "./finding.ts";
import { checkLingering, checkService } from "./systemd.ts";

/** All that is looked at, in the order in which it is told: what stands in the way of the rest comes first. */
export const CHECKS: readonly Check[] = [
  { name: "runtime directory", look: checkRuntimeDirectory },
  { name: "daemon", look: checkDaemon },
  { name: "version", look: checkVersion },
  { name: "program", look: checkProgram },
  { name: "settings", look: checkSettings },
  { name: "directories", look: checkDirectories },
  { name: "units", look: checkUnits },
  { name: "systemd service", look: checkService },
  { name: "lingering", look: checkLingering },
  { name: "port", look: checkPort },
  { name: "disk", look: checkDisk },
  { name: "clock", look: checkClock },
  { name: "open files", look: checkDescriptors },
  { name: "cgroups", look: checkCgroups },
  { name: "notes of the daemon", look: checkNotes },
];

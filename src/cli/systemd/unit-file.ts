/**
 * The unit file of the systemd service that runs the daemon. What its settings are for: docs/systemd.md.
 *
 * Its first line has a checksum of the rest, so that a later version of sup knows whether the file is still as it was written.
 */
export interface ServiceUnit {
  readonly scope: Scope;
  /** The executable, absolute. */
  readonly program: string;
  /** What the daemon needs to find the same places as this command line. */
  readonly environment: Readonly<Record<string, string>>;
}

export type Scope = "user" | "system";

export const SERVICE = "sup.service";

export function unitText({ scope, program, environment }: ServiceUnit): string {
  const system = scope === "system";
  const sup = quoteProgram(program);
  const lines = [
    "[Unit]",
    "Description=sup, unit manager and process supervisor",
    "Documentation=man:sup(1)",
    ...(system ? ["Wants=network-online.target", "After=network-online.target"] : []),
    "# However often it ends, it is started again.",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    ...Object.entries(environment).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}`),
    `ExecStart=${sup} daemon`,
    `ExecReload=${sup} reload`,
    `ExecStopPost=-${sup} free-cgroup`,
    "TimeoutStartSec=300",
    "Restart=always",
    "RestartSec=1",
    "WatchdogSec=30",
    "WatchdogSignal=SIGKILL",
    "",
    "# A stop: sup stops its units in order, and says how long that may take. A restart, a crash: its units go on.",
    "KillMode=process",
    "KillSignal=SIGTERM",
    "RestartKillSignal=SIGUSR2",
    "TimeoutStopSec=90",
    "",
    "# All services live in this unit's cgroup, in groups that sup makes.",
    "Delegate=yes",
    "OOMPolicy=continue",
    "TasksMax=infinity",
    "",
    "[Install]",
    `WantedBy=${system ? "multi-user.target" : "default.target"}`,
    "",
  ];
  const body = lines.join("\n");
  return `${MARK} ${checksum(body)}; changes belong in a drop-in: systemctl ${system ? "" : "--user "}edit sup\n${body}`;
}

const MARK = "# Written by `sup install-service`, checksum";

/** Whose a unit file is: as sup wrote it (of whatever version), changed since, or of somebody else. */
export function authorOf(text: string): "sup" | "edited" | "other" {
  const end = text.indexOf("\n");
  const [first, body] = [text.slice(0, end), text.slice(end + 1)];
  if (!first.startsWith(MARK)) return "other";
  return first
    .slice(MARK.length)
    .trim()
    .startsWith(`${checksum(body)};`)
    ? "sup"
    : "edited";
}

/** The program of a unit file that sup wrote. */
export const programOf = (text: string): string | null => {
  const [, quoted, bare] = /^ExecStart=(?:"((?:[^"\\]|\\.)*)"|(\S+)) daemon$/m.exec(text) ?? [];
  return quoted?.replace(/\\(.)/g, "$1").replaceAll("%%", "%") ?? bare?.replaceAll("%%", "%") ?? null;
};

const checksum = (text: string): string => Bun.CryptoHasher.hash("sha256", text, "hex").slice(0, 16);

/** systemd.syntax(7): specifiers begin with %, a word in quotes takes C escapes. */
const quote = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;

const quoteProgram = (path: string): string => (/^[\w./+@-]+$/.test(path) ? path : quote(path));

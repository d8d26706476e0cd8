/**
 * Writes the unit file of the systemd service that runs the daemon. docs/systemd.md explains its settings.
 *
 * The first line of the file contains a checksum of the rest, so that a later version of sup can detect whether a user changed
 * the file.
 */
export interface ServiceUnit {
  readonly scope: Scope;
  /** The absolute path of the executable. */
  readonly program: string;
  /** Variables that make the daemon use the same directories as this command line. */
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
    "# No limit on restarts.",
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
    "# On stop, sup stops its units in order and extends the timeout as needed. After a restart or a crash, the units keep running.",
    "KillMode=process",
    "KillSignal=SIGTERM",
    "RestartKillSignal=SIGUSR2",
    "TimeoutStopSec=90",
    "",
    "# All services run in sub-groups of this unit's cgroup, which sup creates.",
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

/**
 * Returns `sup` if a version of sup wrote the file, and `edited` if a user changed it afterwards. Returns `other` if sup did not
 * write the file.
 */
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

/** Returns the path of the program that a unit file written by sup runs. */
export const programOf = (text: string): string | null => {
  const [, quoted, bare] = /^ExecStart=(?:"((?:[^"\\]|\\.)*)"|(\S+)) daemon$/m.exec(text) ?? [];
  return quoted?.replace(/\\(.)/g, "$1").replaceAll("%%", "%") ?? bare?.replaceAll("%%", "%") ?? null;
};

const checksum = (text: string): string => Bun.CryptoHasher.hash("sha256", text, "hex").slice(0, 16);

/** Quotes a string for a unit file as in systemd.syntax(7). A % begins a specifier, and C escapes apply within quotes. */
const quote = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%")}"`;

const quoteProgram = (path: string): string => (/^[\w./+@-]+$/.test(path) ? path : quote(path));

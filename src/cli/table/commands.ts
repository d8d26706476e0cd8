import { daemon } from "./daemon-commands.ts";
import type { Run } from "../context.ts";
import type { OptionName } from "./options.ts";

/** Every command, once: both parsers, `sup help` and the reference are made from these rows. tidy: long because it is one table. */

export interface CommandRow {
  readonly name: string;
  readonly theme: Theme;
  readonly aliases?: readonly string[];
  /** In commander's notation: `<unit...>` needs at least one, `[unit...]` takes any number, "" takes none. */
  readonly takes: string;
  /** The only values allowed as argument. */
  readonly choices?: readonly string[];
  readonly summary: string;
  readonly details?: string;
  readonly options: readonly OptionName[];
  readonly examples: readonly string[];
  /** Left out of the list of commands. */
  readonly hidden?: true;
  readonly load: () => Promise<{ readonly run: Run }>;
}

export const THEMES = ["Look", "Act", "For scripts", "Logs and history", "Unit files", "The daemon"] as const;
export type Theme = (typeof THEMES)[number];

const ACTING: readonly OptionName[] = ["wait", "dryRun", "quiet"];
const UNITS = "UNIT is a name (web), a file name (web.unit.json), a glob ('web*') or a group (@shop).";

const look: readonly CommandRow[] = [
  {
    name: "status",
    theme: "Look",
    takes: "[unit...]",
    summary: "what runs, how it is, and why; one unit in full",
    details: `${UNITS}\nExit code 3 when a unit asked for does not run, 4 when there is no such unit.`,
    options: [],
    examples: ["sup status", "sup status web", "sup status '@shop' --json"],
    load: () => import("../commands/status.ts"),
  },
  {
    name: "why",
    theme: "Look",
    takes: "<unit>",
    summary: "why a unit is as it is: what happened, what its policy says, what comes next",
    options: ["lines"],
    examples: ["sup why web"],
    load: () => import("../commands/why.ts"),
  },
  {
    name: "list",
    theme: "Look",
    aliases: ["ls"],
    takes: "[unit...]",
    summary: "units with their files, groups and whether they start with the daemon",
    options: ["timers"],
    examples: ["sup list", "sup list @shop", "sup list --timers"],
    load: () => import("../commands/list.ts"),
  },
  {
    name: "health",
    theme: "Look",
    takes: "[unit...]",
    summary: "overall health, or a unit's check with its last results",
    details: "Exit code 1 when something asked for is unhealthy.",
    options: ["run"],
    examples: ["sup health", "sup health web --run"],
    load: () => import("../commands/health.ts"),
  },
  {
    name: "top",
    theme: "Look",
    takes: "",
    summary: "units by their use of CPU and memory, live on a terminal",
    options: ["sort"],
    examples: ["sup top", "sup top --sort memory"],
    load: () => import("../commands/top.ts"),
  },
  {
    name: "metrics",
    theme: "Look",
    takes: "<unit>",
    summary: "CPU, memory, response time and reported numbers of a unit over time",
    details: "From --since on (1h). The table is thinned out to --lines rows (20); --json gives every point.",
    options: ["since", "lines"],
    examples: ["sup metrics web", "sup metrics web --since 24h --json"],
    load: () => import("../commands/metrics.ts"),
  },
  {
    name: "forecast",
    theme: "Look",
    takes: "[unit...]",
    summary: "trends of memory and CPU, and when limits will be reached",
    details: "Without UNIT, all running units as they were at the last look.",
    options: [],
    examples: ["sup forecast", "sup forecast web"],
    load: () => import("../commands/forecast.ts"),
  },
  {
    name: "summary",
    theme: "Look",
    takes: "",
    summary: "the numbers of a dashboard",
    options: [],
    examples: ["sup summary"],
    load: () => import("../commands/summary.ts"),
  },
];

const act: readonly CommandRow[] = [
  {
    name: "start",
    theme: "Act",
    takes: "<unit...>",
    summary: "start units and what they need",
    details: UNITS,
    options: ACTING,
    examples: ["sup start web", "sup start 'worker*' --no-wait"],
    load: () => import("../commands/start.ts"),
  },
  {
    name: "stop",
    theme: "Act",
    takes: "<unit...>",
    summary: "stop units, with all their processes",
    options: ["cascade", ...ACTING],
    examples: ["sup stop web", "sup stop db --cascade", "sup stop @shop --dry-run"],
    load: () => import("../commands/stop.ts"),
  },
  {
    name: "restart",
    theme: "Act",
    takes: "<unit...>",
    summary: "stop and start units",
    options: ACTING,
    examples: ["sup restart web"],
    load: () => import("../commands/restart.ts"),
  },
  {
    name: "reload",
    theme: "Act",
    aliases: ["daemon-reload"],
    takes: "[unit...]",
    summary: "bring changed unit files into force; with UNIT: have the service reload itself",
    details: "Without UNIT, files are compared with what runs and the least is done: --dry-run prints the plan.",
    options: ACTING,
    examples: ["sup reload --dry-run", "sup reload", "sup reload nginx"],
    load: () => import("../commands/reload.ts"),
  },
  {
    name: "run",
    theme: "Act",
    takes: "<command...>",
    summary: "run a command as a transient unit, which is gone when it ends",
    details: "Everything after -- is the command. With --follow its output is shown and its exit code is that of sup run.",
    options: ["name", "env", "dir", "user", "restart", "set", "follow", "wait"],
    examples: [
      "sup run -- sleep 60",
      "sup run -f -e DEBUG=1 -- ./migrate --all",
      `sup run --name api --restart --set 'health_check={"type":"tcp","port":8080}' -- ./api`,
    ],
    load: () => import("../commands/run.ts"),
  },
  {
    name: "kill",
    theme: "Act",
    takes: "<unit...>",
    summary: "send a signal to units",
    details: "What happens then is the unit's restart policy; `sup stop` is what ends a unit.",
    options: ["signal", "dryRun", "quiet"],
    examples: ["sup kill -s HUP nginx"],
    load: () => import("../commands/kill.ts"),
  },
  {
    name: "enable",
    theme: "Act",
    takes: "<unit...>",
    summary: "start units whenever the daemon starts",
    options: ["now", ...ACTING],
    examples: ["sup enable --now web"],
    load: () => import("../commands/enable.ts"),
  },
  {
    name: "disable",
    theme: "Act",
    takes: "<unit...>",
    summary: "do not start units when the daemon starts",
    options: ["now", ...ACTING],
    examples: ["sup disable web"],
    load: () => import("../commands/disable.ts"),
  },
  {
    name: "reset-failed",
    theme: "Act",
    takes: "<unit...>",
    summary: "forget failures: failed and fatal units become stopped",
    options: ["dryRun", "quiet"],
    examples: ["sup reset-failed '*'"],
    load: () => import("../commands/reset-failed.ts"),
  },
];

const scripts: readonly CommandRow[] = [
  {
    name: "is-active",
    theme: "For scripts",
    takes: "<unit...>",
    summary: "exit code 0 if one of the units runs, else 3",
    options: ["quiet"],
    examples: ["sup is-active -q web || sup start web"],
    load: () => import("../commands/is-active.ts"),
  },
  {
    name: "is-enabled",
    theme: "For scripts",
    takes: "<unit...>",
    summary: "exit code 0 if one of the units is enabled, else 1",
    options: ["quiet"],
    examples: ["sup is-enabled web"],
    load: () => import("../commands/is-enabled.ts"),
  },
  {
    name: "is-failed",
    theme: "For scripts",
    takes: "<unit...>",
    summary: "exit code 0 if one of the units is failed or fatal, else 1",
    options: ["quiet"],
    examples: ["sup is-failed '*' && sup status"],
    load: () => import("../commands/is-failed.ts"),
  },
];

const history: readonly CommandRow[] = [
  {
    name: "logs",
    theme: "Logs and history",
    takes: "<unit...>",
    summary: "what units wrote; `logs rotate UNIT…` begins new files",
    options: ["follow", "lines", "since", "until", "grep", "invocation", "stderr", "output", "bare"],
    examples: [
      "sup logs web",
      "sup logs -f 'web*' db",
      "sup logs web --since 10m --grep 'error|warn'",
      "sup logs web --invocation -1",
      "sup logs web -o cri > web.log",
      "sup logs rotate web",
    ],
    load: () => import("../commands/logs.ts"),
  },
  {
    name: "events",
    theme: "Logs and history",
    takes: "[unit...]",
    summary: "what happened: starts, exits, restarts, health",
    options: ["follow", "lines", "type", "since"],
    examples: ["sup events -f", "sup events web --since today"],
    load: () => import("../commands/events.ts"),
  },
  {
    name: "alerts",
    theme: "Logs and history",
    takes: "[unit...]",
    summary: "what is wrong and since when; `alerts ack ID|UNIT…` says that it was seen",
    options: ["all", "quiet"],
    examples: ["sup alerts", "sup alerts web --all", "sup alerts ack 3"],
    load: () => import("../commands/alerts.ts"),
  },
];

const files: readonly CommandRow[] = [
  {
    name: "cat",
    theme: "Unit files",
    takes: "<unit...>",
    summary: "unit files and their drop-ins as they are on disk",
    options: [],
    examples: ["sup cat web"],
    load: () => import("../commands/cat.ts"),
  },
  {
    name: "show",
    theme: "Unit files",
    takes: "<unit...>",
    summary: "every setting in force and where it comes from",
    options: ["reveal"],
    examples: ["sup show web", "sup show web --json"],
    load: () => import("../commands/show.ts"),
  },
  {
    name: "deps",
    theme: "Unit files",
    takes: "[unit...]",
    summary: "what units need, in the order of the start",
    options: ["reverse", "tree"],
    examples: ["sup deps", "sup deps web --tree", "sup deps db --reverse"],
    load: () => import("../commands/deps.ts"),
  },
  {
    name: "explain",
    theme: "Unit files",
    takes: "<unit...>",
    summary: "what a unit's settings come to: retries, waves, readiness; nothing is run",
    options: [],
    examples: ["sup explain web"],
    load: () => import("../commands/explain.ts"),
  },
  {
    name: "edit",
    theme: "Unit files",
    takes: "<unit>",
    summary: "open a unit file in $VISUAL or $EDITOR, then check it",
    options: ["dropIn"],
    examples: ["sup edit web", "sup edit web --drop-in local"],
    load: () => import("../commands/edit.ts"),
  },
  {
    name: "verify",
    theme: "Unit files",
    takes: "[file...]",
    summary: "check unit files, by path or unit name, or all of the unit path; needs no daemon",
    options: ["quiet"],
    examples: ["sup verify web", "sup verify units/web.unit.json", "sup verify --units units"],
    load: () => import("../commands/verify.ts"),
  },
  {
    name: "schema",
    theme: "Unit files",
    takes: "",
    summary: "the JSON Schema of unit files, for editors",
    options: [],
    examples: ["sup schema > unit.schema.json"],
    load: () => import("../commands/schema.ts"),
  },
];

export const CATALOG: readonly CommandRow[] = [...look, ...act, ...scripts, ...history, ...files, ...daemon];

/** How many arguments a command takes. */
export function arity(row: CommandRow): { readonly least: number; readonly most: number } {
  if (row.takes === "") return { least: 0, most: 0 };
  return { least: row.takes.startsWith("<") ? 1 : 0, most: row.takes.includes("...") ? Infinity : 1 };
}

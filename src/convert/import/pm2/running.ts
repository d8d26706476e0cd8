import { asNumber, asText, isMap, type Data } from "../data.ts";

/** An app of a running PM2, as `pm2 jlist` prints it. All processes of an app have the app's name. */
export interface RunningApp {
  readonly name: string;
  /** The app with the keys of an ecosystem file. */
  readonly data: Data;
  readonly processes: readonly RunningProcess[];
  /** Why PM2 cannot stop the app permanently, or null. */
  readonly obstacle: string | null;
}

export interface RunningProcess {
  readonly id: number;
  readonly status: string;
  readonly pid: number;
  /**
   * True if the process leads its own process group. False in cluster mode, where the processes belong to the process group
   * of PM2 itself.
   */
  readonly leadsGroup: boolean;
}

/**
 * Reads the output of `pm2 jlist`. Returns null if the text is not such output. If `asRoot` is true, the units run under a
 * daemon of root, so they name the user that PM2 runs as.
 */
export function readRunningApps(output: string, asRoot: boolean): RunningApp[] | null {
  const list = parseList(output);
  if (list === null) return null;
  const byName = new Map<string, Data[]>();
  for (const each of list) {
    const name = asText(each.name);
    // Modules, such as pm2-logrotate, are parts of PM2.
    if (name !== null && isMap(each.pm2_env) && each.pm2_env.pmx_module !== true) byName.set(name, [...(byName.get(name) ?? []), each]);
  }
  return [...byName].map(([name, processes]) => ({
    name,
    data: asApp(name, processes, asRoot),
    processes: processes.map(asProcess),
    obstacle: obstacleOf(processes, [...byName.keys()]),
  }));
}

/** Returns the list. The list is one line, and PM2 may print messages before it. */
function parseList(output: string): Data[] | null {
  const line = output.split("\n").findLast((each) => each.startsWith("["));
  if (line === undefined) return null;
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) ? value.filter(isMap) : null;
  } catch {
    return null;
  }
}

const envOf = (proc: Data): Data => proc.pm2_env as Data;

function asProcess(proc: Data): RunningProcess {
  const env = envOf(proc);
  return {
    id: asNumber(proc.pm_id) ?? -1,
    status: asText(env.status) ?? "unknown",
    pid: asNumber(proc.pid) ?? 0,
    leadsGroup: env.exec_mode === "fork_mode",
  };
}

function obstacleOf(processes: readonly Data[], names: readonly string[]): string | null {
  const [first] = processes;
  const { cron_restart: cron, watch } = envOf(first!);
  const restarts = "PM2 starts a stopped app again";
  if (cron !== undefined && cron !== null && cron !== 0 && cron !== "0") return `${restarts} when its cron_restart is due`;
  if (watch !== undefined && watch !== false) return `${restarts} when a watched file changes`;
  // PM2 takes a number as the name of an app if an app has this name. Otherwise PM2 takes the number as an id.
  if (processes.some(({ pm_id: id }) => names.includes(String(id)))) return "another app has the id of one of its processes as its name";
  return null;
}

/** Keys that have the same name in the output of `pm2 jlist` and in an ecosystem file. */
const SAME_KEYS =
  "node_args exec_interpreter exec_mode autorestart max_restarts min_uptime restart_delay exp_backoff_restart_delay kill_timeout wait_ready listen_timeout max_memory_restart cron_restart watch ignore_watch watch_delay stop_exit_codes uid gid namespace increment_var shutdown_with_message".split(" "); // prettier-ignore

function asApp(name: string, processes: readonly Data[], asRoot: boolean): Data {
  const env = envOf(processes[0]!);
  const app: Record<string, unknown> = { name, script: env.pm_exec_path, cwd: env.pm_cwd, env: environmentOf(env) };
  if (Array.isArray(env.args) && env.args.length > 0) app.args = env.args;
  for (const key of SAME_KEYS) {
    const value = env[key];
    if (value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)) app[key] = value;
  }
  if (processes.length > 1) app.instances = processes.length;
  const user = asText(env.username);
  if (asRoot && app.uid === undefined && user !== null && user !== "root") app.uid = user;
  return app;
}

/**
 * Returns the environment of the app. PM2 records the environment of the shell that ran `pm2 start`, which contains variables
 * that concern only that session.
 */
function environmentOf(env: Data): Data {
  const given = isMap(env.env) ? env.env : {};
  return Object.fromEntries(Object.entries(given).filter(([name, value]) => typeof value !== "object" && !SESSION.test(name)));
}

const SESSION =
  /^(_|PWD|OLDPWD|SHLVL|SHELL|TERM|COLORTERM|TERM_.*|COLUMNS|LINES|LS_COLORS|LESS(OPEN|CLOSE)|HIST.*|PS1|DISPLAY|WAYLAND_DISPLAY|DBUS_.*|MAIL|USER|USERNAME|LOGNAME|HOME|HOSTNAME|XDG_.*|SSH_.*|SUDO_.*|TMUX.*|STY|PM2_.*|pm_.*|unique_id|NODE_APP_INSTANCE|NODE_CHANNEL_.*|SUP_.*|NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*|INVOCATION_ID|JOURNAL_STREAM|MANAGERPID|SYSTEMD_.*)$/;

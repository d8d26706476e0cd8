import { escapeText } from "../../../spec/load/specifiers.ts";
import { asBoolean, asNumber, asText, asTexts, lookUp } from "../data.ts";
import { posix } from "../paths.ts";
import { wordsOf, type App } from "./words.ts";

/** Imports the keys of an app, except those for its command, environment and instances. */
export function importKeys(app: App): void {
  const { unit, data } = app;
  unit.set("enabled", asBoolean(data.autostart) !== false);
  unit.set("graceful_shutdown.signal", "SIGINT");
  restarts(app);
  stopping(app);
  resources(app);
  watching(app);
  const given = Object.keys(data).filter((key) => data[key] !== undefined && data[key] !== null && !key.startsWith("_"));
  for (const key of given) other(app, key);
  unit.dropSilent(given, app.where);
}

function restarts({ unit, data, where }: App): void {
  const codes = (asTexts(data.stop_exit_codes ?? []) ?? [])
    .map(asNumber)
    .filter((code) => code !== null && code >= 0 && code < 256) as number[];
  const restarting = asBoolean(data.autorestart) !== false;
  if (!restarting) unit.set("auto_restart", false);
  if (asBoolean(data.autorestart) !== null) unit.carried("autorestart", "auto_restart, restart_on_exit", where);
  if (restarting && !codes.includes(0)) unit.set("restart_on_exit", true);
  const failures = codes.filter((code) => code !== 0);
  if (failures.length > 0 && restarting) unit.set("no_restart_exit_codes", [...new Set(failures)]);
  if (data.stop_exit_codes !== undefined) unit.carried("stop_exit_codes", "no_restart_exit_codes, restart_on_exit", where);
  const most = asNumber(data.max_restarts);
  if (most !== null && most >= 0)
    unit.approximate(
      "max_restarts",
      "restart_policy.max_retries",
      Math.trunc(most),
      where,
      "it limits the retries until the unit has run for reset_after",
    );
  const delay = asNumber(data.restart_delay);
  const growing = asNumber(data.exp_backoff_restart_delay);
  if (growing !== null && growing > 0) {
    unit.set("restart_policy.retry_delay", growing / 1000);
    unit.set("restart_policy.backoff_multiplier", 1.5);
    unit.set("restart_policy.max_backoff", Math.max(15, growing / 1000));
    unit.carried("exp_backoff_restart_delay", "restart_policy: the delay grows by half, to at most 15 s", where);
  } else if (delay !== null && delay >= 0) {
    unit.set("restart_policy.retry_delay", delay / 1000);
    unit.set("restart_policy.backoff_multiplier", 1);
    if (delay > 300_000) unit.set("restart_policy.max_backoff", delay / 1000);
    unit.carried("restart_delay", "restart_policy.retry_delay", where);
  }
  if (growing !== null && growing > 0 && delay !== null) unit.carried("restart_delay", "exp_backoff_restart_delay replaces it", where);
  const uptime = milliseconds(data.min_uptime);
  if (uptime !== null) unit.carry("min_uptime", "restart_policy.reset_after", uptime / 1000, where);
}

/** Converts a number, or a string such as `10s`, to milliseconds. Like PM2, takes the last letter as the unit. */
function milliseconds(value: unknown): number | null {
  const text = asText(value);
  if (text === null) return null;
  const match = /^\s*(\d+(?:\.\d+)?)\s*(h|m|s)?$/.exec(text);
  return match ? Number(match[1]) * (MILLISECONDS[match[2] ?? ""] ?? 1) : null;
}

const MILLISECONDS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000 };

function stopping({ unit, data, where }: App): void {
  const timeout = asNumber(data.kill_timeout);
  if (timeout !== null && timeout >= 0) unit.carry("kill_timeout", "graceful_shutdown.timeout", timeout / 1000, where);
  if (asBoolean(data.treekill) === false)
    unit.approximate(
      "treekill",
      "graceful_shutdown.kill_mode",
      "mixed",
      where,
      "only the main process gets the signal, but sup ends the others after it",
    );
  else if (data.treekill !== undefined) unit.carried("treekill", "the default", where);
  const listen = asNumber(data.listen_timeout);
  if (listen !== null && listen > 0)
    unit.approximate(
      "listen_timeout",
      "start_timeout",
      listen / 1000,
      where,
      "a start that takes longer has failed; PM2 treats it as ready",
    );
}

const MIB = 1024 * 1024;

function resources({ unit, data, where }: App): void {
  const given = asText(data.max_memory_restart);
  if (given === null) return;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([GMK]?)B?\s*$/i.exec(given);
  const bytes = match ? Number(match[1]) * { G: 1024 * MIB, M: MIB, K: 1024, "": 1 }[match[2]!.toUpperCase() as "G"]! : null;
  if (bytes === null || bytes <= 0)
    return unit.drop("max_memory_restart", where, "PM2 does not understand the value either", "set resource_limits.max_memory_mb");
  unit.set("resource_limits", { max_memory_mb: Math.max(1, Math.round(bytes / MIB)), action: "restart" });
  unit.approximated("max_memory_restart", where, "resource_limits: it counts all processes of the unit, in three samples in a row");
}

function watching({ unit, data, where, directory }: App): void {
  const isOn =
    data.watch === true ||
    Array.isArray(data.watch) ||
    (typeof data.watch === "string" && data.watch !== "" && asBoolean(data.watch) === null);
  if (data.watch !== undefined && !isOn && asBoolean(data.watch) !== true) unit.carried("watch", "off, which is the default", where);
  if (!isOn && asBoolean(data.watch) !== true) {
    for (const key of ["ignore_watch", "watch_delay"])
      if (data[key] !== undefined) unit.carried(key, "without effect, because nothing is watched", where);
    return;
  }
  const paths =
    asBoolean(data.watch) === true
      ? [directory]
      : (asTexts(data.watch) ?? []).map((path) => posix.join(directory, path.replace(/\/?\*.*$/, "")));
  const ignore = (wordsOf(data.ignore_watch) ?? []).map((each) => each.replace(/^\.\//, "").replace(/\/$/, ""));
  const delay = asNumber(data.watch_delay);
  unit.set("watch", {
    paths: [...new Set(paths.length > 0 ? paths : [directory])].map((path) => escapeText(path)),
    ...(ignore.length > 0 ? { ignore: ignore.flatMap((each) => (each.includes("*") ? [each] : [each, `${each}/**`])) } : {}),
    ...(delay !== null && delay > 0 ? { debounce: delay / 1000 } : {}),
  });
  unit.carried("watch", "watch.paths", where);
  if (data.ignore_watch !== undefined)
    unit.approximated("ignore_watch", where, "watch.ignore: PM2 has regular expressions and globs, sup has globs");
  if (data.watch_delay !== undefined) unit.carried("watch_delay", "watch.debounce", where);
}

const ELSEWHERE = new Set(
  "script name cwd args node_args exec_interpreter env port increment_var instance_var instances exec_mode cron_restart autorestart stop_exit_codes max_restarts restart_delay exp_backoff_restart_delay min_uptime kill_timeout treekill listen_timeout max_memory_restart watch ignore_watch watch_delay".split(" "), // prettier-ignore
);

/** Keys that configure PM2 itself. */
const OF_PM2 = new Set(
  "vizion pmx automation trace disable_trace v8 event_loop_inspector deep_monitoring io force write windowsHide username install_url execute_command post_update source_map_support disable_source_map_support log_type id appendEnvToName".split(" "), // prettier-ignore
);

const DROPPED: Readonly<Record<string, readonly [why: string, whatToDo: string | null]>> = {
  wait_ready: ['sup does not understand process.send("ready")', 'use "type": "notify" with READY=1, or a "health_check"'],
  shutdown_with_message: ["sup stops a service with a signal, not with a message", "handle SIGINT in the program"],
  filter_env: ["a unit does not inherit an environment, so there is nothing to filter", null],
  append_env_to_name: ["a unit has one name", null],
  name_prefix: ["a unit has one name", null],
  watch_options: ['sup has settings of its own; see "watch"', null],
  kill_retry_time: ["sup sends SIGKILL once, to all processes", null],
  disable_logs: ["sup logs the output of every unit", "redirect it to /dev/null in the command if it must not be kept"],
};

function other({ unit, data, where }: App, key: string): void {
  if (ELSEWHERE.has(key) || /^env_\S/.test(key) || key.startsWith("_")) return;
  const value = data[key];
  const reason = lookUp(DROPPED, key);
  if (key === "autostart") unit.carried(key, "enabled", where);
  else if (key === "uid" || key === "gid") {
    const text = asText(value);
    if (text !== null && text !== "") unit.carry(key, key === "uid" ? "user" : "group", text, where);
  } else if (key === "namespace") {
    const name = asText(value) ?? "";
    if (name !== "default" && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) unit.carry(key, "groups", [name], where);
    else unit.carried(key, "no group", where);
  } else if (["out_file", "error_file", "log_file"].includes(key))
    unit.approximated(key, where, "sup writes both streams to its own log file: `sup logs`", "change what reads the old file");
  else if (["merge_logs", "time", "log_date_format"].includes(key))
    unit.carried(key, "sup logs both streams in one file, with the time of each line", where);
  else if (key === "pid_file") unit.drop(key, where, "sup writes no pid file", "`sup status --json` has the pid");
  else if (reason && asBoolean(value) !== false) unit.drop(key, where, ...reason);
  else if (reason) unit.carried(key, "off, which is the default", where);
  else if (OF_PM2.has(key)) unit.carried(key, "it concerns PM2 itself", where);
  else unit.drop(key, where, "PM2 does not know this key either", "correct the key if it should have an effect");
}

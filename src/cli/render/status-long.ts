import { attempt, waitingFor } from "../../api/contract/verdict.ts";
import type { ServiceDetail, ServiceProcess } from "../../api/contract/shapes.ts";
import { notInForce } from "../../api/contract/verdict.ts";
import { formatDuration } from "../../base/duration.ts";
import { eventLine, logLine } from "./lines.ts";
import { safe } from "./safe.ts";
import { dotColour, dotOf, HEALTH_COLOUR, memory, percent, STATE_COLOUR, stateWords } from "./state.ts";
import type { TableStyle } from "./status-table.ts";
import { scheduleWords } from "./timers.ts";
import { relative, sinceWhen } from "./time.ts";
import { why, wordingAt } from "./why.ts";

const LAST = 10;

/** Formats the details of one unit. A list of facts with their names on the left comes first, then the latest events and log lines. */
export function statusLong(service: ServiceDetail, style: TableStyle): string {
  const { paint } = style;
  const title = service.description || (service.name === service.id ? "" : service.name);
  const head = `${paint(dotColour(service), dotOf(service))} ${paint("bold", safe(service.id))}${title ? ` - ${safe(title)}` : ""}`;
  const facts = [...stateFacts(service, style), ...processFacts(service, style), ...fileFacts(service, style)];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, text]) => `${name.padStart(width + 2)}${name === "" ? "  " : ": "}${text}`);
  const blocks = [[head, ...lines].join("\n")];
  if (service.recent_events.length > 0) {
    blocks.push([paint("dim", "Events"), ...service.recent_events.slice(-LAST).map((event) => `  ${eventLine(event, style)}`)].join("\n"));
  }
  if (service.recent_lines.length > 0) {
    blocks.push([paint("dim", "Log"), ...service.recent_lines.slice(-LAST).map((line) => `  ${logLine(line, style)}`)].join("\n"));
  }
  return blocks.join("\n\n");
}

type Fact = readonly [name: string, text: string];

function stateFacts(service: ServiceDetail, { paint, now }: TableStyle): Fact[] {
  const { state, sub_state, health } = service;
  const finer = sub_state !== "" && sub_state !== state ? ` (${safe(sub_state)})` : "";
  const since = service.state_since === null ? "" : ` since ${sinceWhen(service.state_since, now)}`;
  const facts: Fact[] = [
    ["State", `${paint(STATE_COLOUR[state], stateWords(service, now))}${finer}${since}`],
    ["Why", safe(why(service, now))],
  ];
  if (service.status_text) facts.push(["Says", safe(service.status_text)]);
  if (health !== "unknown") facts.push(["Health", paint(HEALTH_COLOUR[health], health)]);
  if (service.waiting_for.length > 0) facts.push(["Waiting for", paint("yellow", safe(waitingFor(service)))]);
  if (service.next_attempt) facts.push(["Next attempt", `${relative(service.next_attempt, now)}${attempt(service)}`]);
  const restarts = restartCounts(service);
  if (restarts.length > 0) {
    const last = service.last_restart ? `, last ${relative(service.last_restart, now)}` : "";
    facts.push(["Restarts", `${restarts.join(", ")}${last}`]);
  }
  if (service.last_exit) facts.push(["Last exit", safe(lastExit(service))]);
  if (service.invocation) facts.push(["Invocation", paint("dim", service.invocation)]);
  return facts;
}

/**
 * Returns the counts of restarts, such as `2 by the restart policy` and `1 by the operator`. An older daemon's answer has no
 * `requested_restarts`.
 */
function restartCounts({ restart_count, requested_restarts }: Pick<ServiceDetail, "restart_count"> & Partial<ServiceDetail>): string[] {
  const requested = Object.entries(requested_restarts ?? {}).filter(([, count]) => count > 0);
  if (requested.length === 0) return restart_count > 0 ? [String(restart_count)] : [];
  return [`${restart_count} by the restart policy`, ...requested.map(([by, count]) => `${count} by ${REQUESTER_WORDS[by] ?? by}`)];
}

const REQUESTER_WORDS: Readonly<Record<string, string>> = {
  operator: "the operator",
  watch: "a file change",
  schedule: "the schedule",
  dependency: "a dependency",
  reload: "`sup reload`",
};

/** Returns how the last run ended and why, such as `killed by SIGTERM (requested by the operator)`. */
function lastExit({ last_exit: cause, last_exit_status: status }: ServiceDetail): string {
  if (status == null || cause === null) return cause ?? "";
  return cause.includes(status) ? cause : `${status} (${cause})`;
}

function processFacts(service: ServiceDetail, style: TableStyle): Fact[] {
  const { paint } = style;
  const facts: Fact[] = [["Command", safe(service.command)]];
  const { processes } = service;
  if (service.pid !== null) {
    const main = processes.find(({ pid }) => pid === service.pid);
    facts.push(["Main PID", main === undefined ? String(service.pid) : `${main.pid} (${safe(main.name)})${usageOf(main)}`]);
  }
  const others = processes.filter(({ pid }) => pid !== service.pid);
  others.forEach((process, i) => {
    const branch = paint("dim", i === others.length - 1 ? "└─" : "├─");
    facts.push([i === 0 ? "Children" : "", `${branch}${process.pid} ${safe(process.name)}${usageOf(process)}`]);
  });
  if (service.containment === "processes") facts.push(["Tracked by", "session, parent and environment of its processes (no cgroup)"]);
  if (service.containment === "cgroup") facts.push(["Tracked by", "its own cgroup"]);
  const used = [
    service.memory_mb === null
      ? ""
      : `memory ${memory(service.memory_mb)}${service.pss_mb === null ? "" : ` (PSS ${memory(service.pss_mb)})`}`,
    service.cpu_percent === null ? "" : `cpu ${percent(service.cpu_percent)}`,
    service.tasks === null ? "" : `${service.tasks} ${service.tasks === 1 ? "task" : "tasks"}`,
    service.open_files === null ? "" : `${service.open_files} open ${service.open_files === 1 ? "file" : "files"}`,
    service.pid === null ? "" : `up ${formatDuration(service.uptime_seconds * 1000)}`,
  ].filter(Boolean);
  if (used.length > 0) facts.push(["Uses", used.join(", ")]);
  service.enforcement.forEach((words, i) => facts.push([i === 0 ? "Limits" : "", safe(words)]));
  service.predictions.forEach((words, i) => facts.push([i === 0 ? "Forecast" : "", paint("yellow", safe(words))]));
  facts.push(...logFacts(service, style));
  if (service.port !== null) facts.push(["Port", String(service.port)]);
  return facts;
}

/**
 * Returns the usage of a process, such as `, cpu 0.5%, memory 3.1M`. Returns "" if it is unknown, for example because the process
 * has just ended.
 */
function usageOf({ cpu_percent, memory_mb }: Partial<ServiceProcess>): string {
  const cpu = cpu_percent == null ? "" : `, cpu ${percent(cpu_percent)}`; // an older daemon does not report the usage of single processes
  return memory_mb == null ? cpu : `${cpu}, memory ${memory(memory_mb)}`;
}

/** Describes lines that are missing from the unit's log. */
function logFacts({ log: { losses, trouble } }: ServiceDetail, { paint, now }: TableStyle): Fact[] {
  const words = losses.map(({ why, lines, bytes, since, cause, over }) => {
    const much = `${lines} lines (${bytes} bytes)`;
    const text = `${much} ${why === "limit" ? "dropped" : "lost"} since ${sinceWhen(since, now)}: ${safe(cause)}${over ? "" : "; still losing lines"}`;
    return over ? text : paint("yellow", text);
  });
  if (trouble !== null) words.push(paint("yellow", safe(trouble)));
  return words.map((text, i) => [i === 0 ? "Not logged" : "", text]);
}

function fileFacts(service: ServiceDetail, { paint, now }: TableStyle): Fact[] {
  const needs = service.dependencies.map(({ unit, condition, required }) => `${unit} (${condition}${required ? "" : ", optional"})`);
  const traits = [
    service.type,
    service.enabled ? "enabled" : "not enabled",
    service.critical ? "critical" : "",
    service.auto_restart ? "" : "no auto-restart",
  ];
  const facts: Fact[] = [["Kind", traits.filter(Boolean).join(", ")]];
  if (service.schedule !== null) facts.push(["Schedule", safe(scheduleFact(service.schedule, now))]);
  if (needs.length > 0) facts.push(["Needs", safe(needs.join(", "))]);
  if (service.groups.length > 0) facts.push(["Groups", safe(service.groups.map((group) => `@${group}`).join(" "))]);
  const labels = Object.entries(service.labels).map(([name, value]) => `${name}=${value}`);
  if (labels.length > 0) facts.push(["Labels", safe(labels.join(" "))]);
  const changed = service.reverted
    ? paint("yellow", ` (${safe(notInForce(service.reverted, wordingAt(now)))})`)
    : service.file_removed
      ? paint("yellow", " (file removed; `sup reload` stops and forgets it)")
      : service.changed_on_disk && service.problems.length === 0
        ? paint("yellow", " (changed on disk; `sup reload` applies it)")
        : "";
  facts.push(["File", `${safe(service.file) || "none (transient)"}${changed}`]);
  service.problems.forEach((problem, i) => facts.push([i === 0 ? "Errors" : "", paint("red", safe(problem))]));
  return facts;
}

function scheduleFact(schedule: NonNullable<ServiceDetail["schedule"]>, now: number): string {
  const next = schedule.next_run === null ? (schedule.active ? "never again" : "disabled") : `next ${sinceWhen(schedule.next_run, now)}`;
  const last = schedule.last_run === null ? "" : `, last ${relative(schedule.last_run, now)}`;
  return `${scheduleWords(schedule)}; ${next}${last}`;
}

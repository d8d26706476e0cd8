import { isTemplate } from "../../../base/names.ts";
import { byUrgency, ExportDraft, type Reasons } from "../draft.ts";
import { Texts } from "../text.ts";
import type { Exported, ExportedFile, ExportInput, ExportOptions, ExportProblem, ReportEntry } from "../types.ts";
import { exportProgram } from "./program.ts";

/** Exports units to supervisord: a file with a `[program:x]` section for each, and one with the groups. */
export function exportSupervisord(input: ExportInput, options: ExportOptions): Exported {
  const files: ExportedFile[] = [];
  const report: ReportEntry[] = [];
  const problems: ExportProblem[] = [];
  const drafts: ExportDraft[] = [];
  for (const loaded of input.units) {
    const { id } = loaded.spec;
    const draft = new ExportDraft(loaded);
    const fault = (...what: Parameters<ExportDraft["problem"]>): void => void problems.push(draft.problem(...what));
    if (isTemplate(id)) {
      fault("supervisord has no templates", `name an instance: ${id}NAME`);
      continue;
    }
    const program = exportProgram(draft, new Texts(loaded.spec, options), options);
    if (!program.ok) {
      fault(program.error);
      continue;
    }
    files.push({
      name: `${id}.conf`,
      text: `; ${draft.origin}\n${program.value.text}`,
      hasSecrets: program.value.hasSecrets,
    });
    drafts.push(draft);
  }
  const groups = groupsOf(drafts);
  if (groups !== "") files.push({ name: "groups.conf", text: groups, hasSecrets: false });
  for (const draft of drafts) report.push(...draft.finish(REASONS, "supervisord"));
  return { target: "supervisord", files, report: byUrgency(report), problems, steps: steps(drafts) };
}

/**
 * Returns the groups. A program belongs to at most one group. A program without a group forms its own, so no group may have
 * the name of such a program.
 */
function groupsOf(drafts: readonly ExportDraft[]): string {
  const members = new Map<string, string[]>();
  const names = new Set(drafts.map(({ spec }) => spec.id));
  for (const draft of drafts) {
    const { id, groups } = draft.spec;
    const [group] = groups;
    if (group === undefined) continue;
    if (names.has(group)) draft.dropped("groups", `the group ${group} has the name of a program`);
    else {
      members.set(group, [...(members.get(group) ?? []), id]);
      const others = groups.length > 1 ? `; a program has one group, so it is not in ${groups.slice(1).join(", ")}` : "";
      draft.approximated("groups", `[group:${group}]: supervisorctl calls the program ${group}:${id}${others}`);
    }
  }
  return [...members].map(([group, programs]) => `[group:${group}]\nprograms=${programs.join(",")}\n`).join("\n");
}

function steps(drafts: readonly ExportDraft[]): string[] {
  if (drafts.length === 0) return [];
  const scheduled = drafts.filter(({ spec }) => spec.schedule !== null).map(({ spec }) => spec.id);
  return [
    "copy the files to the directory that [include] of supervisord.conf names, such as /etc/supervisor/conf.d",
    `sup disable --now ${drafts.map(({ spec }) => spec.id).join(" ")}`,
    "supervisorctl update",
    ...(scheduled.length === 0 ? [] : [`let cron run \`supervisorctl start\` for ${scheduled.join(", ")}`]),
  ];
}

const NO_ORDER = "supervisord starts programs in the order of their priority, and waits for none";

const REASONS: Reasons = {
  tty: ["supervisord gives programs no terminal", "run the program with script(1) or in tmux"],
  name: ["supervisord has no display names", null],
  description: ["supervisord has no descriptions", null],
  critical: ["supervisord has no alerts", "an [eventlistener] can notify somebody"],
  notify: ["supervisord has no notifications", "an [eventlistener] can notify somebody"],
  labels: ["supervisord has no labels", null],
  type: ["for supervisord, a program runs once it has run for startsecs", null],
  remain_after_exit: ["supervisord shows a program that has ended as EXITED", null],
  environment_files: ["supervisord reads no environment files", "set the variables in environment=, or where supervisord is started"],
  group: ["supervisord uses the primary group of the user", null],
  nice: ["supervisord does not set it", "put `nice -n N` in front of the command"],
  oom_score_adj: ["supervisord does not set it", "put `choom -n N --` in front of the command"],
  limits: ["supervisord sets limits for all programs only", "set minfds and minprocs of [supervisord], or use prlimit(1) in the command"],
  conditions: ["supervisord does not skip a start", "check it in a script that ends with `exec COMMAND`"],
  ready_log: ["supervisord does not read the output of a program", null],
  fail_log: ["supervisord does not read the output of a program", "let the program end when it has failed"],
  on_fatal: ["supervisord continues with the other programs", "an [eventlistener] can shut it down when a program is FATAL"],
  rolling: ["supervisord restarts the processes of a group at once", "`supervisorctl restart NAME:NAME_1` restarts one of them"],
  "log.group": ["supervisord sets no group for log files", "set umask and group in the script that starts supervisord"],
  pre_start: ["supervisord runs nothing before a start", "run it in a script that ends with `exec COMMAND`"],
  pre_restart: ["supervisord runs nothing before a restart", "run the check by hand"],
  post_stop: ["supervisord runs nothing after a stop", "use an [eventlistener]"],
  start_timeout: ["supervisord does not wait until a program is ready", null],
  watchdog: ["supervisord does not understand sd_notify", null],
  health_check: ["supervisord has no health checks", "superlance's httpok is an [eventlistener] that restarts a program"],
  "restart_policy.backoff_multiplier": ["supervisord's delay grows by a second with each retry", null],
  "restart_policy.max_backoff": ["supervisord's delay grows by a second with each retry", null],
  "restart_policy.jitter": ["supervisord adds no random variation", null],
  "restart_policy.fatal_retry_after": ["supervisord does not start a FATAL program again", null],
  reload: ["supervisord does not know how to reload a program", "use `supervisorctl signal HUP NAME`"],
  dependencies: [NO_ORDER, 'set "priority", and let the program wait for what it needs'],
  log: ["supervisord rotates by size only, and does not compress", null],
  resource_limits: ["supervisord has no resource limits", "superlance's memmon restarts a program that uses too much memory"],
  sockets: ["supervisord passes no sockets to a [program:x]", "let the program open its own sockets"],
  schedule: ["supervisord has no schedules, so autostart is false", "let cron run `supervisorctl start NAME`"],
  watch: ["supervisord does not restart a program when files change", null],
};

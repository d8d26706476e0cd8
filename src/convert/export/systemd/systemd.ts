import { isTemplate } from "../../../base/names.ts";
import type { Loaded } from "../../../spec/load/loaded.ts";
import { byUrgency, ExportDraft, type Reasons } from "../draft.ts";
import { Texts } from "../text.ts";
import type { Exported, ExportedFile, ExportInput, ExportOptions, ExportProblem, ReportEntry } from "../types.ts";
import { companionLines, description, exportSockets, exportTarget, exportTimer, joined } from "./companions.ts";
import { section, type Line } from "./context.ts";
import { exportLinks } from "./links.ts";
import { exportService } from "./service.ts";

/** Exports units to systemd: a `.service` for each, and `.socket`, `.timer` and `.target` files where a unit needs them. */
export function exportSystemd(input: ExportInput, options: ExportOptions): Exported {
  const files: ExportedFile[] = [];
  const report: ReportEntry[] = [];
  const problems: ExportProblem[] = [];
  for (const loaded of input.units) {
    const draft = new ExportDraft(loaded);
    const made = filesOf(draft, input, options);
    if (typeof made === "string") problems.push(draft.problem(made));
    else {
      files.push(...made);
      report.push(...draft.finish(REASONS, "systemd"));
    }
  }
  return { target: "systemd", files, report: byUrgency(report), problems, steps: steps(input.units, files, options) };
}

function filesOf(draft: ExportDraft, input: ExportInput, options: ExportOptions): ExportedFile[] | string {
  const { spec } = draft;
  const texts = new Texts(spec, options);
  const made = exportService(draft, texts, options);
  if (typeof made === "string") return made;
  const isScheduled = spec.schedule !== null;
  const install: Line[] = [["WantedBy", options.isUser ? "default.target" : "multi-user.target"]];
  const unit: Line[] = [...description(draft), ...documentation(draft), ...exportLinks(draft, input), ...made.unit];
  const ties = companionLines(spec);
  unit.push(...ties.unit);
  const service = [...made.service, ...ties.service];
  const isPlain = spec.instances === null && !isScheduled && !isTemplate(spec.id);
  const text = joined([section("Unit", unit), section("Service", service), isPlain ? installOf(spec.enabled, install) : ""]);
  const timer = exportTimer(draft, spec.enabled || !draft.isSet("enabled"));
  draft.carried("enabled", isScheduled ? "the .timer file has the section [Install]" : "[Install]: `systemctl enable` starts it at boot");
  const base = spec.instances === null ? spec.id : `${spec.id}@`;
  const files: ExportedFile[] = [{ name: `${base}.service`, text: `# ${draft.origin}\n${text}`, hasSecrets: false }];
  if (made.secrets !== null) files.push({ name: `${spec.id}.env`, text: made.secrets, hasSecrets: options.withSecrets });
  if (spec.sockets.length > 0) files.push(...exportSockets(draft, spec.enabled));
  if (timer !== null) files.push(timer);
  return [...files, ...exportTarget(draft, install)];
}

/** Returns the `[Install]` section. `systemctl enable` needs it, so a unit that is not enabled contains it as a comment. */
const installOf = (isEnabled: boolean, install: readonly Line[]): string =>
  isEnabled
    ? section("Install", install)
    : `# The unit is not enabled. \`systemctl enable\` needs these lines:\n${section("Install", install).replaceAll(/^/gm, "#").replace(/#$/, "")}`;

/** Returns the documentation if it is a URL, because systemd accepts nothing else. */
function documentation(draft: ExportDraft): Line[] {
  const { documentation: text, ...others } = draft.spec.labels;
  const isValid = text !== undefined && /^((https?:\/\/|file:\/|info:|man:)[^\s%\\]+ ?)+$/.test(text);
  if (isValid) draft.carried("labels", "Documentation");
  if (Object.keys(others).length > 0 || !isValid) draft.dropped("labels", "systemd has no labels");
  return isValid ? [["Documentation", text]] : [];
}

function steps(units: readonly Loaded[], files: readonly ExportedFile[], { isUser, withSecrets }: ExportOptions): string[] {
  const systemctl = isUser ? "systemctl --user" : "systemctl";
  const env = files.filter(({ name }) => name.endsWith(".env")).map(({ name }) => name);
  const started = units.filter(({ spec }) => !isTemplate(spec.id));
  const names = started.map(
    ({ spec }) => `${spec.id}${spec.instances !== null ? ".target" : spec.schedule !== null ? ".timer" : ".service"}`,
  );
  return [
    `copy the files to ${isUser ? "~/.config/systemd/user" : "/etc/systemd/system"}`,
    ...(env.length === 0
      ? []
      : [`${withSecrets ? "" : "write the secrets to, and "}copy ${env.join(", ")} to ${isUser ? "~/.config" : "/etc"} with mode 0600`]),
    `${systemctl} daemon-reload`,
    ...(started.length === 0
      ? []
      : [`sup disable --now ${started.map(({ spec }) => spec.id).join(" ")}`, `${systemctl} enable --now ${names.join(" ")}`]),
  ];
}

const REASONS: Reasons = {
  tty: [
    "nobody can attach to the terminal of a systemd service",
    "set TTYPath= and StandardInput=tty to run it on a terminal of the machine",
  ],
  priority: ["systemd starts units in the order of their dependencies only", 'use "dependencies"'],
  critical: ["systemd has no alerts", "OnFailure= can start a unit that notifies somebody"],
  notify: ["systemd has no notifications", "OnFailure= can start a unit that notifies somebody"],
  groups: ["systemd has no groups", "a target can stand for several units"],
  ready_log: ["systemd does not read the output of a service", 'use "type": "notify" (sd_notify)'],
  fail_log: ["systemd does not read the output of a service", "let the program end when it has failed, or send no WATCHDOG=1"],
  rolling: ["systemd restarts the instances of a service at once", "restart them one by one: `systemctl restart NAME@1`"],
  "log.group": ["the journal has a group of its own", "add the readers to the group systemd-journal"],
  pre_restart: ["systemd checks nothing before a restart", "run the check by hand, or in ExecStartPre="],
  health_check: ["systemd has no health checks", 'let the service use "watchdog" (sd_notify), or keep the unit in sup'],
  "restart_policy.jitter": ["systemd adds no random variation", null],
  "restart_policy.fatal_retry_after": [
    "systemd does not start a unit again once it has given up",
    "set StartLimitIntervalSec=0 to retry for ever",
  ],
  log: ["the journal has limits of its own", "see journald.conf(5)"],
  watch: ["systemd does not restart a unit when files change", "a .path unit can start one that runs `systemctl restart`"],
};

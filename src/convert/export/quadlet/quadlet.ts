import { isTemplate } from "../../../base/names.ts";
import type { Loaded } from "../../../spec/load/loaded.ts";
import { byUrgency, ExportDraft, type Reasons } from "../draft.ts";
import { companionLines, description, exportSockets, exportTarget, exportTimer, joined } from "../systemd/companions.ts";
import { section, type Line } from "../systemd/context.ts";
import { exportLinks } from "../systemd/links.ts";
import { Texts } from "../text.ts";
import type { Exported, ExportedFile, ExportInput, ExportOptions, ExportProblem, ReportEntry } from "../types.ts";
import { exportContainer } from "./container.ts";
import { exportService } from "./service.ts";

/** Exports units to Podman's quadlets: a `.container` file for each, and `.socket`, `.timer` and `.target` files as for systemd. */
export function exportQuadlet(input: ExportInput, options: ExportOptions): Exported {
  const files: ExportedFile[] = [];
  const report: ReportEntry[] = [];
  const problems: ExportProblem[] = [];
  const secrets: string[] = [];
  for (const loaded of input.units) {
    const draft = new ExportDraft(loaded);
    const fault = (...what: Parameters<ExportDraft["problem"]>): void => void problems.push(draft.problem(...what));
    if (options.image === null) {
      fault("Podman runs images, and there is none", "--image names the image of the program");
      continue;
    }
    const made = filesOf(draft, input, options, options.image);
    if (typeof made === "string") {
      fault(made);
      continue;
    }
    files.push(...made.files);
    secrets.push(...made.missing);
    report.push(...draft.finish(REASONS, "Podman"));
  }
  return { target: "quadlet", files, report: byUrgency(report), problems, steps: steps(input.units, files, secrets, options) };
}

interface Made {
  readonly files: readonly ExportedFile[];
  /** The names of the secrets that Podman must have. */
  readonly missing: readonly string[];
}

function filesOf(draft: ExportDraft, input: ExportInput, options: ExportOptions, image: string): Made | string {
  const { spec } = draft;
  const texts = new Texts(spec, options, { hasOwnPorts: false });
  const container = exportContainer({ draft, texts, image }, options);
  if (!container.ok) return container.error;
  const service = exportService(draft, texts);
  const isScheduled = spec.schedule !== null;
  const install: Line[] = [["WantedBy", options.isUser ? "default.target" : "multi-user.target"]];
  const unit: Line[] = [...description(draft), ...exportLinks(draft, input), ...service.unit];
  const ties = companionLines(spec);
  unit.push(...ties.unit);
  const isPlain = spec.instances === null && !isScheduled && !isTemplate(spec.id);
  const text = joined([
    section("Unit", unit),
    section("Container", container.value.lines),
    section("Service", [...service.lines, ...ties.service]),
    isPlain && spec.enabled ? section("Install", install) : "",
  ]);
  const timer = exportTimer(draft, spec.enabled || !draft.isSet("enabled"));
  draft.carried("enabled", isScheduled ? "the .timer file has the section [Install]" : "[Install]: Podman's generator enables the service");
  const base = spec.instances === null ? spec.id : `${spec.id}@`;
  const { hasSecrets, missing } = container.value;
  const files: ExportedFile[] = [
    { name: `${base}.container`, text: `# ${draft.origin}\n${text}`, hasSecrets },
    ...(spec.sockets.length > 0 ? exportSockets(draft, spec.enabled) : []),
    ...(timer === null ? [] : [timer]),
    // The ports of the instances are those in the containers, so there are no drop-ins with ports.
    ...exportTarget(draft, install).filter(({ name }) => name.endsWith(".target")),
  ];
  return { files, missing };
}

function steps(
  units: readonly Loaded[],
  files: readonly ExportedFile[],
  secrets: readonly string[],
  { isUser, image }: ExportOptions,
): string[] {
  if (files.length === 0) return [];
  const systemctl = isUser ? "systemctl --user" : "systemctl";
  const others = files.filter(({ name }) => !name.endsWith(".container")).map(({ name }) => name);
  const started = units.filter(({ spec }) => !isTemplate(spec.id)).map(({ spec }) => spec);
  return [
    `push the image ${image}`,
    ...secrets.map((name) => `podman secret create ${name} FILE`),
    `copy the .container files to ${isUser ? "~/.config/containers/systemd" : "/etc/containers/systemd"}`,
    ...(others.length === 0 ? [] : [`copy ${others.join(", ")} to ${isUser ? "~/.config/systemd/user" : "/etc/systemd/system"}`]),
    `${systemctl} daemon-reload`,
    ...(started.length === 0 ? [] : [`sup disable --now ${started.map(({ id }) => id).join(" ")}`]),
    ...started.map(({ id, instances, schedule }) => {
      // A generated service cannot be enabled. Its [Install] section does that.
      if (instances !== null) return `${systemctl} enable --now ${id}.target`;
      return schedule === null ? `${systemctl} start ${id}.service` : `${systemctl} enable --now ${id}.timer`;
    }),
  ];
}

const IN_CONTAINER = "ExecStartPre= would run on the machine and not in the container";

const REASONS: Reasons = {
  tty: ["a quadlet has no key for a terminal", "add PodmanArgs=--tty"],
  priority: ["systemd starts units in the order of their dependencies only", 'use "dependencies"'],
  critical: ["systemd has no alerts", "OnFailure= can start a unit that notifies somebody"],
  notify: ["systemd has no notifications", "OnFailure= can start a unit that notifies somebody"],
  groups: ["systemd has no groups", "a target can stand for several units"],
  pre_start: [IN_CONTAINER, "run it in a script that ends with `exec COMMAND`"],
  pre_restart: ["systemd checks nothing before a restart", "run the check by hand"],
  post_stop: ["ExecStopPost= would run on the machine and not in the container", "run it in a script of the image"],
  ready_log: ["Podman does not read the output of a container", 'use "health_check", which becomes HealthCmd='],
  fail_log: ["Podman does not read the output of a container", "let the program end when it has failed"],
  watchdog: ["Podman passes READY=1 to systemd, but no WATCHDOG=1", 'use "health_check", which becomes HealthCmd='],
  rolling: ["systemd restarts the instances of a service at once", "restart them one by one: `systemctl restart NAME@1`"],
  "restart_policy.jitter": ["systemd adds no random variation", null],
  "restart_policy.fatal_retry_after": [
    "systemd does not start a unit again once it has given up",
    "set StartLimitIntervalSec=0 to retry for ever",
  ],
  "log.group": ["the journal has a group of its own", "add the readers to the group systemd-journal"],
  log: ["the journal has limits of its own", "see journald.conf(5)"],
  watch: ["systemd does not restart a unit when files change", "a .path unit can start one that runs `systemctl restart`"],
};

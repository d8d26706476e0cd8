import { isTemplate } from "../../../base/names.ts";
import { byUrgency, ExportDraft, type Reasons } from "../draft.ts";
import { objectName } from "../kubernetes/names.ts";
import { Texts } from "../text.ts";
import type { Exported, ExportedFile, ExportInput, ExportOptions, ExportProblem, ReportEntry } from "../types.ts";
import { hasDynamicPort } from "./environment.ts";
import { printHcl } from "./hcl.ts";
import { exportJob } from "./job.ts";

/** Exports each unit to a job of Nomad: as a job file, and as JSON for the API. Without an image, `raw_exec` runs the program. */
export function exportNomad(input: ExportInput, options: ExportOptions): Exported {
  const files: ExportedFile[] = [];
  const report: ReportEntry[] = [];
  const problems: ExportProblem[] = [];
  const steps: string[] = [];
  const used = new Map<string, string>();
  for (const loaded of input.units) {
    const { id } = loaded.spec;
    const name = objectName(id);
    const draft = new ExportDraft(loaded);
    const fault = (...what: Parameters<ExportDraft["problem"]>): void => void problems.push(draft.problem(...what));
    if (isTemplate(id)) fault("Nomad has no templates", `name an instance: ${id}NAME`);
    else if (used.has(name))
      fault(`its name in Nomad, ${name}, is also that of ${used.get(name)}`, "export it by itself, and rename its job");
    else {
      used.set(name, id);
      const texts = new Texts(loaded.spec, options, { hasOwnPorts: options.image === null && hasDynamicPort(loaded.spec) });
      const made = exportJob({ draft, texts, name, image: options.image }, options);
      if (!made.ok) {
        fault(made.error);
        continue;
      }
      const { job, hasSecrets, missing } = made.value;
      files.push(
        { name: `${name}.nomad.hcl`, text: `# ${draft.origin}\n${printHcl(job)}`, hasSecrets },
        { name: `${name}.nomad.json`, text: `${JSON.stringify({ Job: job }, null, 2)}\n`, hasSecrets, isAlternative: true },
      );
      report.push(...draft.finish(options.image === null ? { ...REASONS, ...RAW_EXEC } : REASONS, "Nomad"));
      if (missing.length > 0) steps.push(`nomad var put nomad/jobs/${name} ${missing.map((key) => `${key}=…`).join(" ")}`);
      steps.push(`nomad job run ${name}.nomad.hcl`);
    }
  }
  const first = options.image === null ? "enable the plugin raw_exec on the clients of Nomad" : `push the image ${options.image}`;
  return { target: "nomad", files, report: byUrgency(report), problems, steps: files.length > 0 ? [first, ...steps] : [] };
}

const REASONS: Reasons = {
  tty: ["a job has no key for a terminal", "the driver docker has `tty` and `interactive`"],
  groups: ["Nomad has no groups", "a namespace can hold several jobs"],
  priority: ["Nomad starts all jobs at once", "the priority of a job (1 to 100) decides which one goes first when resources are short"],
  critical: ["Nomad has no alerts", "raise the priority of the job"],
  notify: ["Nomad has no notifications", "use the alerts of your monitoring"],
  remain_after_exit: ["a batch job that has succeeded stays dead", null],
  environment_files: ["a job reads no files of the machine", "write a template with `env = true`"],
  umask: ["Nomad does not set it", "call umask in a script that starts the program"],
  nice: ["Nomad does not set it", "put `nice -n N` in front of the command"],
  oom_score_adj: ["Nomad derives it from the resources", null],
  conditions: [
    "Nomad does not skip a start",
    "let the program end with exit code 0 if the condition is not met, or choose machines with a constraint",
  ],
  pre_restart: ["Nomad runs nothing before a restart", "run the check before `nomad job run`"],
  ready_log: ["Nomad does not read the output of a task", 'use "health_check"'],
  fail_log: ["Nomad does not read the output of a task", "let the program end when it has failed"],
  on_fatal: ["Nomad shuts nothing down when a job has failed", "alert on failed allocations"],
  watchdog: ["Nomad does not understand sd_notify", 'use "health_check"'],
  reload: ["Nomad does not reload a task", "`nomad alloc signal -s SIGHUP ALLOCATION`"],
  dependencies: ["Nomad starts all jobs at once", "let the program wait for what it needs, or write a prestart task that waits"],
  "log.group": ["the logs belong to the client of Nomad", "read them with `nomad alloc logs`"],
  log: ["Nomad rotates by size only, and does not compress", null],
  watch: ["Nomad does not restart a task when files change", null],
};

const RAW_EXEC: Reasons = {
  limits: ["raw_exec sets no limits", "put `prlimit` in front of the command"],
};

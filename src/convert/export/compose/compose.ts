import { isTemplate } from "../../../base/names.ts";
import { byUrgency, ExportDraft, type Reasons } from "../draft.ts";
import { Texts } from "../text.ts";
import type { Exported, ExportInput, ExportOptions, ExportProblem, ReportEntry } from "../types.ts";
import { printYaml } from "../yaml.ts";
import { exportDependencies } from "./depends-on.ts";
import { serviceName } from "./literal.ts";
import { exportService, type ComposeService } from "./service.ts";

/** Exports units to one compose file, so that they can depend on each other. */
export function exportCompose(input: ExportInput, options: ExportOptions): Exported {
  const report: ReportEntry[] = [];
  const problems: ExportProblem[] = [];
  const made: Array<{ readonly draft: ExportDraft; readonly service: ComposeService }> = [];
  const used = new Map<string, string>();
  for (const loaded of input.units) {
    const { id } = loaded.spec;
    const draft = new ExportDraft(loaded);
    const fault = (...what: Parameters<ExportDraft["problem"]>): void => void problems.push(draft.problem(...what));
    const name = serviceName(id);
    if (isTemplate(id)) fault("compose has no templates", `name an instance: ${id}NAME`);
    else if (options.image === null) fault("compose runs images, and there is none", "--image names the image of the program");
    else if (used.has(name)) fault(`its name in compose, ${name}, is also that of ${used.get(name)}`, "rename one of the units");
    else {
      const service = exportService(draft, new Texts(loaded.spec, options, { hasOwnPorts: false }), options.image, options);
      if (typeof service === "string") fault(service);
      else {
        used.set(name, id);
        made.push({ draft, service });
      }
    }
  }
  const specs = new Map(made.map(({ draft }) => [draft.spec.id, draft.spec]));
  const services: Record<string, unknown> = {};
  for (const { draft, service } of made) {
    services[serviceName(draft.spec.id)] = { ...service.settings, ...exportDependencies(draft, specs) };
    report.push(...draft.finish(REASONS, "compose"));
  }
  const files = made.length === 0 ? [] : [
    {
      name: "compose.yaml",
      text: `# Exported by sup from ${made.map(({ draft }) => draft.fileName).join(", ")}\n${printYaml({ services })}`,
      hasSecrets: made.some(({ service }) => service.hasSecrets),
    },
  ]; // prettier-ignore
  return { target: "compose", files, report: byUrgency(report), problems, steps: steps(made) };
}

function steps(made: ReadonlyArray<{ readonly draft: ExportDraft; readonly service: ComposeService }>): string[] {
  if (made.length === 0) return [];
  const missing = [...new Set(made.flatMap(({ service }) => service.missing))];
  const scheduled = made.filter(({ draft }) => draft.spec.schedule !== null).map(({ draft }) => serviceName(draft.spec.id));
  return [
    ...(missing.length === 0 ? [] : [`write ${missing.map((name) => `${name}=…`).join(", ")} to .env beside compose.yaml, with mode 0600`]),
    `sup disable --now ${made.map(({ draft }) => draft.spec.id).join(" ")}`,
    "docker compose up -d",
    ...scheduled.map((name) => `let cron run \`docker compose run --rm ${name}\``),
  ];
}

const REASONS: Reasons = {
  name: ["compose has no display names", null],
  priority: ["compose starts services in the order of their dependencies only", null],
  critical: ["compose has no alerts", null],
  notify: ["compose has no notifications", null],
  groups: ["compose has no groups", "profiles decide which services `docker compose up` starts"],
  type: ["compose does not wait for READY=1", 'use "health_check"'],
  remain_after_exit: ["a container that has ended stays as it is", null],
  umask: ["compose does not set it", "call umask in a script that starts the program"],
  nice: ["compose does not set it", null],
  conditions: ["compose does not skip a start", "let the program end with exit code 0 if the condition is not met"],
  ready_log: ["Docker does not read the output of a container", 'use "health_check", which becomes a healthcheck'],
  fail_log: ["Docker does not read the output of a container", "let the program end when it has failed"],
  on_fatal: ["compose stops no other services", "`docker compose up --abort-on-container-exit` stops all when one ends"],
  rolling: ["`docker compose up` replaces all containers of a service at once", "see deploy.update_config of Docker Swarm"],
  "log.group": ["the logs belong to Docker", "use a logging driver that sends them elsewhere"],
  pre_start: ["compose runs nothing before a start", "run it in a script that ends with `exec COMMAND`, or in a service of its own"],
  pre_restart: ["compose runs nothing before a restart", "run the check by hand"],
  post_stop: ["compose runs nothing after a container has ended", "pre_stop runs before the stop"],
  start_timeout: ["compose does not give up on a start", null],
  watchdog: ["compose does not understand sd_notify", 'use "health_check"'],
  reload: ["compose does not reload a program", "`docker compose kill -s HUP NAME`"],
  restart_policy: ["Docker retries after 100 ms and then twice as long each time, up to a minute", null],
  success_exit_codes: ["for Docker, only 0 is a success", null],
  no_restart_exit_codes: ["Docker restarts after every exit code but 0", null],
  log: ["Docker writes its own format", null],
  watch: ["compose restarts nothing when files change", "see `docker compose watch`"],
};

import { err, ok, type Result } from "../../../base/result.ts";
import type { ExportOptions } from "../types.ts";
import { everyAsCron } from "../kubernetes/workload.ts";
import type { NomadExport, Part } from "./context.ts";
import { exportRestarts, exportScaling, exportUpdate } from "./group.ts";
import { exportNetwork } from "./network.ts";
import { exportTasks } from "./task.ts";

export interface Job {
  /** The job as Nomad's API has it. */
  readonly job: Part;
  readonly hasSecrets: boolean;
  /** The names of secrets whose values are not written. */
  readonly missing: readonly string[];
}

/** Returns the job, or the reason why the unit cannot be exported. */
export function exportJob(given: NomadExport, options: ExportOptions): Result<Job, string> {
  const { draft, texts, name } = given;
  const { spec } = draft;
  const isBatch = spec.type === "oneshot";
  const tasks = exportTasks(given, options);
  if (!tasks.ok) return tasks;
  const periodic = periodicOf(given);
  if (!periodic.ok) return periodic;
  const { networks, services } = exportNetwork(given);
  const group = {
    Name: name,
    ...exportScaling(given),
    ...exportRestarts(given),
    ...(!isBatch && exportUpdate(given, { hasFixedPorts: networks.some((each) => "ReservedPorts" in each), hasCheck: hasCheck(services) })),
    ...(networks.length > 0 && { Networks: networks }),
    ...(services.length > 0 && { Services: services }),
    Tasks: tasks.value.tasks,
  };
  if (isBatch) draft.dropped("start_timeout", "Nomad does not limit how long a batch job runs", "run `timeout` in the command");
  if (spec.type === "notify")
    draft.approximated("type", "a service job, which does not wait for READY=1", 'add a "health_check" of the type http or tcp');
  else draft.carried("type", isBatch ? "a batch job" : "a service job");
  if (spec.schedule === null && !spec.enabled) draft.approximated("enabled", "`nomad job run` starts the job");
  else draft.carried("enabled", spec.schedule === null ? "`nomad job run` starts the job" : "periodic.enabled");
  if (texts.assumed.size > 0)
    draft.approximated("environment_files", `values of ${[...texts.assumed].join(", ")} are not known now, so the defaults are written`);
  const meta = metaOf(given);
  const job = {
    ID: name,
    Name: spec.name,
    Type: isBatch ? "batch" : "service",
    Datacenters: ["*"],
    ...(Object.keys(meta).length > 0 && { Meta: meta }),
    ...(periodic.value !== null && { Periodic: periodic.value }),
    TaskGroups: [group],
  };
  return ok({ job, hasSecrets: tasks.value.hasSecrets, missing: tasks.value.missing });
}

const hasCheck = (services: readonly Part[]): boolean => services.some((each) => "Checks" in each);

function metaOf({ draft, name }: NomadExport): Record<string, string> {
  const { labels, description, id } = draft.spec;
  draft.carried("labels", "meta");
  draft.carried("description", "meta");
  if (name !== id) draft.approximated("name", `the job is named ${name}, because not every part of Nomad accepts ${id}`, null, true);
  else draft.carried("name", "the name of the job");
  return { ...(description !== "" && { description }), ...labels };
}

function periodicOf({ draft }: NomadExport): Result<Part | null, string> {
  const { schedule, enabled } = draft.spec;
  if (schedule === null) return ok(null);
  const cron = schedule.cron ?? everyAsCron(schedule.everyMs! / 1000);
  if (cron === null) return err(`no cron expression means every ${schedule.everyMs! / 1000} s, and Nomad has nothing else`);
  if (schedule.cron === null)
    draft.approximated("schedule.every", "periodic.crons: the times are those of the clock, and do not count from the start");
  for (const key of ["cron", "timezone"]) draft.carried(`schedule.${key}`, "periodic");
  if (schedule.catchUp) draft.carried("schedule.catch_up", "Nomad runs a job that it has missed");
  else draft.approximated("schedule.catch_up", "Nomad runs a job that it has missed");
  if (schedule.overlap === "skip") draft.carried("schedule.overlap", "periodic.prohibit_overlap");
  else draft.approximated("schedule.overlap", "periodic.prohibit_overlap: Nomad skips a run while the previous one is still active");
  return ok({
    Enabled: enabled || !draft.isSet("enabled"),
    SpecType: "cron",
    Specs: [cron],
    ProhibitOverlap: true,
    ...(schedule.timezone !== null && { TimeZone: schedule.timezone }),
  });
}

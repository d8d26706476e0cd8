import type { Amount } from "../../../spec/spec.ts";
import type { ExportDraft } from "../draft.ts";
import type { Manifest } from "./context.ts";
import type { Pod } from "./pod.ts";
import { exportScaling } from "./scaling.ts";

/** Returns the object that runs the pods (a Deployment, StatefulSet, Job or CronJob), or a string that says why there is none. */
export function exportWorkload(draft: ExportDraft, name: string, metadata: Manifest, pod: Pod): Manifest[] | string {
  const { spec } = draft;
  if (spec.type === "oneshot") return oneshot(draft, metadata, pod);
  const labels = { "app.kubernetes.io/name": name };
  const replicas = spec.instances ?? 1;
  const kind = pod.hasNumbers ? "StatefulSet" : "Deployment";
  if (spec.type === "notify")
    draft.approximated("type", `a ${kind}, which does not wait for READY=1`, 'add a "health_check", which becomes a readinessProbe');
  else draft.carried("type", `a ${kind}`);
  const scaler = exportScaling(draft, name, metadata, kind);
  if (scaler === null) draft.carried("instances", "replicas");
  restarts(draft);
  const template = { metadata: { labels }, spec: pod.hasNumbers ? withNumber(pod.spec) : pod.spec };
  // With `replicas`, each `kubectl apply` would undo the decisions of the autoscaler.
  const common = { ...(scaler === null && { replicas }), selector: { matchLabels: labels }, template };
  const own = pod.hasNumbers ? statefulSet(draft, name) : rolloutOf(draft);
  const workload: Manifest = { apiVersion: "apps/v1", kind, metadata, spec: { ...common, ...own } };
  const scaled = scaler === null ? [workload] : [workload, scaler];
  if ((spec.scaling?.max ?? replicas) < 2) return scaled;
  const budget = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata,
    spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
  };
  return [...scaled, budget];
}

/** Returns what only a StatefulSet has. It replaces its pods one by one, from the highest number to the lowest. */
function statefulSet(draft: ExportDraft, name: string): Manifest {
  const { rolling } = draft.spec;
  draft.carried("rolling.min_healthy_time", "minReadySeconds");
  for (const key of ["max_surge", "max_unavailable", "progress_deadline", "order", "canary", "auto_revert", "drain"])
    draft.dropped(`rolling.${key}`, "a StatefulSet replaces one pod at a time, and stops each pod before it starts the new one");
  const minReadySeconds = rolling === null ? 0 : Math.ceil(rolling.minHealthyMs / 1000);
  return { serviceName: name, ordinals: { start: 1 }, ...(minReadySeconds > 0 && { minReadySeconds }) };
}

/** Returns how the Deployment replaces its pods. By default, a new pod becomes ready before an old pod stops, as in sup. */
function rolloutOf(draft: ExportDraft): Manifest {
  const { rolling } = draft.spec;
  const amountOf = ({ count, percent }: Amount): number | string => (percent === null ? count : `${percent}%`);
  const rollingUpdate = {
    maxSurge: rolling === null ? 1 : amountOf(rolling.maxSurge),
    maxUnavailable: rolling === null ? 0 : amountOf(rolling.maxUnavailable),
  };
  const strategy = { type: "RollingUpdate", rollingUpdate };
  if (rolling === null) return { strategy };
  draft.carried("rolling.max_surge", "maxSurge");
  draft.carried("rolling.max_unavailable", "maxUnavailable");
  draft.carried("rolling.min_healthy_time", "minReadySeconds");
  draft.carried("rolling.progress_deadline", "progressDeadlineSeconds");
  draft.dropped("rolling.order", "Kubernetes replaces pods in no particular order");
  draft.dropped("rolling.canary", "a Deployment does not pause by itself", "`kubectl rollout pause` and `kubectl rollout resume`");
  if (rolling.autoRevert)
    draft.dropped("rolling.auto_revert", "a failed rollout stops, but stays where it is", "`kubectl rollout undo` returns to the last one");
  else draft.carried("rolling.auto_revert", "a failed rollout stays where it is");
  draft.dropped(
    "rolling.drain",
    "Kubernetes sends SIGTERM once the Service sends no new requests to the pod",
    "let the program finish its requests after SIGTERM, or write a preStop hook",
  );
  const minReadySeconds = Math.ceil(rolling.minHealthyMs / 1000);
  // Both times are rounded up to whole seconds. Kubernetes requires that the deadline is later than `minReadySeconds`.
  const progressDeadlineSeconds = Math.max(Math.ceil(rolling.progressDeadlineMs / 1000), minReadySeconds + 1);
  return { minReadySeconds, progressDeadlineSeconds, strategy };
}

/** Gives each pod its number, as `SUP_INSTANCE`. Kubernetes 1.31 numbers pods from 1 on request. */
function withNumber(pod: Manifest): Manifest {
  const variable = { name: "SUP_INSTANCE", valueFrom: { fieldRef: { fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']" } } };
  const add = (list: unknown): unknown =>
    (list as Manifest[] | undefined)?.map((container) => ({ ...container, env: [variable, ...((container.env ?? []) as unknown[])] }));
  const init = add(pod.initContainers);
  return { ...pod, ...(init !== undefined && { initContainers: init }), containers: add(pod.containers) };
}

function restarts(draft: ExportDraft): void {
  const { autoRestart, restartOnExit } = draft.spec.restart;
  if (autoRestart) draft.carried("auto_restart", "Kubernetes always restarts the container of such a pod");
  else draft.dropped("auto_restart", "Kubernetes always restarts the container of such a pod", null, true);
  if (restartOnExit) draft.carried("restart_on_exit", "Kubernetes always restarts the container of such a pod");
  else
    draft.approximated(
      "restart_on_exit",
      "Kubernetes restarts the container after a clean exit, too",
      'use "type": "oneshot" for a program that ends',
      true,
    );
  for (const key of ["success_exit_codes", "no_restart_exit_codes"])
    draft.dropped(key, "Kubernetes restarts the container after every exit");
  draft.dropped("restart_policy", "Kubernetes retries for ever, after 10 s and then twice as long each time, up to 5 minutes");
}

function oneshot(draft: ExportDraft, metadata: Manifest, pod: Pod): Manifest[] | string {
  const { schedule, restart, startTimeoutMs } = draft.spec;
  if (pod.hasNumbers) return "the jobs of Kubernetes have no numbers, which the unit uses";
  const retries = restart.autoRestart ? restart.maxRetries : 0;
  const spec = {
    backoffLimit: retries < 0 ? 2_147_483_647 : retries,
    ...(startTimeoutMs !== null && { activeDeadlineSeconds: Math.max(1, Math.ceil(startTimeoutMs / 1000)) }),
    template: { spec: { restartPolicy: "Never", ...pod.spec } },
  };
  draft.carried("type", schedule === null ? "a Job" : "a CronJob");
  draft.carried("auto_restart", "backoffLimit");
  draft.carried("restart_policy.max_retries", "backoffLimit");
  draft.carried("start_timeout", "activeDeadlineSeconds");
  draft.dropped("restart_policy", "Kubernetes retries after 10 s and then twice as long each time, up to 6 minutes");
  draft.dropped("success_exit_codes", "a Job succeeds with exit code 0 only");
  draft.dropped("no_restart_exit_codes", "podFailurePolicy of the Job can list exit codes", "write podFailurePolicy by hand");
  if (draft.spec.instances !== null) draft.approximated("instances", "parallelism and completions");
  const count = draft.spec.instances === null ? {} : { parallelism: draft.spec.instances, completions: draft.spec.instances };
  if (schedule === null) return [{ apiVersion: "batch/v1", kind: "Job", metadata, spec: { ...count, ...spec } }];
  const cron = schedule.cron ?? everyAsCron(schedule.everyMs! / 1000);
  if (cron === null) return `no cron expression means every ${schedule.everyMs! / 1000} s, and Kubernetes has nothing else`;
  if (schedule.cron === null)
    draft.approximated("schedule.every", "schedule: the times are those of the clock, and do not count from the start");
  for (const key of ["cron", "timezone"]) draft.carried(`schedule.${key}`, "schedule, timeZone");
  if (schedule.overlap === "queue") draft.approximated("schedule.overlap", "concurrencyPolicy: Forbid skips the run");
  else draft.carried("schedule.overlap", "concurrencyPolicy");
  draft.carried("schedule.catch_up", "startingDeadlineSeconds");
  return [
    {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata,
      spec: {
        schedule: cron,
        ...(schedule.timezone !== null && { timeZone: schedule.timezone }),
        concurrencyPolicy: schedule.overlap === "kill" ? "Replace" : "Forbid",
        // Without a deadline, Kubernetes catches up on a run that it has missed.
        ...(!schedule.catchUp && { startingDeadlineSeconds: 60 }),
        ...(draft.isSet("enabled") && !draft.spec.enabled && { suspend: true }),
        jobTemplate: { spec: { ...count, ...spec } },
      },
    },
  ];
}

/** Returns the cron expression for an interval that divides an hour or a day, otherwise null. */
export function everyAsCron(everySeconds: number): string | null {
  const minutes = everySeconds / 60;
  if (!Number.isInteger(minutes)) return null;
  if (minutes < 60) return 60 % minutes === 0 ? `*/${minutes} * * * *` : null;
  const hours = minutes / 60;
  if (!Number.isInteger(hours) || 24 % hours !== 0) return null;
  return hours === 24 ? "0 0 * * *" : `0 */${hours} * * *`;
}

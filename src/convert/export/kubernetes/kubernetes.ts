import { isTemplate } from "../../../base/names.ts";
import { byUrgency, ExportDraft, type Reasons } from "../draft.ts";
import { Texts } from "../text.ts";
import type { Exported, ExportedFile, ExportInput, ExportOptions, ExportProblem, ReportEntry } from "../types.ts";
import { printYaml } from "../yaml.ts";
import type { Manifest } from "./context.ts";
import { isAnnotation, objectName } from "./names.ts";
import { exportPod } from "./pod.ts";
import { exportWorkload } from "./workload.ts";

/** Exports units to Kubernetes: a file with manifests for each. */
export function exportKubernetes(input: ExportInput, options: ExportOptions): Exported {
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
    if (isTemplate(id)) fault("Kubernetes has no templates", `name an instance: ${id}NAME`);
    else if (options.image === null) fault("Kubernetes runs images, and there is none", "--image names the image of the program");
    else if (used.has(name))
      fault(`its name in Kubernetes, ${name}, is also that of ${used.get(name)}`, "export it by itself, and rename its objects");
    else {
      used.set(name, id);
      const made = manifestsOf(draft, name, options.image, options);
      if (typeof made === "string") {
        fault(made);
        continue;
      }
      const documents = made.manifests.map((manifest) => `---\n${printYaml(manifest)}`);
      files.push({
        name: `${name}.yaml`,
        text: `# ${draft.origin}\n${documents.join("")}`,
        hasSecrets: made.hasSecrets,
      });
      report.push(...draft.finish(REASONS, "Kubernetes"));
      if (made.missing.length > 0)
        steps.push(`kubectl create secret generic ${name} ${made.missing.map((key) => `--from-literal=${key}=…`).join(" ")}`);
      steps.push(`kubectl apply -f ${name}.yaml`);
    }
  }
  return {
    target: "kubernetes",
    files,
    report: byUrgency(report),
    problems,
    steps: files.length > 0 ? [`push the image ${options.image}`, ...steps] : [],
  };
}

interface Made {
  readonly manifests: readonly Manifest[];
  readonly hasSecrets: boolean;
  /** The names of secrets whose values are not written. */
  readonly missing: readonly string[];
}

function manifestsOf(draft: ExportDraft, name: string, image: string, options: ExportOptions): Made | string {
  const { spec } = draft;
  const texts = new Texts(spec, options, { hasOwnPorts: false });
  const pod = exportPod({ draft, texts, name, image });
  if (!pod.ok) return pod.error;
  const { config, secrets, ports } = pod.value;
  const metadata = metadataOf(draft, name);
  for (const [kind, data] of [
    ["ConfigMap", config],
    ["Secret", secrets],
  ] as const)
    if (sizeOf(data) > MAX_DATA_BYTES) return `its environment is larger than the 1 MiB that a ${kind} can hold`;
  const workload = exportWorkload(draft, name, metadata, pod.value);
  if (typeof workload === "string") return workload;
  if (draft.spec.type !== "oneshot" && !spec.enabled) draft.approximated("enabled", "`kubectl apply` starts the pods");
  else draft.carried("enabled", "`kubectl apply` starts the pods");
  const names = Object.keys(secrets);
  const isWritten = names.length > 0 && options.withSecrets;
  const isStateful = pod.value.hasNumbers;
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: {
      ...(isStateful && { clusterIP: "None" }),
      selector: { "app.kubernetes.io/name": name },
      ...(ports.length > 0 && { ports: ports.map((port) => ({ name: `port-${port}`, port, targetPort: port })) }),
    },
  };
  const manifests: Manifest[] = [
    ...(Object.keys(config).length > 0 ? [{ apiVersion: "v1", kind: "ConfigMap", metadata, data: config }] : []),
    ...(isWritten ? [{ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", stringData: secrets }] : []),
    // A StatefulSet needs a Service, even without ports.
    ...((ports.length > 0 || isStateful) && spec.type !== "oneshot" ? [service] : []),
    ...workload,
  ];
  return { manifests, hasSecrets: isWritten, missing: isWritten ? [] : names };
}

/** Kubernetes refuses a larger ConfigMap or Secret. */
const MAX_DATA_BYTES = 1024 * 1024;

const sizeOf = (data: Readonly<Record<string, string>>): number =>
  Object.entries(data).reduce((sum, [key, value]) => sum + new TextEncoder().encode(key + value).length, 0);

function metadataOf(draft: ExportDraft, name: string): Manifest {
  const { id, description, labels, groups } = draft.spec;
  const annotations = Object.entries(labels).filter(([key]) => isAnnotation(key));
  if (annotations.length < Object.keys(labels).length) draft.dropped("labels", "Kubernetes does not accept the names of some labels");
  else draft.carried("labels", "annotations");
  draft.carried("description", "an annotation");
  const [group] = groups;
  const partOf = group !== undefined && /^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/.test(group) && group.length <= 63 ? group : null;
  if (partOf === null || groups.length > 1) draft.dropped("groups", "the label app.kubernetes.io/part-of has one name");
  else draft.carried("groups", "the label app.kubernetes.io/part-of");
  if (name !== id) draft.approximated("name", `the objects are named ${name}, because Kubernetes does not accept ${id}`, null, true);
  else draft.dropped("name", "Kubernetes has no display names");
  const all = Object.fromEntries([...(description === "" ? [] : [["description", description]]), ...annotations]) as Record<string, string>;
  return {
    name,
    labels: { "app.kubernetes.io/name": name, ...(partOf !== null && { "app.kubernetes.io/part-of": partOf }) },
    ...(Object.keys(all).length > 0 && { annotations: all }),
  };
}

const IN_IMAGE = "a container has the settings of its node";

const REASONS: Reasons = {
  priority: ["Kubernetes starts all pods at once", "a PriorityClass decides which pods go first when resources are short"],
  critical: ["Kubernetes has no alerts", "a PriorityClass decides which pods go first when resources are short"],
  notify: ["Kubernetes has no notifications", "use the alerts of your monitoring"],
  remain_after_exit: ["a Job that has succeeded stays as it is", null],
  environment_files: [
    "Kubernetes reads no files of the machine",
    "`kubectl create configmap NAME --from-env-file=FILE`, and add it to envFrom",
  ],
  umask: [IN_IMAGE, "call umask in a script that starts the program"],
  nice: [IN_IMAGE, null],
  oom_score_adj: ["Kubernetes derives it from requests and limits", null],
  limits: [IN_IMAGE, "set the limits in the container runtime"],
  conditions: [
    "Kubernetes does not skip a start",
    "let the program end with exit code 0 if the condition is not met, or choose nodes with nodeSelector",
  ],
  ready_log: ["Kubernetes does not read the output of a container", 'use "health_check", which becomes a readinessProbe'],
  fail_log: [
    "Kubernetes does not read the output of a container",
    "let the program end when it has failed, or check it in a livenessProbe",
  ],
  on_fatal: ["Kubernetes never gives up on such a pod, so nothing is shut down", "alert on restarts of the container"],
  "log.group": ["the logs of containers belong to the node", "let a log agent of the cluster read them"],
  pre_restart: ["Kubernetes checks nothing before a restart", "check the configuration before you apply it"],
  post_stop: ["Kubernetes runs nothing after a container has ended", "preStop of the container runs before the stop"],
  start_timeout: ["Kubernetes waits for a pod until its startupProbe fails", 'add a "health_check"'],
  watchdog: ["Kubernetes does not understand sd_notify", 'use "health_check"'],
  reload: ["Kubernetes does not reload a program", "a change of the ConfigMap and `kubectl rollout restart` start new pods"],
  dependencies: ["Kubernetes starts all pods at once", "let the program wait for what it needs, or use an initContainer"],
  log: ["the container runtime rotates logs", "see containerLogMaxSize of the kubelet"],
  watch: ["Kubernetes does not restart a pod when files change", null],
};

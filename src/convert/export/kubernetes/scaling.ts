import type { ScalingMetric, StepLimit } from "../../../spec/spec.ts";
import type { ExportDraft } from "../draft.ts";
import type { Manifest } from "./context.ts";

/** Returns the HorizontalPodAutoscaler of a service that scales itself, or null if its number of units is fixed. */
export function exportScaling(draft: ExportDraft, name: string, metadata: Manifest, kind: string): Manifest | null {
  const { scaling } = draft.spec;
  if (scaling === null) return null;
  draft.carried("instances.min", "minReplicas");
  for (const [key, windowMs] of [
    ["up_after", scaling.upAfterMs],
    ["down_after", scaling.downAfterMs],
  ] as const) {
    if (windowMs <= MAX_WINDOW_MS) draft.carried(`instances.${key}`, "stabilizationWindowSeconds");
    else draft.approximated(`instances.${key}`, "stabilizationWindowSeconds: an hour, which is the most that Kubernetes accepts");
  }
  draft.dropped("instances.idle_after", "Kubernetes starts no pod at the first connection", "KEDA or Knative can scale to 0");
  draft.carried("instances.max", "maxReplicas");
  draft.carried("instances.max_step_up", "behavior.scaleUp.policies");
  draft.carried("instances.max_step_down", "behavior.scaleDown.policies");
  draft.approximated("instances.start", "the Deployment starts with minReplicas, and the autoscaler then changes the number");
  draft.approximated(
    "instances.tolerance",
    "the cluster has one tolerance for all autoscalers, 0.1 by default",
    "see --horizontal-pod-autoscaler-tolerance, or behavior.*.tolerance in Kubernetes 1.33",
  );
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind, name },
      minReplicas: scaling.min,
      maxReplicas: scaling.max,
      metrics: scaling.metrics.map((metric) => metricOf(draft, metric)),
      behavior: {
        scaleUp: behavior(scaling.upAfterMs, scaling.maxStepUp),
        scaleDown: behavior(scaling.downAfterMs, scaling.maxStepDown),
      },
    },
  };
}

const MAX_WINDOW_MS = 3_600_000;

/** The unit's values are means per unit in absolute numbers, which is the type `AverageValue`. */
function metricOf(draft: ExportDraft, { metric, target }: ScalingMetric): Manifest {
  if (metric === "cpu" || metric === "memory") {
    reportMetrics(draft, "carried", `${metric}: a metric of the type Resource, which metrics-server provides`);
    const averageValue = metric === "cpu" ? `${atLeastOne(target * 10)}m` : String(atLeastOne(target * 1024 * 1024));
    return { type: "Resource", resource: { name: metric, target: { type: "AverageValue", averageValue } } };
  }
  reportMetrics(draft, "approximated", `${metric}: a metric of the type Pods, which Kubernetes does not measure by itself`);
  return {
    type: "Pods",
    pods: { metric: { name: metric }, target: { type: "AverageValue", averageValue: `${atLeastOne(target * 1000)}m` } },
  };
}

const atLeastOne = (value: number): number => Math.max(1, Math.round(value));

function reportMetrics(draft: ExportDraft, outcome: "carried" | "approximated", how: string): void {
  for (const key of ["metric", "target", "metrics"]) {
    if (outcome === "carried") draft.carried(`instances.${key}`, how);
    else draft.approximated(`instances.${key}`, how, "install a metrics adapter that publishes it, such as prometheus-adapter");
  }
}

/** The number of pods may change by the larger of two amounts within 15 seconds, as in sup. */
function behavior(windowMs: number, { count, percent }: StepLimit): Manifest {
  const policies = [
    ...(count > 0 ? [{ type: "Pods", value: count, periodSeconds: 15 }] : []),
    ...(percent > 0 ? [{ type: "Percent", value: Math.max(1, Math.round(percent)), periodSeconds: 15 }] : []),
  ];
  return { stabilizationWindowSeconds: Math.ceil(Math.min(windowMs, MAX_WINDOW_MS) / 1000), selectPolicy: "Max", policies };
}

import { describe, expect, test } from "bun:test";
import { KEY_CASES } from "./every-key.ts";
import { entryOf, exported, textOf, type Json } from "./exporting.ts";
import { faultsOf } from "./strict-kubernetes.ts";

/** Data whose shape the schemas check. */
type Manifest = ReturnType<typeof JSON.parse>;

const IMAGE = "registry.example/web:1";
const OTHERS = { db: { command: "/x" }, cache: { command: "/x" }, pool: { command: "/x", instances: 3 } };
const web = (json: Json) => exported("kubernetes", { ...OTHERS, web: { command: "/bin/web", ...json } }, { image: IMAGE });

/** Returns the manifests by kind, all of them valid. */
function manifests(json: Json): Record<string, Manifest> {
  const result = web(json);
  expect(result.problems).toEqual([]);
  const all = textOf(result, "web.yaml")
    .split(/^---\n/m)
    .slice(1)
    .map((document) => Bun.YAML.parse(document) as Manifest);
  expect(all.flatMap((each) => faultsOf(each))).toEqual([]);
  return Object.fromEntries(all.map((each) => [each.kind, each]));
}

test("a service that scales itself has an autoscaler, a budget, and no fixed number of pods", () => {
  const { Deployment, HorizontalPodAutoscaler, PodDisruptionBudget } = manifests({
    instances: { min: 2, max: 8, metric: "cpu", target: 70, up_after: 15, down_after: 120, max_step_up: 3, max_step_down: "50%" },
  });
  expect(Deployment!.spec.replicas).toBeUndefined();
  expect(HorizontalPodAutoscaler!.spec).toEqual({
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
    minReplicas: 2,
    maxReplicas: 8,
    metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "AverageValue", averageValue: "700m" } } }],
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 15, selectPolicy: "Max", policies: [{ type: "Pods", value: 3, periodSeconds: 15 }] },
      scaleDown: { stabilizationWindowSeconds: 120, selectPolicy: "Max", policies: [{ type: "Percent", value: 50, periodSeconds: 15 }] },
    },
  });
  expect(PodDisruptionBudget!.spec).toEqual({ maxUnavailable: 1, selector: { matchLabels: { "app.kubernetes.io/name": "web" } } });
});

describe("metrics", () => {
  const metrics = (given: Json): Manifest[] =>
    manifests({ instances: { min: 1, max: 4, ...given } }).HorizontalPodAutoscaler!.spec.metrics as Manifest[];

  test("memory and values of the service", () => {
    const list = [{ metric: "memory", target: 256 }, { metric: "queue", target: 2.5 }]; // prettier-ignore
    expect(metrics({ metrics: list })).toEqual([
      { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "268435456" } } },
      { type: "Pods", pods: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "2500m" } } },
    ]);
  });

  test("the report says which metrics need an adapter", () => {
    const entry = (metric: string) => entryOf(web({ instances: { min: 1, max: 4, metric, target: 5 } }), "instances.metric");
    expect(entry("cpu")?.outcome).toBe("carried");
    expect(entry("queue")).toMatchObject({ outcome: "approximated", whatToDo: expect.stringContaining("metrics adapter") });
  });
});

test("the default steps are those of Kubernetes", () => {
  const { behavior } = manifests({ instances: { min: 1, max: 4, metric: "cpu", target: 50 } }).HorizontalPodAutoscaler!.spec;
  expect(behavior.scaleUp.policies).toEqual([
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ]);
  expect(behavior.scaleDown).toMatchObject({ stabilizationWindowSeconds: 300, policies: [{ type: "Percent", value: 100 }] });
});

test("what Kubernetes limits", () => {
  const json = { instances: { min: 1, max: 4, metric: "cpu", target: 50, down_after: 7200 } };
  expect(manifests(json).HorizontalPodAutoscaler!.spec.behavior.scaleDown.stabilizationWindowSeconds).toBe(3600);
  expect(entryOf(web(json), "instances.down_after")?.outcome).toBe("approximated");
  const large = web({ environment: { A: "x".repeat(400_000), B: "${A}${A}" } });
  expect(large.problems[0]?.message).toBe("cannot export web: its environment is larger than the 1 MiB that a ConfigMap can hold");
});

test("a StatefulSet scales, too; it replaces one pod at a time", () => {
  const json = { instances: { min: 2, max: 4, metric: "cpu", target: 50 }, args: ["%i"], rolling: { max_surge: 2, min_healthy_time: 7 } };
  const { StatefulSet, HorizontalPodAutoscaler } = manifests(json);
  expect(StatefulSet!.spec).toMatchObject({ minReadySeconds: 7, serviceName: "web" });
  expect(StatefulSet!.spec.replicas).toBeUndefined();
  expect(HorizontalPodAutoscaler!.spec.scaleTargetRef.kind).toBe("StatefulSet");
  expect(entryOf(web(json), "rolling.max_surge")?.outcome).toBe("dropped");
});

test("canaries and automatic reverts are reported", () => {
  const result = web({ instances: 3, rolling: { canary: 1 } });
  expect(entryOf(result, "rolling.canary")).toMatchObject({ outcome: "dropped", whatToDo: expect.stringContaining("rollout pause") });
});

test("every key of a unit file makes valid manifests", () => {
  for (const { first } of KEY_CASES) manifests(first);
});

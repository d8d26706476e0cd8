import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { everyAsCron } from "../../../src/convert/export/kubernetes/workload.ts";
import { objectName } from "../../../src/convert/export/kubernetes/names.ts";
import { printYaml } from "../../../src/convert/export/yaml.ts";
import { entryOf, exported, load, processOf, textOf, type Json } from "./exporting.ts";
import { faultsOf } from "./strict-kubernetes.ts";
import { systemdUnit } from "./units.ts";

/** Data whose shape the schemas check. */
type Manifest = ReturnType<typeof JSON.parse>;

const IMAGE = "registry.example/web:1";
const web = (json: Json, options = {}) => exported("kubernetes", { web: { command: "/bin/web", ...json } }, { image: IMAGE, ...options });
const parse = (text: string): Manifest[] =>
  text
    .split(/^---\n/m)
    .slice(1)
    .map((document) => Bun.YAML.parse(document) as Manifest);

/** Returns the manifests by kind, all of them valid. */
function manifests(json: Json, options = {}): Record<string, Manifest> {
  const all = parse(textOf(web(json, options), "web.yaml"));
  expect(all.flatMap((each) => faultsOf(each))).toEqual([]);
  return Object.fromEntries(all.map((each) => [each.kind, each]));
}

const container = (kinds: Record<string, Manifest>): Manifest => kinds.Deployment!.spec.template.spec.containers[0];

test("a web service", () => {
  const result = web({
    description: "The shop",
    enabled: true,
    args: ["--port", "${PORT}", "$$x $(date)"],
    port: 8080,
    user: "1000",
    instances: 3,
    groups: ["shop"],
    environment: { MODE: "yes", URL: "http://localhost:${PORT}", DB_PASSWORD: "s3cret" },
    working_directory: "/srv",
    health_check: { type: "http", endpoint: "http://localhost:${PORT}/healthz", interval: 5, timeout: 2, start_interval: 2 },
    resource_limits: { action: "enforce", max_memory_mb: 512, max_cpu_percent: 150 },
    graceful_shutdown: { timeout: 20.5 },
  });
  expect(textOf(result, "web.yaml")).toBe(`# Exported by sup from /etc/sup/units/web.unit.json
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
    app.kubernetes.io/part-of: shop
  annotations:
    description: The shop
data:
  PORT: "8080"
  MODE: "yes"
  URL: "http://localhost:8080"
---
apiVersion: v1
kind: Service
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
    app.kubernetes.io/part-of: shop
  annotations:
    description: The shop
spec:
  selector:
    app.kubernetes.io/name: web
  ports:
  - name: port-8080
    port: 8080
    targetPort: 8080
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
    app.kubernetes.io/part-of: shop
  annotations:
    description: The shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: web
  template:
    metadata:
      labels:
        app.kubernetes.io/name: web
    spec:
      containers:
      - name: web
        image: "registry.example/web:1"
        workingDir: /srv
        envFrom:
        - configMapRef:
            name: web
        env:
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef:
              name: web
              key: DB_PASSWORD
        command:
        - /bin/web
        - "--port"
        - "$(PORT)"
        - "$$$x $$(date)"
        ports:
        - containerPort: 8080
        resources:
          limits:
            memory: "512Mi"
            cpu: "1500m"
        startupProbe:
          httpGet:
            path: /healthz
            port: 8080
          periodSeconds: 2
          timeoutSeconds: 2
          failureThreshold: 30
        readinessProbe:
          httpGet:
            path: /healthz
            port: 8080
          periodSeconds: 5
          timeoutSeconds: 2
          failureThreshold: 3
          successThreshold: 1
        livenessProbe:
          httpGet:
            path: /healthz
            port: 8080
          periodSeconds: 5
          timeoutSeconds: 2
          failureThreshold: 3
      terminationGracePeriodSeconds: 21
      securityContext:
        runAsUser: 1000
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
    app.kubernetes.io/part-of: shop
  annotations:
    description: The shop
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: web
`);
  expect(parse(textOf(result, "web.yaml")).flatMap((each) => faultsOf(each))).toEqual([]);
  expect(result.steps).toEqual([
    `push the image ${IMAGE}`,
    "kubectl create secret generic web --from-literal=DB_PASSWORD=…",
    "kubectl apply -f web.yaml",
  ]);
});

test("the validation is strict", () => {
  const deployment = manifests({}).Deployment!;
  deployment.spec.template.spec.containers[0].probe = {};
  deployment.spec.strategy.type = "Later";
  delete deployment.spec.selector;
  const faults = faultsOf(deployment).join("\n");
  for (const fault of ["Deployment.spec.template.spec.containers[0].probe is unknown", "/spec/strategy/type", "selector"])
    expect(faults).toContain(fault);
});

test("secrets: values only on request", () => {
  const json = { environment: { API_KEY: "s3cret: %%" } };
  expect(textOf(web(json), "web.yaml")).not.toContain("s3cret");
  expect(manifests(json).Secret).toBeUndefined();
  const written = web(json, { withSecrets: true });
  expect(written.files[0]!.hasSecrets).toBe(true);
  expect(manifests(json, { withSecrets: true }).Secret!.stringData).toEqual({ API_KEY: "s3cret: %" });
});

test("a unit that uses its number becomes a StatefulSet, with the numbers of sup", () => {
  const kinds = manifests({
    instances: 2,
    port: 80,
    args: ["%i", "%n"],
    environment: { NAME: "web-%i" },
    pre_start: [{ command: "/bin/x", args: ["%i"] }],
  });
  expect(kinds.StatefulSet!.spec).toMatchObject({ replicas: 2, serviceName: "web", ordinals: { start: 1 } });
  expect(kinds.Service!.spec.clusterIP).toBe("None");
  const { containers, initContainers } = kinds.StatefulSet!.spec.template.spec;
  expect(containers[0].command).toEqual(["/bin/web", "$(SUP_INSTANCE)", "web@$(SUP_INSTANCE)"]);
  expect(containers[0].env.map(({ name }: Manifest) => name)).toEqual(["SUP_INSTANCE", "NAME"]);
  expect(initContainers[0].env[0].name).toBe("SUP_INSTANCE");
});

describe("oneshots", () => {
  test("without a schedule: a Job", () => {
    const kinds = manifests({ type: "oneshot", restart_policy: { max_retries: 2 }, start_timeout: 90 });
    expect(kinds.Job!.spec).toMatchObject({ backoffLimit: 2, activeDeadlineSeconds: 90, template: { spec: { restartPolicy: "Never" } } });
  });

  test("with a schedule: a CronJob", () => {
    const kinds = manifests({
      type: "oneshot",
      enabled: false,
      auto_restart: false,
      schedule: { cron: "30 2 * * MON-FRI", timezone: "Europe/Berlin", overlap: "kill" },
    });
    expect(kinds.CronJob!.spec).toMatchObject({
      schedule: "30 2 * * MON-FRI",
      timeZone: "Europe/Berlin",
      concurrencyPolicy: "Replace",
      startingDeadlineSeconds: 60,
      suspend: true,
    });
    expect(kinds.CronJob!.spec.jobTemplate.spec.backoffLimit).toBe(0);
    expect(manifests({ type: "oneshot", schedule: { every: 600, catch_up: true } }).CronJob!.spec).not.toHaveProperty(
      "startingDeadlineSeconds",
    );
  });

  test.each([
    [60, "*/1 * * * *"],
    [900, "*/15 * * * *"],
    [3600, "0 */1 * * *"],
    [86_400, "0 0 * * *"],
    [90, null],
    [420, null],
    [18_000, null],
  ])("every %d s", (every, cron) => {
    expect(everyAsCron(every)).toBe(cron);
  });

  test("an interval without a cron expression is refused", () => {
    expect(web({ type: "oneshot", schedule: { every: 90 } }).problems[0]?.message).toContain("no cron expression means every 90 s");
  });
});

describe("health checks", () => {
  test("tcp and exec", () => {
    expect(container(manifests({ port: 80, health_check: { type: "tcp" } })).readinessProbe.tcpSocket).toEqual({ port: 80 });
    const check = { type: "exec", command: "check", args: ["${A}"], action: "none" };
    const probed = container(manifests({ environment: { A: "$(x)" }, health_check: check }));
    expect(probed.readinessProbe.exec).toEqual({ command: ["check", "$(x)"] });
    expect(probed).not.toHaveProperty("livenessProbe");
  });

  test("https with a query and headers", () => {
    const check = { type: "http", endpoint: "https://localhost:8443/a?b=1", headers: { "X-A": "b" } };
    expect(container(manifests({ health_check: check })).readinessProbe.httpGet).toEqual({
      path: "/a?b=1",
      port: 8443,
      scheme: "HTTPS",
      httpHeaders: [{ name: "X-A", value: "b" }],
    });
  });

  test.each([
    [{ type: "http", endpoint: "unix:/run/a.sock:/" }, "Unix socket"],
    [{ type: "http", endpoint: "http://localhost/", method: "POST" }, "cannot send POST"],
    [{ type: "http", endpoint: "http://u:p@localhost/" }, "no credentials"],
  ])("%j is reported", (check, why) => {
    const result = web({ health_check: check });
    expect(entryOf(result, "health_check")).toMatchObject({ outcome: "dropped", how: expect.stringContaining(why) });
  });
});

test("an image is needed, and names are those of DNS", () => {
  expect(web({}, { image: null }).problems[0]).toMatchObject({
    message: expect.stringContaining("there is none"),
    hint: "--image names the image of the program",
  });
  expect([objectName("Web_1.a"), objectName("db@x"), objectName("9-lives-"), objectName("1")]).toEqual([
    "web-1-a",
    "db-x",
    "lives",
    "unit",
  ]);
  const clash = exported("kubernetes", { "a.b": { command: "x" }, "a-b": { command: "x" } }, { image: IMAGE });
  expect(clash.problems[0]?.message).toContain("is also that of a.b");
});

test("every manifest is valid, and its container gets the words and variables of the unit", () => {
  fc.assert(
    fc.property(systemdUnit, (json) => {
      const { schedule: _, ...unit } = json;
      const db = { command: "/usr/bin/db" };
      const result = exported("kubernetes", { db, web: unit }, { image: IMAGE });
      expect(result.problems).toEqual([]);
      const all = parse(textOf(result, "web.yaml"));
      expect(all.flatMap((each) => faultsOf(each))).toEqual([]);
      const workload = all.find(({ spec }) => spec?.template)!;
      const config = (all.find(({ kind }) => kind === "ConfigMap")?.data ?? {}) as Record<string, string>;
      const ours = processOf(load({ db, web: unit }).loaded.get("web")!.spec);
      expect(workload.spec.template.spec.containers[0].command.map((word: string) => expanded(word, config))).toEqual(ours.argv);
      expect(config).toEqual(ours.environment);
    }),
    { numRuns: 100 },
  );
});

/** Expands `$(NAME)` like Kubernetes (third_party/forked/golang/expansion). */
const expanded = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) => (name === undefined ? "$" : (env[name] ?? whole)));

test("YAML reads every string as it was", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("yes", "null", "1.0", "0x1", "- a", "a: b", "a #b", " x ", "", "~", "2026-01-01", "\u2028\u0085\ufeff"),
  );
  fc.assert(
    // Bun takes "<<" for a merge key even in quotes, and no manifest has such a key.
    fc.property(
      fc.dictionary(
        value.filter((key) => key !== "<<"),
        fc.oneof(value, fc.array(value), fc.dictionary(value, value), fc.integer(), fc.boolean()),
      ),
      (data) => {
        expect(Bun.YAML.parse(printYaml({ a: data, list: [data, [], {}] })) as unknown).toEqual({ a: data, list: [data, [], {}] });
      },
    ),
  );
});

test("the keys of `rolling` become those of a Deployment", () => {
  const { spec } = manifests({
    instances: 4,
    rolling: { max_surge: "25%", max_unavailable: 1, min_healthy_time: 5.5, progress_deadline: 5.8 },
  }).Deployment!;
  expect(spec.strategy).toEqual({ type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: 1 } });
  expect([spec.minReadySeconds, spec.progressDeadlineSeconds]).toEqual([6, 7]);
  const { spec: plain } = manifests({ instances: 4 }).Deployment!;
  expect(plain.strategy).toEqual({ type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
});

test("a unit with a terminal has one in its container, to which `kubectl attach` can type", () => {
  expect(container(manifests({ tty: true }))).toMatchObject({ tty: true, stdin: true });
  expect(entryOf(web({ tty: true }), "tty")).toMatchObject({ outcome: "carried" });
  expect(container(manifests({}))).not.toHaveProperty("tty");
});

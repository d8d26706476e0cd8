import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { entryOf, exported, load, processOf, textOf, type Json } from "./exporting.ts";
import { KEY_CASES } from "./every-key.ts";
import { faultsOf, parseHcl } from "./strict-nomad.ts";
import { systemdUnit } from "./units.ts";

/** Data whose shape the checker checks. */
type Data = ReturnType<typeof JSON.parse>;

const IMAGE = "registry.example/web:1";
const web = (json: Json, options = {}) => exported("nomad", { web: { command: "/bin/web", ...json } }, options);

/** Returns the job. The job file and the JSON say the same, and Nomad accepts both. */
function jobOf(result: ReturnType<typeof web>, name = "web"): Data {
  expect(result.problems).toEqual([]);
  const { Job } = JSON.parse(textOf(result, `${name}.nomad.json`));
  expect(faultsOf(Job)).toEqual([]);
  expect(parseHcl(textOf(result, `${name}.nomad.hcl`), Job.TaskGroups[0].Tasks[0].Driver)).toEqual(Job);
  return Job;
}
const groupOf = (json: Json, options = {}): Data => jobOf(web(json, options)).TaskGroups[0];
const taskOf = (json: Json, options = {}): Data => groupOf(json, options).Tasks.at(-1);

test("a web service on the machines themselves", () => {
  const result = web({
    description: "The shop",
    enabled: true,
    command: "node",
    args: ["server.js", "--port", "${PORT}", "100%% $HOME"],
    working_directory: "/srv/web",
    port: 8080,
    environment: { MODE: "a b", URL: "http://localhost:${PORT}", API_KEY: "s3cret" },
    health_check: { type: "http", endpoint: "http://localhost:${PORT}/healthz", interval: 5, timeout: 2, failure_threshold: 4 },
    restart_policy: { max_retries: 3, retry_delay: 2, backoff_multiplier: 1, reset_after: 90 },
    graceful_shutdown: { signal: "SIGINT", timeout: 20.5 },
    log: { max_size_mb: 5, keep: 3 },
  });
  jobOf(result);
  expect(textOf(result, "web.nomad.hcl")).toBe(`# Exported by sup from /etc/sup/units/web.unit.json
job "web" {
  name = "web"
  type = "service"
  datacenters = ["*"]
  meta = {
    "description" = "The shop"
  }
  group "web" {
    count = 1
    restart {
      attempts = 3
      interval = "90s"
      delay = "2s"
      mode = "fail"
    }
    reschedule {
      attempts = 0
      unlimited = false
    }
    update {
      max_parallel = 1
      health_check = "checks"
      min_healthy_time = "5s"
      healthy_deadline = "60s"
      progress_deadline = "600s"
      auto_revert = false
    }
    network {
      port "http" {
        static = 8080
      }
    }
    service {
      name = "web"
      provider = "nomad"
      port = "http"
      check {
        name = "health"
        type = "http"
        path = "/healthz"
        port = "http"
        interval = "5s"
        timeout = "2s"
        check_restart {
          limit = 4
          grace = "0s"
        }
      }
    }
    task "web" {
      driver = "raw_exec"
      config {
        command = "/usr/bin/env"
        args = ["node", "server.js", "--port", "\${PORT}", "100% $HOME"]
        work_dir = "/srv/web"
      }
      env = {
        "PORT" = "8080"
        "MODE" = "a b"
        "URL" = "http://localhost:8080"
      }
      template {
        data = "{{ with nomadVar \\"nomad/jobs/web\\" }}\\nAPI_KEY={{ .API_KEY | toJSON }}\\n{{ end }}\\n"
        destination = "\${NOMAD_SECRETS_DIR}/secrets.env"
        env = true
        change_mode = "restart"
      }
      kill_signal = "SIGINT"
      kill_timeout = "20500ms"
      logs {
        max_files = 4
        max_file_size = 5
      }
    }
  }
}
`);
  expect(result.steps).toEqual([
    "enable the plugin raw_exec on the clients of Nomad",
    "nomad var put nomad/jobs/web API_KEY=…",
    "nomad job run web.nomad.hcl",
  ]);
});

test("the structure is strict", () => {
  const job = jobOf(web({}));
  expect(faultsOf({ ...job, Nonsense: 1 })).toEqual(["job.Nonsense is unknown"]);
  const [group] = job.TaskGroups;
  expect(faultsOf({ ...job, TaskGroups: [{ ...group, RestartPolicy: { ...group.RestartPolicy, Attempts: 1, Interval: 1e9 } }] })).toEqual([
    "restart: the interval is shorter than 5 s",
  ]);
  expect(() => parseHcl('job "web" { nonsense = 1 }', "raw_exec")).toThrow("job has no attribute nonsense");
  expect(() => parseHcl('job "web" { name = "${a.b}" }', "raw_exec")).toThrow("an expression");
});

describe("drivers", () => {
  test("an image", () => {
    const json = { args: ["x"], port: 80, user: "1", group: "2", limits: { nofile: { soft: 10, hard: "unlimited" } } };
    const task = taskOf({ ...json, resource_limits: { action: "enforce", max_memory_mb: 64, max_tasks: 9 } }, { image: IMAGE });
    expect(task).toMatchObject({
      Driver: "docker",
      User: "1:2",
      Config: { image: IMAGE, entrypoint: ["/bin/web"], args: ["x"], ports: ["http"], ulimit: [{ nofile: "10:-1" }], pids_limit: 9 },
      Env: { PORT: "80" },
      Resources: { MemoryMB: 64 },
    });
    expect(groupOf(json, { image: IMAGE }).Networks).toEqual([{ DynamicPorts: [{ Label: "http", To: 80 }] }]);
  });

  test("no image", () => {
    expect(taskOf({ command: "/bin/web" }).Config).toEqual({ command: "/bin/web" });
    expect(taskOf({ command: "web" }).Config).toEqual({ command: "/usr/bin/env", args: ["web"] });
    expect(entryOf(web({ limits: { nofile: 10 } }), "limits")).toMatchObject({ outcome: "dropped", how: "raw_exec sets no limits" });
  });
});

test("literal dollar signs and percent signs before a brace, which Nomad would expand", () => {
  const task = taskOf({ args: ["$${A}", "$$${A}", "%%{x}", "$A", "a$${b}${B}", "$"], environment: { B: "1", C: "$${B}" } });
  const dollar = "${NOMAD_META_SUP_DOLLAR}";
  expect(task.Config.args).toEqual([
    `${dollar}{A}`,
    `${dollar}${dollar}{A}`,
    "${NOMAD_META_SUP_PERCENT}{x}",
    "$A",
    `a${dollar}{b}\${B}`,
    "$",
  ]);
  expect(task.Env).toEqual({ B: "1", C: `${dollar}{B}` });
  expect(taskOf({ args: ["$%%{x"] }).Config.args).toEqual([`${dollar}\${NOMAD_META_SUP_PERCENT}{x`]);
  expect(task.Meta).toEqual({ SUP_DOLLAR: "$", SUP_PERCENT: "%" });
});

test("instances, each with a port of its own", () => {
  const result = web({ instances: 3, port: 80, args: ["--id=%i", "${PORT}"], environment: { URL: "http://l:${PORT}/%n" } });
  const [group] = jobOf(result).TaskGroups;
  expect(group).toMatchObject({ Count: 3, Networks: [{ DynamicPorts: [{ Label: "http" }] }] });
  expect(group.Tasks[0].Config.args).toEqual(["--id=${NOMAD_ALLOC_INDEX}", "${PORT}"]);
  expect(group.Tasks[0].Env).toEqual({
    PORT: "${NOMAD_PORT_http}",
    SUP_INSTANCE: "${NOMAD_ALLOC_INDEX}",
    URL: "http://l:${NOMAD_PORT_http}/web@${NOMAD_ALLOC_INDEX}",
  });
  expect(entryOf(result, "args")).toMatchObject({ outcome: "approximated", how: expect.stringContaining("from 0, and sup from 1") });
});

test("automatic scaling", () => {
  const { Count, Scaling } = groupOf({
    instances: { min: 1, max: 5, start: 2, metrics: [{ metric: "cpu", target: 70 }, { metric: "queue", target: 5 }], max_step_up: 2 }, // prettier-ignore
  });
  expect([Count, Scaling.Min, Scaling.Max]).toEqual([2, 1, 5]);
  expect(Scaling.Policy).toEqual({
    cooldown: "300s",
    cooldown_on_scale_up: "0s",
    check: [
      {
        cpu: [{ source: "nomad-apm", query: "avg_cpu", strategy: [{ "target-value": [{ target: 70, threshold: 0.1, max_scale_up: 2 }] }] }],
      },
    ],
  });
});

describe("updates", () => {
  test("the surge and the canaries are canaries; a fixed port leaves no room for them", () => {
    const rolling = { max_surge: "50%", max_unavailable: 2, min_healthy_time: 7, progress_deadline: 700, auto_revert: true };
    expect(groupOf({ instances: 5, rolling }).Update).toMatchObject({
      MaxParallel: 2,
      MinHealthyTime: 7e9,
      ProgressDeadline: 700e9,
      AutoRevert: true,
      Canary: 3,
      AutoPromote: true,
    });
    expect(groupOf({ instances: 5, rolling: { canary: 1 } }).Update).toMatchObject({ Canary: 1, AutoPromote: false });
    const socket = { instances: 2, sockets: [{ name: "a", listen: "*:81" }], rolling: {} };
    expect(groupOf(socket).Update.Canary).toBeUndefined();
    expect(entryOf(web({ ...socket, rolling: { canary: 1 } }), "rolling.canary")?.outcome).toBe("dropped");
  });
});

describe("restarts", () => {
  test.each([
    [{ auto_restart: false }, { Attempts: 0, Mode: "fail" }],
    [{ restart_policy: { max_retries: -1, retry_delay: 30 } }, { Attempts: 1, Interval: 30e9, Delay: 30e9, Mode: "delay" }],
    [{ restart_policy: { max_retries: 10, retry_delay: 20, reset_after: 1 } }, { Attempts: 10, Interval: 400e9, Mode: "fail" }],
  ])("%j", (json, policy) => expect(groupOf(json).RestartPolicy).toMatchObject(policy));

  test("a start after the unit has given up is a new allocation", () => {
    expect(groupOf({ restart_policy: { fatal_retry_after: 60 } }).ReschedulePolicy).toEqual({
      Delay: 60e9,
      DelayFunction: "constant",
      Unlimited: true,
    });
  });
});

test("checks: a port that is not the unit's own gets a label; a command cannot be a check", () => {
  const { Networks, Services } = groupOf({ port: 80, health_check: { type: "tcp", port: 81, action: "none" } });
  expect(Networks).toEqual([{ ReservedPorts: [{ Label: "http", Value: 80 }, { Label: "port-81", Value: 81 }] }]); // prettier-ignore
  expect(Services[0]).toMatchObject({ PortLabel: "http", Checks: [{ Type: "tcp", PortLabel: "port-81" }] });
  expect(Services[0].Checks[0].CheckRestart).toBeUndefined();
  const exec = web({ health_check: { type: "exec", command: "/bin/check" } });
  expect(entryOf(exec, "health_check")).toMatchObject({ outcome: "dropped", how: expect.stringContaining("cannot run a command") });
});

test("hooks are tasks of their own; one shell runs several commands, and expands their variables", () => {
  const { Tasks } = groupOf({
    environment: { B: "it's" },
    pre_start: [{ command: "/bin/a", args: ["it's", "${B}x", ""] }, { command: "b" }],
    post_stop: [{ command: "/bin/c", args: ["${B}"] }],
  });
  expect(Tasks.map(({ Name, Lifecycle }: Data) => [Name, Lifecycle?.Hook])).toEqual([
    ["pre-start", "prestart"],
    ["post-stop", "poststop"],
    ["web", undefined],
  ]);
  expect(Tasks[0].Config.args).toEqual(["-ec", `/bin/a 'it'\\''s' "$B"x ''\n/usr/bin/env b`]);
  expect(Tasks[1].Config).toEqual({ command: "/bin/c", args: ["${B}"] });
});

test("a schedule is a periodic batch job", () => {
  const schedule = { cron: "30 2 * * *", timezone: "Europe/Berlin", catch_up: true };
  const job = jobOf(web({ type: "oneshot", schedule }));
  expect(job.Type).toBe("batch");
  expect(job.Periodic).toEqual({
    Enabled: true,
    SpecType: "cron",
    Specs: ["30 2 * * *"],
    ProhibitOverlap: true,
    TimeZone: "Europe/Berlin",
  });
  expect(jobOf(web({ type: "oneshot", enabled: false, schedule })).Periodic.Enabled).toBe(false);
  expect(web({ type: "oneshot", schedule: { every: 7 } }).problems[0]?.message).toContain("no cron expression means every 7 s");
});

test("a batch job has no ports, but its PORT is set", () => {
  const { Networks, Tasks } = groupOf({
    type: "oneshot",
    port: 80,
    args: ["${PORT}"],
    environment: { URL: "http://l:${PORT}" },
  });
  expect(Networks).toBeUndefined();
  expect(Tasks[0]).toMatchObject({ Env: { PORT: "80", URL: "http://l:80" }, Config: { args: ["${PORT}"] } });
});

test("secrets: values only on request", () => {
  const json = { environment: { API_KEY: "s3cret" } };
  expect(JSON.stringify(web(json).files)).not.toContain("s3cret");
  expect(taskOf(json, { withSecrets: true })).toMatchObject({ Env: { API_KEY: "s3cret" } });
  expect(web(json, { withSecrets: true }).files.every(({ hasSecrets }) => hasSecrets)).toBe(true);
});

test("templates have no counterpart, and each name is unique", () => {
  expect(exported("nomad", { "db@": { command: "/x" } }).problems[0]?.message).toContain("Nomad has no templates");
  expect(exported("nomad", { "a.b": { command: "/x" }, "a-b": { command: "/x" } }).problems[0]?.message).toContain("is also that of a.b");
});

test("Nomad accepts every key of a unit file", () => {
  const others = { db: { command: "/x" }, cache: { command: "/x" }, pool: { command: "/x", instances: 3 } };
  for (const { first, second } of KEY_CASES) {
    jobOf(exported("nomad", { ...others, web: { command: "/bin/web", ...first } }));
    jobOf(exported("nomad", { ...others, web: { command: "/bin/web", ...second } }, { image: IMAGE }));
  }
});

test("every job is valid, and its task gets the words and variables of the unit", () => {
  fc.assert(
    fc.property(systemdUnit, fc.boolean(), (json, hasImage) => {
      const db = { command: "/usr/bin/db" };
      const result = exported("nomad", { db, web: json }, { image: hasImage ? IMAGE : null });
      // No cron expression means every 90 s.
      fc.pre(!result.problems.some(({ message }) => message.includes("no cron expression")));
      const task = jobOf(result).TaskGroups[0].Tasks.at(-1);
      const ours = processOf(load({ db, web: json }).loaded.get("web")!.spec);
      const variables: Record<string, string> = { NOMAD_META_SUP_DOLLAR: "$", NOMAD_META_SUP_PERCENT: "%", ...task.Env };
      const atStart = (text: string): string => text.replaceAll(/\$\{([\w.-]+)\}/g, (all, name: string) => variables[name] ?? all);
      for (const name of Object.keys(task.Env ?? {})) variables[name] = atStart(variables[name]!);
      const { entrypoint = [task.Config.command], args = [] } = task.Config;
      const words = [...entrypoint, ...args].map(atStart);
      expect(words[0] === "/usr/bin/env" ? words.slice(1) : words).toEqual(ours.argv);
      expect(Object.fromEntries(Object.keys(ours.environment).map((name) => [name, variables[name]!]))).toEqual(ours.environment);
    }),
    { numRuns: 200 },
  );
});

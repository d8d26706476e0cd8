import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { splitWords } from "../../../src/convert/import/systemd/values.ts";
import { KEY_CASES } from "./every-key.ts";
import { entryOf, exported, load, processOf, textOf, type Json } from "./exporting.ts";
import { containerFaults, sectionOf } from "./strict-quadlet.ts";
import { systemdUnit } from "./units.ts";

const IMAGE = "registry.example/web:1";
const web = (json: Json, options = {}) => exported("quadlet", { web: { command: "/bin/web", ...json } }, { image: IMAGE, ...options });

/** Returns the lines of a section. All keys of the file are documented. */
function lines(json: Json, section = "Container", options = {}): string[] {
  const result = web(json, options);
  const file = result.files.find(({ name }) => name.endsWith(".container"))!;
  expect(containerFaults(file.text)).toEqual([]);
  return sectionOf(file.text, section);
}

test("a web service", () => {
  const result = web({
    description: "The shop",
    enabled: true,
    args: ["--port", "${PORT}", "100%% $HOME", 'a "b"'],
    port: 8080,
    user: "1000",
    group: "1001",
    working_directory: "/srv",
    environment: { MODE: "a b", COST: "5 $", API_KEY: "s3cret" },
    environment_files: ["/etc/web.env"],
    health_check: { type: "http", endpoint: "http://localhost:${PORT}/healthz", interval: 5, timeout: 2, failure_threshold: 4 },
    graceful_shutdown: { signal: "SIGINT", timeout: 20.5 },
    limits: { nofile: { soft: 1024, hard: "unlimited" } },
    reload: { signal: "SIGHUP" },
    labels: { team: "a b" },
    resource_limits: { action: "enforce", max_memory_mb: 512, max_tasks: 50 },
    restart_policy: { max_retries: -1, retry_delay: 2, backoff_multiplier: 1 },
  });
  expect(textOf(result, "web.container")).toBe(`# Exported by sup from /etc/sup/units/web.unit.json
[Unit]
Description=The shop
StartLimitIntervalSec=0

[Container]
Image=registry.example/web:1
Entrypoint=["/bin/web"]
Exec=--port 8080 "100%% $$HOME" "a \\"b\\""
WorkingDir=/srv
User=1000
Group=1001
Environment=PORT=8080
Environment="MODE=a b"
Environment="COST=5 $$"
Secret=web-API_KEY,type=env,target=API_KEY
EnvironmentFile=/etc/web.env
PublishPort=8080:8080
Notify=healthy
HealthCmd=["CMD","curl","-fsS","-o","/dev/null","http://localhost:8080/healthz"]
HealthInterval=5s
HealthTimeout=2s
HealthRetries=4
HealthStartupCmd=["CMD","curl","-fsS","-o","/dev/null","http://localhost:8080/healthz"]
HealthStartupInterval=1s
HealthStartupTimeout=2s
HealthStartupRetries=60
HealthOnFailure=kill
StopSignal=SIGINT
StopTimeout=21
Ulimit=nofile=1024:-1
ReloadSignal=SIGHUP
Label="team=a b"

[Service]
Restart=on-failure
TimeoutStartSec=60
TimeoutStopSec=31
RestartForceExitStatus=SIGHUP SIGINT SIGTERM SIGPIPE
RestartSec=2
MemoryMax=512M
TasksMax=50

[Install]
WantedBy=multi-user.target
`);
  expect(result.steps).toEqual([
    "push the image registry.example/web:1",
    "podman secret create web-API_KEY FILE",
    "copy the .container files to /etc/containers/systemd",
    "systemctl daemon-reload",
    "sup disable --now web",
    "systemctl start web.service",
  ]);
});

test("the table of keys is strict", () => {
  expect(containerFaults("[Container]\nImage=x\nNonsense=1\n")).toEqual(["[Container] has no key Nonsense"]);
  expect(containerFaults("[Container]\nExec=x\n")).toEqual(["[Container] has no Image"]);
});

test("an image is required", () => {
  expect(exported("quadlet", { web: { command: "/bin/web" } }).problems[0]).toMatchObject({
    message: "cannot export web: Podman runs images, and there is none",
    hint: "--image names the image of the program",
  });
});

test("oneshot, notify, and a shell", () => {
  expect(lines({ type: "oneshot", remain_after_exit: true }, "Service").slice(0, 2)).toEqual(["Type=oneshot", "RemainAfterExit=yes"]);
  expect(lines({ type: "notify" })).toContain("Notify=true");
  expect(lines({ command: "echo $A", shell: true })).toEqual(expect.arrayContaining(['Entrypoint=["/bin/sh"]', 'Exec=-c "echo $$A"']));
});

test("instances are a template and a target; a port of each cannot be published", () => {
  const result = web({ instances: 2, port: 80, args: ["%i"], enabled: true });
  expect(result.files.map(({ name }) => name)).toEqual(["web@.container", "web.target"]);
  expect(textOf(result, "web@.container")).toContain("Exec=%i\n");
  expect(textOf(result, "web@.container")).toContain("Environment=SUP_INSTANCE=%i\n");
  expect(textOf(result, "web@.container")).not.toContain("PublishPort");
  expect(entryOf(result, "port")?.outcome).toBe("approximated");
  expect(result.steps.at(-1)).toBe("systemctl enable --now web.target");
});

test("sockets and schedules are units of systemd", () => {
  const sockets = web({ port: 81, sockets: [{ name: "http", listen: "127.0.0.1:81" }] });
  expect(sockets.files.map(({ name }) => name)).toEqual(["web.container", "web.socket"]);
  expect(textOf(sockets, "web.container")).toContain("Requires=web.socket\n");
  expect(textOf(sockets, "web.container")).not.toContain("PublishPort");
  const schedule = web({ type: "oneshot", schedule: { cron: "@daily" } });
  expect(schedule.files.map(({ name }) => name)).toEqual(["web.container", "web.timer"]);
  expect(schedule.steps.at(-1)).toBe("systemctl enable --now web.timer");
});

describe("what belongs to the machine and not to the container", () => {
  test("conditions", () => {
    const json = { conditions: [{ path_exists: "/a" }, { command: "/bin/x" }] };
    expect(lines(json, "Unit")).toContain("ConditionPathExists=/a");
    expect(web(json).report.filter(({ field }) => field === "conditions").map(({ outcome }) => outcome)).toEqual([
      "dropped",
      "approximated",
      "carried",
    ]); // prettier-ignore
  });
  test("hooks", () => {
    expect(entryOf(web({ pre_start: [{ command: "/a" }] }), "pre_start")).toMatchObject({
      outcome: "dropped",
      how: "ExecStartPre= would run on the machine and not in the container",
    });
  });
});

test("secrets: values only on request", () => {
  const json = { environment: { API_KEY: "s3cret" } };
  expect(JSON.stringify(web(json).files)).not.toContain("s3cret");
  expect(lines(json, "Container", { withSecrets: true })).toContain("Environment=API_KEY=s3cret");
  expect(web(json, { withSecrets: true }).files[0]!.hasSecrets).toBe(true);
});

test("every key of a unit file makes a valid file", () => {
  const others = { db: { command: "/x" }, cache: { command: "/x" }, pool: { command: "/x", instances: 3 } };
  for (const { first } of KEY_CASES) {
    const { files, problems } = exported("quadlet", { ...others, web: { command: "/bin/web", ...first } }, { image: IMAGE });
    expect(problems).toEqual([]);
    for (const { name, text } of files) if (name.endsWith(".container")) expect(containerFaults(text)).toEqual([]);
  }
});

test("the container gets the words and variables of the unit", () => {
  // Podman passes the words to ExecStart=, in which systemd then replaces %% and $$.
  const plain = (text: string): string => text.replaceAll("%%", "%").replaceAll("$$", "$");
  const wordsOf = (value: string): string[] => splitWords(value)!.map(({ text }) => plain(text));
  fc.assert(
    fc.property(systemdUnit, (json) => {
      const db = { command: "/usr/bin/db" };
      const result = exported("quadlet", { db, web: json }, { image: IMAGE });
      expect(result.problems).toEqual([]);
      const text = textOf(result, "web.container");
      expect(containerFaults(text)).toEqual([]);
      const container = sectionOf(text, "Container");
      const valuesOf = (key: string): string[] =>
        container.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
      const ours = processOf(load({ db, web: json }).loaded.get("web")!.spec);
      const [program] = JSON.parse(plain(valuesOf("Entrypoint")[0]!)) as [string];
      expect([program, ...valuesOf("Exec").flatMap(wordsOf)]).toEqual(ours.argv);
      const variables = valuesOf("Environment").map((value) => wordsOf(value)[0]!);
      expect(Object.fromEntries(variables.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]))).toEqual(
        ours.environment,
      );
    }),
    { numRuns: 200 },
  );
});

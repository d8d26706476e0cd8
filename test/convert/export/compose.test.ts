import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import fc from "fast-check";
import { entryOf, exported, load, processOf, textOf, type Json } from "./exporting.ts";
import { systemdUnit } from "./units.ts";

/** Data whose shape the schema checks. */
type Service = ReturnType<typeof JSON.parse>;

/** The schema of compose files, which the linter dclint ships. It allows no unknown fields. */
const { $schema: _, ...schema } = JSON.parse(
  readFileSync(join(import.meta.dir, "../../../node_modules/dclint/schemas/compose.schema.json"), "utf8"),
);
const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);

const IMAGE = "registry.example/web:1";
const web = (json: Json, options = {}) => exported("compose", { web: { command: "/bin/web", ...json } }, { image: IMAGE, ...options });

function servicesOf(result: ReturnType<typeof web>): Record<string, Service> {
  const file = Bun.YAML.parse(textOf(result, "compose.yaml")) as { services: Record<string, Service> };
  validate(file);
  expect(validate.errors ?? []).toEqual([]);
  return file.services;
}
const service = (json: Json, options = {}): Service => servicesOf(web(json, options)).web;

test("a web service and its database", () => {
  const result = exported(
    "compose",
    {
      db: { command: "/usr/bin/db", enabled: true, health_check: { type: "exec", command: "db-ready", args: ["$x"] } },
      migrate: { command: "/bin/migrate", type: "oneshot", enabled: true, dependencies: ["db"] },
      web: {
        command: "/bin/web",
        description: "100 $",
        enabled: true,
        args: ["--port", "${PORT}", "$HOME"],
        port: 8080,
        user: "1000",
        group: "1001",
        environment: { MODE: "a$b", DB_PASSWORD: "s3cret" },
        environment_files: ["-/etc/default/web"],
        restart_on_exit: true,
        limits: { nofile: 4096, core: "unlimited" },
        graceful_shutdown: { signal: "SIGQUIT", timeout: 2.5 },
        resource_limits: { action: "enforce", max_memory_mb: 64, max_cpu_percent: 150, max_tasks: 50 },
        dependencies: [{ unit: "db", restart: true }, "migrate", { unit: "nowhere", required: false }],
      },
    },
    { image: IMAGE },
  );
  const { db, web: service } = servicesOf(result);
  expect(service).toEqual({
    image: IMAGE,
    entrypoint: ["/bin/web", "--port", "8080", "$$HOME"],
    command: [],
    user: "1000:1001",
    environment: { PORT: "8080", MODE: "a$$b", DB_PASSWORD: "${DB_PASSWORD:?}" },
    env_file: [{ path: "/etc/default/web", required: false }],
    ports: ["8080:8080"],
    restart: "unless-stopped",
    stop_grace_period: "2500ms",
    stop_signal: "SIGQUIT",
    init: true,
    ulimits: { nofile: { soft: 4096, hard: 4096 }, core: { soft: -1, hard: -1 } },
    deploy: { resources: { limits: { memory: "67108864", cpus: "1.5", pids: 50 } } },
    labels: { description: "100 $$" },
    depends_on: { db: { condition: "service_healthy", restart: true }, migrate: { condition: "service_completed_successfully" } },
  });
  expect(db.healthcheck.test).toEqual(["CMD", "db-ready", "$$x"]);
  expect(
    result.report.find(({ unit, field, outcome }) => unit === "web" && field === "dependencies" && outcome === "dropped")?.how,
  ).toContain("nowhere");
  expect(result.steps[0]).toContain("DB_PASSWORD=…");
});

test("the schema is strict", () => {
  expect(validate({ services: { web: { image: "x", port: 1 } } })).toBe(false);
});

test("secrets: values only on request", () => {
  const json = { environment: { API_KEY: "s3c$ret" } };
  expect(textOf(web(json), "compose.yaml")).not.toContain("s3c");
  expect(service(json, { withSecrets: true }).environment.API_KEY).toBe("s3c$$ret");
  expect(web(json, { withSecrets: true }).files[0]!.hasSecrets).toBe(true);
});

describe("restart", () => {
  test.each([
    [{ auto_restart: false }, "no"],
    [{ restart_policy: { max_retries: 3 } }, "on-failure:3"],
    [{ restart_policy: { max_retries: -1 } }, "on-failure"],
    [{ restart_policy: { max_retries: 0 } }, "no"],
    [{ restart_on_exit: true }, "unless-stopped"],
  ])("%j", (json, restart) => {
    expect(service(json).restart).toBe(restart);
  });
});

describe("health checks", () => {
  test.each([
    [
      { type: "http", endpoint: "http://localhost:${PORT}/", headers: { A: "b" } },
      ["curl", "-fsS", "-o", "/dev/null", "-H", "A: b", "http://localhost:80/"],
    ],
    [
      { type: "http", endpoint: "unix:/run/a.sock:/x", method: "POST" },
      ["curl", "-fsS", "-o", "/dev/null", "-X", "POST", "--unix-socket", "/run/a.sock", "http://localhost/x"],
    ],
    [{ type: "tcp" }, ["nc", "-z", "localhost", "80"]],
  ])("%j", (check, command) => {
    expect(service({ port: 80, health_check: check }).healthcheck.test).toEqual(["CMD", ...command]);
  });

  test("a container has the time of a start until its first success", () => {
    const check = { type: "exec", command: "x", interval: 5, start_period: 10 };
    expect(service({ health_check: check }).healthcheck).toMatchObject({ start_period: "60s", interval: "5s", retries: 3 });
    expect(service({ health_check: check, start_timeout: 3 }).healthcheck.start_period).toBe("10s");
  });

  test("Docker does not restart an unhealthy container, which is reported even for the default", () => {
    expect(entryOf(web({ health_check: { type: "tcp", port: 1 } }), "health_check.action")?.outcome).toBe("dropped");
  });
});

test("instances share a port that is not published", () => {
  const scaled = service({ instances: 2, port: 80 });
  expect([scaled.deploy.replicas, scaled.expose, scaled.ports]).toEqual([2, ["80"], undefined]);
  expect(web({ instances: 2, args: ["%i"] }).problems[0]?.message).toContain("have no numbers");
});

test("a service that scales itself is exported with the number with which it starts, and the report says so", () => {
  const instances = { min: 1, max: 4, start: 2, metric: "cpu", target: 70 };
  expect(service({ instances }).deploy.replicas).toBe(2);
  expect(entryOf(web({ instances }), "instances")).toMatchObject({
    outcome: "approximated",
    how: "deploy.replicas: always 2, because automatic scaling is not exported",
  });
  expect(entryOf(web({ instances: 2 }), "instances")?.outcome).toBe("carried");
});

test("a schedule is left to cron, and the service does not start by itself", () => {
  const result = web({ type: "oneshot", schedule: { cron: "@daily" } });
  expect(servicesOf(result).web.profiles).toEqual(["schedule"]);
  expect(result.steps.at(-1)).toBe("let cron run `docker compose run --rm web`");
  expect(entryOf(result, "schedule")?.outcome).toBe("dropped");
});

test("sockets are published with their address", () => {
  const sockets = [{ name: "a", listen: "127.0.0.1:81" }, { name: "b", listen: "*:82" }, { name: "c", listen: "/run/c.sock" }]; // prettier-ignore
  expect(service({ sockets }).ports).toEqual(["127.0.0.1:81:81", "82:82"]);
});

test("every file is valid, and its container gets the words and variables of the unit", () => {
  fc.assert(
    fc.property(systemdUnit, (json) => {
      const db = { command: "/usr/bin/db" };
      const result = exported("compose", { db, web: json }, { image: IMAGE });
      expect(result.problems).toEqual([]);
      const made = servicesOf(result).web;
      const plain = (text: string): string => text.replaceAll("$$", "$");
      const ours = processOf(load({ db, web: json }).loaded.get("web")!.spec);
      expect(made.entrypoint.map(plain)).toEqual(ours.argv);
      const variables = Object.entries(made.environment as Record<string, string>).map(([name, value]) => [name, plain(value)]);
      expect(Object.fromEntries(variables)).toEqual(ours.environment);
    }),
    { numRuns: 100 },
  );
});

test("a unit with a terminal has one in its container, to which `docker attach` can type", () => {
  expect(service({ tty: true })).toMatchObject({ tty: true, stdin_open: true });
  expect(entryOf(web({ tty: true }), "tty")).toMatchObject({ outcome: "carried" });
  expect(service({})).not.toHaveProperty("tty");
});

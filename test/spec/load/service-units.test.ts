import { describe, expect, test } from "bun:test";
import { loadSnapshot, type LoadedSnapshot, type SnapshotOptions } from "../../../src/spec/load/load.ts";
import { composeEnvironment } from "../../../src/spec/load/environment.ts";
import { findSurge } from "../../../src/spec/load/service-units.ts";
import { specifiersFor } from "../../../src/spec/load/specifiers.ts";
import { bad, good, unitFiles } from "../fixtures.ts";

const load = (units: Record<string, object>, options: SnapshotOptions = {}): LoadedSnapshot =>
  loadSnapshot({ units: Object.entries(units).map(([id, main]) => unitFiles(id, main)), unreadable: [], masked: [] }, options);

const WEB = { command: "serve", instances: 3, port: 8000 };
const messages = ({ problems }: LoadedSnapshot, id: string): string[] => (problems.get(id) ?? []).map(({ message }) => message);

describe("a file with `instances`", () => {
  test("declares numbered units of one service, each with its own port", () => {
    const { loaded, services } = load({ web: WEB });
    expect([...loaded.values()].map(({ spec }) => [spec.id, spec.service, spec.instance, spec.port, spec.name])).toEqual([
      ["web@1", "web", 1, 8000, "web@1"],
      ["web@2", "web", 2, 8001, "web@2"],
      ["web@3", "web", 3, 8002, "web@3"],
    ]);
    expect(loaded.get("web@2")!.effective).toMatchObject({ name: "web@2", port: 8001, instances: 3 });
    expect(loaded.get("web@2")!.sources.get("port")).toBe("/u/web.unit.json:1");
    expect(services.get("web")!.spec).toMatchObject({ id: "web", instances: 3, port: 8000 });
  });

  test("has as many units as `sup scale` decided", () => {
    expect([...load({ web: WEB, db: WEB }, { scaleOf: (name) => (name === "web" ? 1 : undefined) }).loaded.keys()]).toEqual([
      "web@1",
      "db@1",
      "db@2",
      "db@3",
    ]);
  });

  test("one instance is web@1 too, so that scaling does not rename it", () => {
    expect([...load({ web: { ...WEB, instances: 1 } }).loaded.keys()]).toEqual(["web@1"]);
  });

  test("with sockets all units have the same port, because they share the listener", () => {
    const sockets = [{ name: "http", listen: "127.0.0.1:8000" }];
    const { loaded } = load({ web: { ...WEB, sockets } });
    expect([...loaded.values()].map(({ spec }) => spec.port)).toEqual([8000, 8000, 8000]);
  });

  test("the environment of a unit has its number, its port and the generation", () => {
    const { spec } = load({ web: { ...WEB, environment: { NAME: "%n of %i" } } }).loaded.get("web@2")!;
    const specifiers = specifiersFor(spec.id, { home: "/h", state: "/s", logs: "/l", runtime: "/r" });
    const env = composeEnvironment({ spec, base: {}, files: [], invocation: "i", specifiers });
    expect(env).toMatchObject({
      ok: true,
      value: { SUP_UNIT: "web@2", SUP_INSTANCE: "2", SUP_GENERATION: "0", PORT: "8001", NAME: "web@2 of 2" },
    });
  });

  test("a plain unit has no generation", () => {
    const { spec } = good({ command: "x", port: 80 });
    const specifiers = specifiersFor("web", { home: "/h", state: "/s", logs: "/l", runtime: "/r" });
    const env = composeEnvironment({ spec, base: {}, files: [], invocation: "i", specifiers });
    expect(env.ok && Object.keys(env.value)).toEqual(["SUP_UNIT", "SUP_INVOCATION_ID", "PORT"]);
  });

  test("its warnings are reported once, not for each unit", () => {
    const { loaded, services } = load({ web: { ...WEB, command: "a | b" } });
    expect(services.get("web")!.warnings).toHaveLength(1);
    expect([...loaded.values()].flatMap(({ warnings }) => warnings)).toEqual([]);
  });
});

describe("ids", () => {
  test("a template with the same name is an error of the service; the template is fine", () => {
    const snapshot = load({ web: WEB, "web@": { command: "x" } });
    expect(messages(snapshot, "web")).toEqual([
      'the instances of the template "web@" would have the same ids as the units of this service',
    ]);
    expect([...snapshot.templates.keys()]).toEqual(["web@"]);
    expect([...snapshot.loaded.keys()]).toEqual([]);
  });

  test("a file for one of the ids is an error of the service, a file for another id is not", () => {
    expect(messages(load({ web: WEB, "web@7": { command: "x" } }), "web")).toEqual([
      'there is a unit file for "web@7", which is the id of a unit of this service',
    ]);
    expect(load({ web: WEB, "web@x": { command: "x" } }).problems.size).toBe(0);
  });

  test.each(["web@", "web@a"])("%s cannot have instances itself", (id) => {
    expect(messages(load({ [id]: WEB }), id)[0]).toContain('cannot have "instances"');
  });
});

describe("dependencies", () => {
  const on = (...dependencies: unknown[]): object => ({ command: "x", dependencies });

  test("may name the service, or a unit that scaling can create", () => {
    const snapshot = load({ web: WEB, app: on("web"), one: on("web@2"), later: on("web@256") });
    expect(snapshot.problems.size).toBe(0);
  });

  test.each(["web@0", "web@257", "web@02", "web@x"])("%s can never exist", (unit) => {
    expect(messages(load({ web: WEB, app: on(unit) }), "app")).toEqual([`there is no unit "${unit}"`]);
  });

  test("a quorum is refused only above the largest number of units", () => {
    const quorum = (number: number) => messages(load({ web: WEB, app: on({ unit: "web", quorum: number }) }), "app");
    expect(quorum(256)).toEqual([]);
    expect(quorum(257)).toEqual(['the quorum of 257 can never be met: "web" has at most 256 units']);
    expect(messages(load({ web: WEB, app: on({ unit: "web@1", quorum: 2 }) }), "app")).toEqual([
      'the quorum of 2 can never be met: "web@1" is 1 unit',
    ]);
  });

  test("cycles through the service or one of its units are found", () => {
    for (const name of ["web", "web@2"]) {
      const snapshot = load({ web: { ...WEB, dependencies: ["db"] }, db: on(name) });
      expect(messages(snapshot, "db")).toEqual(["dependency cycle: db → web → db"]);
      expect(messages(snapshot, "web")).toEqual(["dependency cycle: db → web → db"]);
      expect([...snapshot.loaded.keys()]).toEqual([]);
    }
    expect(messages(load({ web: { ...WEB, dependencies: ["web@2"] } }), "web")).toEqual(["the unit depends on itself"]);
  });

  test("waiting for the end of units that keep running is a warning", () => {
    const { loaded } = load({ web: WEB, app: on({ unit: "web@1", condition: "succeeded" }) });
    expect(loaded.get("app")!.warnings).toMatchObject([{ key: "dependencies[0].condition" }]);
  });
});

describe("ports", () => {
  test("ranges of enabled services that collide are a warning, once", () => {
    const { services, loaded } = load({
      web: { ...WEB, enabled: true },
      api: { ...WEB, enabled: true, port: 8001 },
      db: { command: "x", enabled: true, port: 8002 },
      off: { command: "x", port: 8000 },
    });
    const first = (id: string) => (services.get(id) ?? loaded.get(id))!.warnings.map(({ message }) => message);
    expect(first("web")).toEqual([
      '"api" is enabled too and has the same address: port 8001',
      '"api", "db" are enabled too and have the same address: port 8002',
    ]);
    expect(first("db")).toEqual(['"web", "api" are enabled too and have the same address: port 8002']);
  });

  test("the last port is 65535", () => {
    expect(good({ ...WEB, port: 65_533 }).warnings).toEqual([]);
    expect(bad({ ...WEB, port: 65_534 })).toMatchObject([
      { key: "port", message: "3 instances need the ports 65534 to 65536, and 65535 is the last port" },
    ]);
  });

  test("a health check of one fixed port is a warning, a check of ${PORT} is not", () => {
    const check = (keys: object) => good({ ...WEB, health_check: keys }).warnings.map(({ key }) => key);
    expect(check({ type: "tcp", port: 8000 })).toEqual(["health_check.port"]);
    expect(check({ type: "http", endpoint: "http://localhost:8000/" })).toEqual(["health_check.endpoint"]);
    expect(check({ type: "process", fallback_check: { type: "tcp", port: 8000 } })).toEqual(["health_check.fallback_check.port"]);
    expect(check({ type: "tcp" })).toEqual([]);
    expect(check({ type: "tcp", port: 80 })).toEqual([]);
    expect(check({ type: "http", endpoint: "http://localhost:${PORT}/8000" })).toEqual([]);
  });
});

describe("refused", () => {
  test.each<[string, object, string]>([
    ["a oneshot", { type: "oneshot" }, "a oneshot runs to completion"],
    ["a socket with the number of a unit", { sockets: [{ name: "a", listen: "/run/%i.sock" }] }, "all instances share the socket"],
    ["none", { instances: 0 }, '"instances" must be'],
    ["too many", { instances: 257 }, '"instances" must be'],
  ])("%s", (_, keys, message) => {
    expect(bad({ command: "x", instances: 2, ...keys })[0]!.message).toContain(message);
  });
});

describe("rolling", () => {
  const rolling = (keys: object, more: object = {}) => ({ ...WEB, rolling: keys, ...more });

  test("numbers and percentages, with defaults", () => {
    expect(good(rolling({})).spec.rolling).toEqual({
      ...{ maxSurge: { count: 1, percent: null }, maxUnavailable: { count: 0, percent: null } },
      ...{ minHealthyMs: 5000, progressDeadlineMs: 600_000, order: "newest-last", drain: null, canary: 0, autoRevert: true },
    });
    expect(good(rolling({ max_surge: "50%", max_unavailable: 2 })).spec.rolling).toMatchObject({
      maxSurge: { count: 0, percent: 50 },
      maxUnavailable: { count: 2, percent: null },
    });
    expect(good(rolling({ drain: { signal: "USR1", timeout: 20 } })).spec.rolling!.drain).toEqual({ signal: 10, timeoutMs: 20_000 });
    expect(good(WEB).spec.rolling).toBeNull();
  });

  test.each<[string, object, string]>([
    ["both 0", { rolling: { max_surge: 0 } }, '"max_surge" and "max_unavailable" are both 0'],
    ["both 0 percent", { rolling: { max_surge: "0%", max_unavailable: "0%" } }, '"max_surge" and "max_unavailable" are both 0'],
    ["no percentage", { rolling: { max_surge: "half" } }, 'must be a number or a percentage such as "25%"'],
    ["a deadline that comes too early", { rolling: { min_healthy_time: 9, progress_deadline: 9 } }, 'must exceed "min_healthy_time" (9)'],
    ["a drain without a signal", { rolling: { drain: { timeout: 5 } } }, "missing"],
    ["a drain with an unknown signal", { rolling: { drain: { signal: "SIGFOO", timeout: 5 } } }, "must be a signal such as SIGTERM"],
    ["a drain that takes too long", { rolling: { drain: { signal: "USR1", timeout: 595 } } }, "together (600)"],
    ["without instances or sockets", { instances: null, rolling: {} }, '"rolling" needs "sockets" or "instances"'],
  ])("%s is an error", (_, keys, message) => {
    const file = Object.fromEntries(Object.entries({ ...WEB, ...keys }).filter(([, value]) => value !== null));
    expect(bad(file)[0]!.message).toContain(message);
  });
});

describe("rolling of a plain unit", () => {
  const PLAIN = { command: "serve", sockets: [{ name: "a", listen: "127.0.0.1:80" }], rolling: {} };

  test("needs sockets, and its additional unit has a number that no other file may have", () => {
    expect(good(PLAIN).spec).toMatchObject({ id: "web", instance: null, instances: null });
    expect(bad({ ...PLAIN, sockets: undefined })[0]!.message).toContain('"rolling" needs "sockets" or "instances"');
    expect(bad({ ...PLAIN, type: "oneshot" })[0]!.message).toContain("a oneshot runs to completion");
    const { problems } = load({ web: PLAIN, "web@": { command: "serve" } });
    expect(problems.get("web")![0]!.message).toContain('the instances of the template "web@" would have the same ids');
    expect(load({ "app@": PLAIN }).problems.get("app@")![0]!.message).toContain('a template cannot have "rolling"');
  });

  test("the additional unit shares the settings and the sockets", () => {
    const { loaded } = load({ web: { ...PLAIN, port: 80 }, other: { command: "serve" } });
    expect(findSurge("web@2", loaded)!.spec).toMatchObject({
      id: "web@2",
      service: "web",
      instance: 2,
      port: 80,
      sockets: [{ name: "a" }],
    });
    expect(findSurge("other@2", loaded)).toBeUndefined();
    expect(findSurge("web", loaded)).toBeUndefined();
  });
});

describe("instances as an object", () => {
  const SCALING = { min: 1, max: 4, metric: "cpu", target: 70 };
  const scaling = (keys: object, more: object = {}) => ({ command: "serve", instances: { ...SCALING, ...keys }, ...more });

  test("has HPA's defaults, and begins with the smallest number or with `start`", () => {
    expect(good(scaling({ min: 2 })).spec).toMatchObject({
      instances: 2,
      scaling: {
        ...{ min: 2, max: 4, metrics: [{ metric: "cpu", target: 70 }], tolerance: 0.1, upAfterMs: 0, downAfterMs: 300_000 },
        ...{ maxStepUp: { count: 4, percent: 100 }, maxStepDown: { count: 0, percent: 100 } },
      },
    });
    expect(good(scaling({ start: 3 })).spec.instances).toBe(3);
    expect(good(WEB).spec.scaling).toBeNull();
    expect([...load({ web: scaling({ start: 2 }) }).loaded.keys()]).toEqual(["web@1", "web@2"]);
  });

  test("takes several metrics, and steps as numbers and percentages", () => {
    const metrics = [
      { metric: "cpu", target: 70 },
      { metric: "queue_depth", target: 2.5 },
    ];
    const file = { command: "serve", instances: { min: 1, max: 4, metrics, max_step_up: 2, max_step_down: "12.5%" } };
    expect(good(file).spec.scaling).toMatchObject({
      metrics,
      maxStepUp: { count: 2, percent: 0 },
      maxStepDown: { count: 0, percent: 12.5 },
    });
  });

  const cpuAnd = (metric: string): object => ({
    ...{ metric: undefined, target: undefined },
    metrics: ["cpu", metric].map((one) => ({ metric: one, target: 1 })),
  });

  test.each<[string, object, string]>([
    ["min above max", scaling({ min: 5 }), '"min" (5) must not exceed "max" (4)'],
    ["scaling to zero without sockets", scaling({ min: 0 }), '"min": 0 needs "sockets"'],
    [
      "several units without a metric",
      { command: "serve", sockets: [{ name: "a", listen: "127.0.0.1:80" }], instances: { min: 0, max: 2 } },
      '"instances" needs "metric"',
    ],
    ["none at all", scaling({ min: 0, max: 0 }), "must be"],
    ["too many", scaling({ max: 257 }), "must be"],
    ["a start outside of the bounds", scaling({ start: 5 }), '"start" (5) must be between "min" (1) and "max" (4)'],
    ["no metric", { command: "serve", instances: { min: 1, max: 4 } }, '"instances" needs "metric"'],
    ["no target", { command: "serve", instances: { min: 1, max: 4, metric: "cpu" } }, '"instances" needs "target"'],
    ["two forms", scaling({ metrics: [{ metric: "queue", target: 1 }] }), '"metrics" replaces "metric" and "target"'],
    ["the same metric twice", scaling(cpuAnd("cpu")), 'the metric "cpu" is listed twice'],
    ["connections without a port", scaling({ metric: "connections" }), '"connections" are those on the TCP port'],
    [
      "connections on a unix socket",
      scaling({ metric: "connections" }, { port: 80, sockets: [{ name: "a", listen: "/run/a.sock" }] }),
      '"connections" are those on the TCP port',
    ],
    ["connections in the list", scaling(cpuAnd("connections")), '"connections" are those on the TCP port'],
    ["response_time without a probe", scaling({ metric: "response_time" }), "the time that the health probe takes"],
    ["no step", scaling({ max_step_up: "0%" }), "must be an integer from 1 or a percentage"],
    ["ports past the last one", scaling({}, { port: 65_533 }), "4 instances need the ports 65533 to 65536"],
    ["a oneshot", scaling({}, { type: "oneshot" }), "a oneshot runs to completion"],
  ])("%s is an error", (_, file, message) => {
    const text = JSON.parse(JSON.stringify(file));
    expect(bad(text).map((problem) => problem.message)).toContainEqual(expect.stringContaining(message));
  });

  test("connections need a TCP port", () => {
    const metric = "connections";
    expect(good(scaling({ metric }, { port: 8000 })).spec.scaling!.metrics).toEqual([{ metric, target: 70 }]);
    const sockets = [
      { name: "a", listen: "/run/a.sock" },
      { name: "b", listen: "127.0.0.1:8000" },
    ];
    expect(good(scaling({ metric }, { sockets })).spec.sockets).toHaveLength(2);
  });

  test("the ports of the largest number of units must not collide", () => {
    const units = { web: scaling({}, { port: 8000, enabled: true }), db: { command: "serve", port: 8003, enabled: true } };
    expect(JSON.stringify([...load(units).loaded.values()].flatMap(({ warnings }) => warnings))).toContain("port 8003");
  });
});

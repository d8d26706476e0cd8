import { describe, expect, test } from "bun:test";
import { instantiate, type LoadedSnapshot, loadSnapshot, type SnapshotOptions } from "../../../src/spec/load/load.ts";
import { merge } from "../../../src/spec/parse/merge.ts";
import { parse } from "../../../src/spec/parse/parse.ts";
import { loadSettings } from "../../../src/spec/schema/settings.ts";
import { Source, toValue } from "../../../src/spec/parse/tree.ts";
import { cpuMs } from "../../harness/cpu.ts";
import { bad, good, unitFiles } from "../fixtures.ts";

const load = (
  units: Record<string, string | object>,
  options: SnapshotOptions = {},
  unreadable: Array<{ path: string; message: string }> = [],
): LoadedSnapshot =>
  loadSnapshot({ units: Object.entries(units).map(([id, main]) => unitFiles(id, main)), unreadable, masked: [] }, options);

const dependsOn = (...dependencies: unknown[]): object => ({ command: "x", dependencies });
const messages = (snapshot: LoadedSnapshot, id: string): string[] => (snapshot.problems.get(id) ?? []).map(({ message }) => message);

describe("drop-ins", () => {
  test("are merged in their order: objects by key, lists as a whole, null removes", () => {
    const { spec } = good(
      { command: "a", args: ["1", "2"], port: 80, environment: { A: "1", B: "2" } },
      "web",
      { args: ["3"], environment: { B: "x", C: "y" } },
      { port: null, environment: { C: "z" } },
    );
    expect(spec).toMatchObject({ exec: { command: "a", args: ["3"] }, port: null, environment: { A: "1", B: "x", C: "z" } });
  });

  test("one drop-in that cannot be parsed makes the unit broken, although its main file is good", () => {
    expect(bad({ command: "a" }, "web", "{").map(({ file }) => file)).toEqual(["/u/web.unit.json.d/0.json"]);
    expect(bad({ command: "a" }, "web", "[]").map(({ message }) => message)).toEqual(["a unit file must contain a JSON object"]);
  });

  test("every value remembers its file and line", () => {
    const { sources } = good('{"command": "a",\n "log": {"keep": 1}}', "web", '{\n "log": {\n  "max_size_mb": 2}}');
    expect(sources.get("command")).toBe("/u/web.unit.json:1");
    expect(sources.get("log.keep")).toBe("/u/web.unit.json:2");
    expect(sources.get("log.max_size_mb")).toBe("/u/web.unit.json.d/0.json:3");
    expect(sources.get("log.compress")).toBe("default");
    expect(sources.get("restart_policy.max_retries")).toBe("default");
  });

  test("effective contains the defaults, by the keys of the unit file, and every key has a source", () => {
    const { effective, sources } = good({ $schema: "s", command: "a", type: "oneshot" });
    expect(effective).toMatchObject({ name: "web", command: "a", priority: 100, restart_policy: { max_retries: 5, retry_delay: 1 } });
    expect(Object.keys(effective)).not.toContain("start_timeout");
    expect(Object.keys(effective)).not.toContain("$schema");
    expect([...sources.keys()].map((key) => key.split(".")[0]!)).toEqual(expect.arrayContaining(Object.keys(effective)));
  });

  test("a wrong value in a drop-in is reported there", () => {
    expect(bad({ command: "a" }, "web", {}, '{\n "port": "x"}')).toMatchObject([
      { file: "/u/web.unit.json.d/1.json", line: 2, column: 10, key: "port" },
    ]);
  });

  test("a null for a key that does not exist is a misspelling", () => {
    expect(bad({ command: "a", port: 80 }, "web", { prot: null })).toMatchObject([
      { message: 'unknown key "prot"', hint: 'did you mean "port"?' },
    ]);
  });

  test("syntax errors of all files are reported together", () => {
    expect(bad("{", "web", "[", "{}").map(({ file }) => file)).toEqual(["/u/web.unit.json", "/u/web.unit.json.d/0.json"]);
  });

  test("merging follows the examples of RFC 7396, appendix A", () => {
    const node = (value: unknown) => {
      const parsed = parse(new Source("f", JSON.stringify(value)));
      if (!parsed.ok || parsed.value.kind !== "object") throw new Error("no object");
      return parsed.value;
    };
    for (const [target, patch, result] of [
      [{ a: "b" }, { a: "c" }, { a: "c" }],
      [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
      [{ a: "b" }, { a: null }, {}],
      [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
      [{ a: ["b"] }, { a: "c" }, { a: "c" }],
      [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
      [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ] as const) {
      expect<unknown>(toValue(merge(node(target), node(patch)))).toEqual(result);
    }
  });

  test("a null in the main file is a wrong value, not a removal", () => {
    expect(bad({ command: null })[0]!.message).toBe('"command" must be a string, not null');
  });
});

describe("settings as defaults", () => {
  const { settings } = loadSettings({ path: "/sup.json", text: '{\n"log": {"keep": 9, "max_size_mb": 1}}' });

  test("apply to keys that the unit does not set, and are named as the source", () => {
    const loaded = load({ web: { command: "x", log: { keep: 2 } } }, { unitDefaults: settings.unitDefaults }).loaded.get("web")!;
    expect(loaded.spec.log).toMatchObject({ keep: 2, maxSizeBytes: 1024 * 1024 });
    expect(loaded.sources.get("log.max_size_mb")).toBe("/sup.json:2");
    expect(loaded.sources.get("log.keep")).toBe("/u/web.unit.json:1");
  });

  test("are never the position of a problem of the unit file, and do not replace a null", () => {
    const { problems } = load({ a: "\n {}", b: { command: "x", log: null } }, { unitDefaults: settings.unitDefaults });
    expect(problems.get("a")).toMatchObject([{ file: "/u/a.unit.json", line: 2, column: 2, message: '"command" is missing' }]);
    expect(problems.get("b")).toMatchObject([{ file: "/u/b.unit.json", message: '"log" must be an object, not null' }]);
  });
});

describe("many units", () => {
  test("a file with errors never affects another", () => {
    const snapshot = load({ a: "{", b: { command: "x" }, "../x": { command: "x" }, "-x": { command: "x" } });
    expect([...snapshot.loaded.keys()]).toEqual(["b"]);
    expect([...snapshot.problems.keys()]).toEqual(["a", "../x", "-x"]);
    expect(messages(snapshot, "../x")).toEqual(['"../x" is not a valid unit name']);
  });

  test("an unreadable file or drop-in is a problem of its unit; other files are listed by path", () => {
    const snapshot = load({ web: { command: "x" }, ok: { command: "x" } }, {}, [
      { path: "/u/db.unit.json", message: "cannot read: permission denied" },
      { path: "/u/web.unit.json.d/a.json", message: "cannot read: permission denied" },
      { path: "/u/we ird.unit.json", message: "bad name" },
    ]);
    expect([...snapshot.problems.keys()]).toEqual(["db", "web", "/u/we ird.unit.json"]);
    expect([...snapshot.loaded.keys()]).toEqual(["ok"]);
  });

  test("a masked unit is not loaded; a unit that needs it is, with a warning", () => {
    const units = { app: dependsOn("db"), one: dependsOn("job@1"), soft: dependsOn({ unit: "db", required: false }) };
    const { loaded, problems, masked } = loadSnapshot({
      units: Object.entries(units).map(([id, main]) => unitFiles(id, main)),
      unreadable: [],
      masked: [
        { id: "db", path: "/u/db.unit.json" },
        { id: "job@", path: "/u/job@.unit.json" },
      ],
    });
    expect([...loaded.keys()]).toEqual(["app", "one", "soft"]);
    expect([...problems.keys()]).toEqual([]);
    expect([...masked.keys()]).toEqual(["db", "job@"]);
    const warnings = [...loaded.values()].flatMap((each) => each.warnings.map(({ severity, message }) => `${severity}: ${message}`));
    expect(warnings).toEqual([
      'warning: "db" is masked, so this unit cannot start',
      'warning: "job@1" is masked, so this unit cannot start',
    ]);
  });

  test("enabled units with one port or address get warnings; disabled units and shared sockets do not", () => {
    const socket = (listen: string, reuse = false): object => ({ name: "s", listen, reuse_port: reuse });
    const snapshot = load({
      a: { command: "x", enabled: true, port: 8080 },
      b: { command: "x", enabled: true, port: 8080, sockets: [socket("127.0.0.1:9", true)] },
      c: { command: "x", port: 8080 },
      d: { command: "x", enabled: true, sockets: [socket("127.0.0.1:9", true)] },
      e: { command: "x", enabled: true, sockets: [socket("/run/x.sock")] },
      f: '{"command": "x", "enabled": true,\n"sockets": [{"name": "s", "listen": "/run/x.sock"}]}',
    });
    const warnings = [...snapshot.loaded.values()].flatMap(({ spec, warnings }) =>
      warnings.map(({ line, key, message }) => [spec.id, line, key, message]),
    );
    expect(warnings).toEqual([
      ["a", 1, "port", '"b" is enabled too and has the same address: port 8080'],
      ["b", 1, "port", '"a" is enabled too and has the same address: port 8080'],
      ["e", 1, "sockets[0].listen", '"f" is enabled too and has the same address: /run/x.sock'],
      ["f", 2, "sockets[0].listen", '"e" is enabled too and has the same address: /run/x.sock'],
    ]);
  });

  test("a warning about an address that several other units have too names all of them", () => {
    const unit = { command: "x", enabled: true, port: 8080 };
    expect(
      load({ a: unit, b: unit, c: unit })
        .loaded.get("a")!
        .warnings.map(({ message }) => message),
    ).toEqual(['"b", "c" are enabled too and have the same address: port 8080']);
  });

  test("the guess for a missing dependency is never a name that cannot be a unit", () => {
    const snapshot = load({ web: dependsOn("db"), "-db": { command: "x" } }, {}, [{ path: "/u/db ", message: "bad name" }]);
    expect(snapshot.problems.get("web")![0]!.hint).toStartWith("create its file");
  });

  test("a missing dependency, with its position and a suggestion", () => {
    const snapshot = load({
      database: { command: "x" },
      web: '{"command": "x",\n"dependencies": ["databse"]}',
      api: dependsOn("nothing-like-it"),
    });
    expect(snapshot.problems.get("web")).toMatchObject([
      {
        line: 2,
        column: 18,
        key: "dependencies[0]",
        value: '"databse"',
        message: 'there is no unit "databse"',
        hint: 'did you mean "database"?',
      },
    ]);
    expect(messages(snapshot, "api")).toEqual(['there is no unit "nothing-like-it"']);
    expect([...snapshot.loaded.keys()]).toEqual(["database"]);
  });

  test("a missing dependency that is not required is a warning", () => {
    const snapshot = load({ web: dependsOn({ unit: "db", required: false }) });
    expect(snapshot.loaded.get("web")!.warnings).toMatchObject([
      { severity: "warning", message: 'there is no unit "db", so the dependency has no effect' },
    ]);
  });

  test.each<[string, string]>([
    ["web", "the unit depends on itself"],
    ["../x", '"../x" is not a valid unit name'],
    ["t@", '"t@" is a template, which never runs itself'],
    ["db@%i", '"db@%i" is not a valid unit name'],
    ["u@1", 'there is no unit "u@1"'],
  ])("a dependency on %s", (unit, message) => {
    const snapshot = load({ web: dependsOn(unit), "t@": { command: "x" } });
    expect(messages(snapshot, "web")).toEqual([message]);
  });

  test("a dependency on a unit with errors is not an error itself", () => {
    const snapshot = load({ db: "{", a: dependsOn("db"), b: dependsOn("a"), c: dependsOn("gone"), d: dependsOn("c") }, {}, [
      { path: "/u/q.unit.json", message: "m" },
    ]);
    expect([...snapshot.problems.keys()]).toEqual(["db", "q", "c"]);
    expect([...snapshot.loaded.keys()]).toEqual(["a", "b", "d"]);
  });

  test("missing dependencies are reported together with the other errors of the file, in its order", () => {
    const snapshot = load({
      a: '{"command": 5,\n"dependencies": ["gone", { "unit": "b", "quorum": 2 }],\n"port": "x"}',
      b: { command: "x" },
      c: { command: 5, dependencies: [5, "gone"] },
    });
    expect(snapshot.problems.get("a")!.map(({ line, key }) => `${line} ${key}`)).toEqual([
      "1 command",
      "2 dependencies[0]",
      "2 dependencies[1].quorum",
      "3 port",
    ]);
    expect(snapshot.problems.get("c")!.map(({ key }) => key)).toEqual(["command", "dependencies[0]"]);
  });

  test("a cycle is a problem of each of its units, at the dependency that is part of it", () => {
    const snapshot = load({
      c: dependsOn("a"),
      a: '{"command": "x", "dependencies": ["z",\n "b"]}',
      b: dependsOn("c"),
      z: { command: "x" },
      outside: dependsOn("a"),
    });
    for (const id of ["a", "b", "c"]) expect(messages(snapshot, id)).toEqual(["dependency cycle: a → b → c → a"]);
    expect(snapshot.problems.get("a")).toMatchObject([{ line: 2, column: 2 }]);
    expect([...snapshot.loaded.keys()]).toEqual(["z", "outside"]);
  });

  test("two cycles are both reported", () => {
    const snapshot = load({ a: dependsOn("b"), b: dependsOn("a"), c: dependsOn("d"), d: dependsOn("c") });
    expect(messages(snapshot, "b")).toEqual(["dependency cycle: a → b → a"]);
    expect(messages(snapshot, "c")).toEqual(["dependency cycle: c → d → c"]);
  });

  test.each<[string, string, object]>([
    ["a plain unit", "db", { db: { command: "x" } }],
    ["an instance", "t@1", { "t@": { command: "x" } }],
    ["a unit with errors", "bad", { bad: "{" }],
  ])("a quorum above the number of units is an error with its position: %s", (_, unit, others) => {
    const web = `{"command": "x",\n"dependencies": [{ "unit": "${unit}", "quorum": 2 }]}`;
    expect(load({ web, ...others }).problems.get("web")).toMatchObject([
      {
        severity: "error",
        line: 2,
        column: 30 + unit.length + 12,
        key: "dependencies[0].quorum",
        value: "2",
        message: `the quorum of 2 can never be met: "${unit}" is 1 unit`,
      },
    ]);
  });

  test("a quorum of one unit is fine", () => {
    const { loaded } = load({ web: dependsOn({ unit: "db", quorum: 1 }), db: { command: "x" } });
    expect(loaded.get("web")!.warnings).toEqual([]);
    expect(loaded.get("web")!.spec.dependencies).toMatchObject([{ unit: "db", quorum: 1 }]);
  });

  test("waiting for the end of a unit that keeps running is a warning", () => {
    const snapshot = load({
      job: { command: "x", type: "oneshot" },
      srv: { command: "x" },
      a: dependsOn({ unit: "srv", condition: "succeeded" }),
      b: dependsOn({ unit: "job", condition: "succeeded" }),
    });
    expect(snapshot.loaded.get("a")!.warnings[0]!.message).toContain('waits until "srv" has ended');
    expect(snapshot.loaded.get("b")!.warnings).toEqual([]);
  });
});

describe("templates", () => {
  test("an instance is created when it is requested or depended on, with its own dependencies", () => {
    const snapshot = load(
      { "web@": dependsOn("db@main"), "db@": { command: "x", name: "Database" }, lb: dependsOn("web@1") },
      { instances: ["web@2", "nope@1"] },
    );
    expect([...snapshot.loaded.keys()].sort()).toEqual(["db@main", "lb", "web@1", "web@2"]);
    expect([...snapshot.templates.keys()]).toEqual(["web@", "db@"]);
    expect(snapshot.loaded.get("web@1")!.spec).toMatchObject({ id: "web@1", name: "web@1" });
    expect(snapshot.loaded.get("db@main")!.spec.name).toBe("Database");
    expect(snapshot.loaded.get("web@1")!.effective.name).toBe("web@1");
  });

  test("an instance with its own file does not use the template", () => {
    const snapshot = load({ "web@": { command: "t" }, "web@1": { command: "own" }, lb: dependsOn("web@1") });
    expect(snapshot.loaded.get("web@1")!.spec.exec.command).toBe("own");
  });

  test("instances of a template with errors have its problems, and units that depend on them load", () => {
    const snapshot = load({ "web@": "{", lb: dependsOn("web@1") }, { instances: ["web@2"] });
    expect([...snapshot.problems.keys()].sort()).toEqual(["web@", "web@1", "web@2"]);
    expect([...snapshot.loaded.keys()]).toEqual(["lb"]);
  });

  test("cycles through instances are found", () => {
    const snapshot = load({ "web@": dependsOn("lb"), lb: dependsOn("web@1") });
    expect(messages(snapshot, "web@1")).toEqual(["dependency cycle: lb → web@1 → lb"]);
  });

  test("instantiate returns the instance, or why it is not possible", () => {
    const template = good({ command: "x" }, "web@");
    const made = instantiate(template, "a.b");
    expect(made.ok && made.value.spec.id).toBe("web@a.b");
    expect(made.ok && made.value.sources.get("command")).toBe("/u/web@.unit.json:1");
    expect(instantiate(template, "../x").ok).toBe(false);
    expect(instantiate(good({ command: "x" }), "1").ok).toBe(false);
  });
});

test("five hundred units load fast", () => {
  const units: Record<string, object> = {};
  for (let i = 0; i < 500; i++) {
    units[`unit${i}`] = {
      description: `Unit ${i}`,
      command: "/usr/bin/env",
      args: ["node", "server.js", "--port", "${PORT}"],
      port: 3000 + i,
      environment: { A: "1", B: "${A}-x" },
      health_check: { type: "http", endpoint: "http://127.0.0.1:${PORT}/health", interval: 10 },
      restart_policy: { max_retries: 3 },
      dependencies: i > 0 ? [`unit${i - 1}`] : [],
    };
  }
  const took = cpuMs(() => {
    const { loaded, problems } = load(units);
    expect(loaded.size).toBe(500);
    expect(problems.size).toBe(0);
  });
  expect(took).toBeLessThan(2000); // about 40 ms when warm; the limit only catches quadratic behaviour
});

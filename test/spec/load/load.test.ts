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
): LoadedSnapshot => loadSnapshot({ units: Object.entries(units).map(([id, main]) => unitFiles(id, main)), unreadable }, options);

const needs = (...dependencies: unknown[]): object => ({ command: "x", dependencies });
const messages = (snapshot: LoadedSnapshot, id: string): string[] => (snapshot.problems.get(id) ?? []).map(({ message }) => message);

describe("drop-ins", () => {
  test("are merged in their order: objects by key, lists whole, null takes away", () => {
    const { spec } = good(
      { command: "a", args: ["1", "2"], port: 80, environment: { A: "1", B: "2" } },
      "web",
      { args: ["3"], environment: { B: "x", C: "y" } },
      { port: null, environment: { C: "z" } },
    );
    expect(spec).toMatchObject({ exec: { command: "a", args: ["3"] }, port: null, environment: { A: "1", B: "x", C: "z" } });
  });

  test("every value knows the file and line it came from", () => {
    const { sources } = good('{"command": "a",\n "log": {"keep": 1}}', "web", '{\n "log": {\n  "max_size_mb": 2}}');
    expect(sources.get("command")).toBe("/u/web.unit.json:1");
    expect(sources.get("log.keep")).toBe("/u/web.unit.json:2");
    expect(sources.get("log.max_size_mb")).toBe("/u/web.unit.json.d/0.json:3");
    expect(sources.get("log.compress")).toBe("default");
    expect(sources.get("restart_policy.max_retries")).toBe("default");
  });

  test("effective has the defaults, in the words of the unit file, and every key of it a source", () => {
    const { effective, sources } = good({ $schema: "s", command: "a", type: "oneshot" });
    expect(effective).toMatchObject({ name: "web", command: "a", priority: 100, restart_policy: { max_retries: 5, retry_delay: 1 } });
    expect(Object.keys(effective)).not.toContain("start_timeout");
    expect(Object.keys(effective)).not.toContain("$schema");
    expect([...sources.keys()].map((key) => key.split(".")[0]!)).toEqual(expect.arrayContaining(Object.keys(effective)));
  });

  test("a wrong value in one is told there", () => {
    expect(bad({ command: "a" }, "web", {}, '{\n "port": "x"}')).toMatchObject([
      { file: "/u/web.unit.json.d/1.json", line: 2, column: 10, key: "port" },
    ]);
  });

  test("a null for a key that does not exist is a misspelling", () => {
    expect(bad({ command: "a", port: 80 }, "web", { prot: null })).toMatchObject([
      { message: 'unknown key "prot"', hint: 'did you mean "port"?' },
    ]);
  });

  test("slips of all files are told together", () => {
    expect(bad("{", "web", "[", "{}").map(({ file }) => file)).toEqual(["/u/web.unit.json", "/u/web.unit.json.d/0.json"]);
  });

  test("merging is RFC 7396, as its appendix has it", () => {
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
    expect(bad({ command: null })[0]!.message).toBe('"command" must be a text, not null');
  });
});

describe("settings as defaults", () => {
  const { settings } = loadSettings({ path: "/sup.json", text: '{\n"log": {"keep": 9, "max_size_mb": 1}}' });

  test("hold where the unit says nothing, and are named as the source", () => {
    const loaded = load({ web: { command: "x", log: { keep: 2 } } }, { unitDefaults: settings.unitDefaults }).loaded.get("web")!;
    expect(loaded.spec.log).toMatchObject({ keep: 2, maxSizeBytes: 1024 * 1024 });
    expect(loaded.sources.get("log.max_size_mb")).toBe("/sup.json:2");
    expect(loaded.sources.get("log.keep")).toBe("/u/web.unit.json:1");
  });

  test("never stand in for the unit file in a problem, and take no null", () => {
    const { problems } = load({ a: "\n {}", b: { command: "x", log: null } }, { unitDefaults: settings.unitDefaults });
    expect(problems.get("a")).toMatchObject([{ file: "/u/a.unit.json", line: 2, column: 2, message: '"command" is missing' }]);
    expect(problems.get("b")).toMatchObject([{ file: "/u/b.unit.json", message: '"log" must be an object, not null' }]);
  });
});

describe("many units", () => {
  test("a bad file never disturbs another", () => {
    const snapshot = load({ a: "{", b: { command: "x" }, "../x": { command: "x" }, "-x": { command: "x" } });
    expect([...snapshot.loaded.keys()]).toEqual(["b"]);
    expect([...snapshot.problems.keys()]).toEqual(["a", "../x", "-x"]);
    expect(messages(snapshot, "../x")).toEqual(['"../x" is not a name for a unit']);
  });

  test("a file that cannot be read marks its unit; so does one of its drop-ins; others stand by their path", () => {
    const snapshot = load({ web: { command: "x" }, ok: { command: "x" } }, {}, [
      { path: "/u/db.unit.json", message: "cannot read: permission denied" },
      { path: "/u/web.unit.json.d/a.json", message: "cannot read: permission denied" },
      { path: "/u/we ird.unit.json", message: "bad name" },
    ]);
    expect([...snapshot.problems.keys()]).toEqual(["db", "web", "/u/we ird.unit.json"]);
    expect([...snapshot.loaded.keys()]).toEqual(["ok"]);
  });

  test("a dependency that does not exist, with the place and a guess", () => {
    const snapshot = load({
      database: { command: "x" },
      web: '{"command": "x",\n"dependencies": ["databse"]}',
      api: needs("nothing-like-it"),
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

  test("one that is not required and does not exist is a warning", () => {
    const snapshot = load({ web: needs({ unit: "db", required: false }) });
    expect(snapshot.loaded.get("web")!.warnings).toMatchObject([
      { severity: "warning", message: 'there is no unit "db": nothing to wait for' },
    ]);
  });

  test.each<[string, string]>([
    ["web", "the unit depends on itself"],
    ["../x", '"../x" is not the name of a unit'],
    ["t@", '"t@" is a template, which never runs itself'],
    ["db@%i", '"db@%i" is not the name of a unit'],
    ["u@1", 'there is no unit "u@1"'],
  ])("a dependency on %s", (unit, message) => {
    const snapshot = load({ web: needs(unit), "t@": { command: "x" } });
    expect(messages(snapshot, "web")).toEqual([message]);
  });

  test("a dependency whose own file is bad is no second error", () => {
    const snapshot = load({ db: "{", a: needs("db"), b: needs("a"), c: needs("gone"), d: needs("c") }, {}, [
      { path: "/u/q.unit.json", message: "m" },
    ]);
    expect([...snapshot.problems.keys()]).toEqual(["db", "q", "c"]);
    expect([...snapshot.loaded.keys()]).toEqual(["a", "b", "d"]);
  });

  test("a cycle marks each of its units, with the path and the place that leads on", () => {
    const snapshot = load({
      c: needs("a"),
      a: '{"command": "x", "dependencies": ["z",\n "b"]}',
      b: needs("c"),
      z: { command: "x" },
      outside: needs("a"),
    });
    for (const id of ["a", "b", "c"]) expect(messages(snapshot, id)).toEqual(["dependency cycle: a → b → c → a"]);
    expect(snapshot.problems.get("a")).toMatchObject([{ line: 2, column: 2 }]);
    expect([...snapshot.loaded.keys()]).toEqual(["z", "outside"]);
  });

  test("two cycles are both found", () => {
    const snapshot = load({ a: needs("b"), b: needs("a"), c: needs("d"), d: needs("c") });
    expect(messages(snapshot, "b")).toEqual(["dependency cycle: a → b → a"]);
    expect(messages(snapshot, "c")).toEqual(["dependency cycle: c → d → c"]);
  });

  test("waiting for the end of what runs on is a warning", () => {
    const snapshot = load({
      job: { command: "x", type: "oneshot" },
      srv: { command: "x" },
      a: needs({ unit: "srv", condition: "succeeded" }),
      b: needs({ unit: "job", condition: "succeeded" }),
    });
    expect(snapshot.loaded.get("a")!.warnings[0]!.message).toContain('waits until "srv" has ended');
    expect(snapshot.loaded.get("b")!.warnings).toEqual([]);
  });
});

describe("templates", () => {
  test("an instance is made when it is depended on or asked for, with what it depends on itself", () => {
    const snapshot = load(
      { "web@": needs("db@main"), "db@": { command: "x", name: "Database" }, lb: needs("web@1") },
      { instances: ["web@2", "nope@1"] },
    );
    expect([...snapshot.loaded.keys()].sort()).toEqual(["db@main", "lb", "web@1", "web@2"]);
    expect([...snapshot.templates.keys()]).toEqual(["web@", "db@"]);
    expect(snapshot.loaded.get("web@1")!.spec).toMatchObject({ id: "web@1", name: "web@1" });
    expect(snapshot.loaded.get("db@main")!.spec.name).toBe("Database");
    expect(snapshot.loaded.get("web@1")!.effective.name).toBe("web@1");
  });

  test("a file of its own wins over the template", () => {
    const snapshot = load({ "web@": { command: "t" }, "web@1": { command: "own" }, lb: needs("web@1") });
    expect(snapshot.loaded.get("web@1")!.spec.exec.command).toBe("own");
  });

  test("instances of a bad template are marked with its problems, and are no second error", () => {
    const snapshot = load({ "web@": "{", lb: needs("web@1") }, { instances: ["web@2"] });
    expect([...snapshot.problems.keys()].sort()).toEqual(["web@", "web@1", "web@2"]);
    expect([...snapshot.loaded.keys()]).toEqual(["lb"]);
  });

  test("cycles go through instances", () => {
    const snapshot = load({ "web@": needs("lb"), lb: needs("web@1") });
    expect(messages(snapshot, "web@1")).toEqual(["dependency cycle: lb → web@1 → lb"]);
  });

  test("instantiate gives the instance, or says why not", () => {
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
    expect([loaded.size, problems.size]).toEqual([500, 0]);
  });
  expect(took).toBeLessThan(2000); // some 30 ms once warm; the bound only catches what is quadratic
});

import { describe, expect, test } from "bun:test";
import { entryOf, importFiles, unitOf } from "./files.ts";

describe("nothing is lost without a word", () => {
  test.each([
    ["/a/main.conf", "[supervisord]\nnodaemon=true\n[include]\nfiles=/nowhere/*.conf\n", "import the files that [include] names"],
    ["/a/process-compose.yaml", "processes: {}\n", null],
    ["/a/ecosystem.config.js", "module.exports = { apps: [] };\n", null],
  ])("%s without a program is refused", (path, text, hint) => {
    const { problems, units } = importFiles({ [path]: text });
    expect(units).toEqual([]);
    expect(problems[0]!.message).toBe(`cannot import ${path.slice(3)}: it defines no program`);
    if (hint === null) expect(problems[0]!.hint).toBeNull();
    else expect(problems[0]!.hint).toContain(hint);
  });

  test("a YAML file with one key per line is not a Procfile", () => {
    expect(importFiles({ "/a/x.yaml": 'version: "0.5"\n' }).problems[0]!.message).toContain("its format is unknown");
  });

  test("dependencies of process-compose are reported once, whether there are some or none", () => {
    const imported = importFiles({
      "/a/process-compose.yaml": "processes:\n  a: { command: a, depends_on: {} }\n  b: { command: b, depends_on: { a: {} } }\n",
    });
    expect(entryOf(imported, "depends_on", "a")?.outcome).toBe("carried");
    expect(entryOf(imported, "depends_on", "b")).toBeUndefined();
    expect(entryOf(imported, "depends_on.a", "b")?.outcome).toBe("carried");
  });

  test("a command of an unexpected form is named as the reason", () => {
    const { problems } = importFiles({ "/a/process-compose.yaml": "processes:\n  a: { command: [x, y] }\n" });
    expect(problems[0]!.message).toBe("cannot import a: it has no command: the value is not valid for this key");
  });

  test("cron_restart is reported for the app, too", () => {
    const text = `module.exports = { apps: [{ name: "a", script: "a.js", cron_restart: "0 3 * * *" }] };`;
    const imported = importFiles({ "/a/ecosystem.config.js": text });
    expect(entryOf(imported, "cron_restart", "a")).toMatchObject({ outcome: "carried", how: expect.stringContaining("a-restart") });
  });

  test("%(host_node_name)s of supervisord becomes a variable", () => {
    const imported = importFiles({ "/a/a.conf": "[program:a]\ncommand=/bin/a --name=%(host_node_name)s\n" });
    expect(unitOf(imported, "a").json.args).toEqual(["--name=${HOSTNAME}"]);
    expect(entryOf(imported, "command")?.whatToDo).toContain("set HOSTNAME");
  });

  test("keys of a probe that process-compose does not know", () => {
    const probe = "{ exec: { command: x, shell: y }, interval: 2s, success_threshold: 2 }";
    const imported = importFiles({ "/a/process-compose.yaml": `processes:\n  a: { command: a, readiness_probe: ${probe} }\n` });
    expect(imported.report.filter(({ outcome }) => outcome === "dropped").map(({ field }) => field)).toEqual([
      "readiness_probe.interval",
      "readiness_probe.exec.shell",
    ]);
    expect(unitOf(imported, "a").json.health_check).toMatchObject({ success_threshold: 2 });
  });

  test("a default of a variable of process-compose, and a dependency on one replica", () => {
    const imported = importFiles({
      "/a/process-compose.yaml": `processes:
  a: { command: "a {{.PC_REPLICA_NUM}}", replicas: 2, availability: { restart: "\${R:-on_failure}" } }
  b: { command: b, depends_on: { a-1: { condition: process_started } } }
`,
    });
    expect(unitOf(imported, "a-0").json.auto_restart).toBeUndefined();
    expect(entryOf(imported, "availability.restart", "a-0")).toMatchObject({ outcome: "approximated" });
    expect(unitOf(imported, "b").json.dependencies).toEqual([{ unit: "a-1", condition: "started" }]);
  });

  test("variables that a program would inherit from supervisord or foreman", () => {
    const script = `exec a "$PORT" '$LITERAL' \\$ESCAPED $HOME $SET \${WORKERS:-1}; X=1; echo $X; for f in $LIST; do echo $f; done`;
    const supervisord = importFiles({
      "/a/a.conf": `[program:a]\ncommand=bash -c "${script.replaceAll('"', '\\"')}"\nenvironment=SET="1"\n`,
    });
    expect(entryOf(supervisord, "command")?.whatToDo).toBe('set PORT, WORKERS, LIST in "environment" or in a file of "environment_files"');
    const foreman = importFiles({ "/a/Procfile": "web: a $PORT --host $DYNO $KNOWN\n", "/a/.env": "KNOWN=1\n" }, ["/a/Procfile"]);
    expect(foreman.report.find(({ field, outcome }) => field === "web" && outcome === "approximated")?.how).toContain("reads DYNO from");
  });
});

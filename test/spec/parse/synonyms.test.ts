import { describe, expect, test } from "bun:test";
import { unitKeys } from "../../../src/spec/parse/draft.ts";
import { keyInfoAt } from "../../../src/spec/parse/keys.ts";
import { ADVICE, EXAMPLES, SYNONYMS } from "../../../src/spec/parse/synonyms.ts";
import { loadSettings } from "../../../src/spec/schema/settings.ts";
import { bad, good } from "../fixtures.ts";

describe("keys of other supervisors", () => {
  test.each<[string, string]>([
    ["restart", "auto_restart"],
    ["autorestart", "auto_restart"],
    ["script", "command"],
    ["exec", "command"],
    ["cmd", "command"],
    ["ExecStart", "command"],
    ["exec_start", "command"],
    ["cwd", "working_directory"],
    ["directory", "working_directory"],
    ["env", "environment"],
    ["depends_on", "dependencies"],
    ["after", "dependencies"],
    ["requires", "dependencies"],
    ["user_name", "user"],
    ["stopsignal", "graceful_shutdown.signal"],
    ["autostart", "enabled"],
    ["healthcheck", "health_check"],
    ["RestartSec", "restart_policy.retry_delay"],
    ["max_memory_restart", "resource_limits.max_memory_mb"],
  ])("%s: did you mean %s?", (key, meant) => {
    const [problem, ...others] = bad({ command: "x", [key]: "y" });
    expect(problem).toMatchObject({ message: `unknown key "${key}"`, hint: `did you mean "${meant}"?` });
    expect(others).toEqual([]);
  });

  test.each<[string, object, string]>([
    ["url", { health_check: { type: "http", endpoint: "http://h/", url: "y" } }, "health_check.endpoint"],
    ["name", { dependencies: ["a", { unit: "b", name: "y" }] }, "dependencies[1].unit"],
    [
      "retries",
      { health_check: { type: "process", fallback_check: { type: "http", endpoint: "http://h/", uri: "y" } } },
      "health_check.fallback_check.endpoint",
    ],
  ])("inside an object: %s", (_, keys, meant) => {
    expect(bad({ command: "x", ...keys }).map(({ hint }) => hint)).toEqual([`did you mean "${meant}"?`]);
  });

  test("a key of another type of check is not suggested", () => {
    expect(bad({ command: "x", port: 80, health_check: { type: "tcp", url: "y" } })[0]!.hint).not.toBe(
      'did you mean "health_check.endpoint"?',
    );
    expect(bad({ command: "x", health_check: { type: "process", fallback_check: { type: "process", retries: 1 } } })[0]!.hint).toBeNull();
  });

  test.each([
    ["numprocs", "template"],
    ["stdout_logfile", "sup logs"],
    ["interpreter", '"args"'],
    ["processes", "NAME.unit.json"],
  ])("%s has no counterpart and gets advice", (key, advice) => {
    expect(bad({ command: "x", [key]: "y" })[0]!.hint).toContain(advice);
  });
});

test("the settings get no advice about unit files", () => {
  const { problems } = loadSettings({ path: "/sup.json", text: '{"disabled": true}' });
  expect(problems).toMatchObject([{ message: 'unknown key "disabled"', hint: null }]);
});

describe("the table", () => {
  const rows = Object.entries(SYNONYMS).flatMap(([home, targets]) =>
    Object.entries(targets).map(([target, words]) => ({
      home,
      target: home === "" ? target : `${home}.${target}`,
      words: words.split(" "),
    })),
  );

  test("every suggestion is a key of the unit file", () => {
    for (const { target } of rows) expect(keyInfoAt(unitKeys(), target.split("."))?.path).toBe(target);
  });

  test("no word has two meanings, and none is a key itself", () => {
    const seen = new Set<string>();
    const advice = Object.values(ADVICE[""]!).map((words) => ({ home: "", words: words.split(" ") }));
    for (const { home, words } of [...rows, ...advice]) {
      for (const word of words) {
        const id = `${home} ${word.toLowerCase().replaceAll(/[_-]/g, "")}`;
        expect(seen).not.toContain(id);
        seen.add(id);
        expect(keyInfoAt(unitKeys(), home === "" ? [word] : [home, word])).toBeUndefined();
      }
    }
  });
});

test("each example for a key with an object is valid, and a file with another value there gets it as a hint", () => {
  for (const [key, example] of Object.entries(EXAMPLES)) {
    const value = JSON.parse(example.replace("PORT/PATH", "80/").replace("DIRECTORY", "/srv")) as unknown;
    expect(good({ command: "x", ...(key === "schedule" && { type: "oneshot" }), [key]: value }).warnings).toEqual([]);
    const other = Array.isArray(value) ? 80 : "SIGTERM";
    expect(bad({ command: "x", [key]: other })).toMatchObject([{ key, hint: `for example ${example}` }]);
  }
});

test("unknown keys are reported also where the type is missing or wrong, with a hint", () => {
  for (const type of [{}, { type: "htp" }]) {
    const problems = bad({ command: "x", health_check: { ...type, url: "http://x/", intervall: 3, port: 9 } });
    expect(problems.map(({ key, hint }) => [key, hint])).toEqual([
      ["health_check.type", expect.any(String)],
      ["health_check.url", 'did you mean "health_check.endpoint"?'],
      ["health_check.intervall", 'did you mean "health_check.interval"?'],
    ]);
  }
});

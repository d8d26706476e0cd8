import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FakeDaemon, sup, type Given } from "./fake.ts";
import { aService, detailOf } from "./fixtures.ts";

/** A home with unit files and no daemon. */
function homeWith(files: Record<string, string>) {
  const home = mkdtempSync(join(tmpdir(), "sup-files-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  return { home, path: (name: string) => join(home, name), [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
}

const GOOD = '{ "command": "/bin/true" }\n';

describe("verify", () => {
  test("a valid file exits with 0", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    expect(await sup(at, ["verify", at.path("units/web.unit.json")])).toEqual({ code: 0, out: "1 file checked: no errors\n", err: "" });
  });

  test("an unknown key exits with 1 and shows the position, the line, a caret and a suggestion", async () => {
    using at = homeWith({ "units/web.unit.json": '{\n  "comand": "/bin/true"\n}\n' });
    const { code, out, err } = await sup(at, ["verify", at.path("units/web.unit.json")]);
    expect(code).toBe(1);
    expect(out).toMatch(/^1 file checked: \d errors?\n$/);
    expect(err).toContain(`${at.path("units/web.unit.json")}:2:3: error: unknown key "comand"`);
    expect(err).toMatch(/2 \| {3}"comand": "\/bin\/true"\n.*\| +\^/);
    expect(err).toContain('did you mean "command"?');
  });

  test("--json: problems with file, line and column", async () => {
    using at = homeWith({ "units/web.unit.json": '{\n  "comand": "/bin/true"\n}\n' });
    const { code, out } = await sup(at, ["verify", "--json", at.path("units/web.unit.json")]);
    const verdict = JSON.parse(out);
    expect(code).toBe(1);
    expect(verdict).toMatchObject({ ok: false, files: [at.path("units/web.unit.json")] });
    expect(verdict.problems).toContainEqual(expect.objectContaining({ severity: "error", line: 2, column: 3, key: "comand" }));
  });

  test("without a file, checks the whole unit path; earlier directories take precedence", async () => {
    using at = homeWith({ "a/web.unit.json": GOOD, "b/web.unit.json": "{", "b/db.unit.json": GOOD });
    const { code, out } = await sup(at, ["verify", "--json", "--units", at.path("a"), "--units", at.path("b")]);
    expect(code).toBe(0);
    expect(JSON.parse(out).files.sort()).toEqual([at.path("a/web.unit.json"), at.path("b/db.unit.json")]);
  });

  test("dependencies are found next to the file and in the unit path, and errors of other files are not reported", async () => {
    using at = homeWith({
      "draft/web.unit.json": '{ "command": "/bin/true", "dependencies": ["db", "mq"] }',
      "draft/broken.unit.json": "{",
      "draft/mq.unit.json": GOOD,
      "units/db.unit.json": GOOD,
    });
    expect(await sup(at, ["verify", at.path("draft/web.unit.json")])).toMatchObject({ code: 0, err: "" });
    rmSync(at.path("units/db.unit.json"));
    expect(await sup(at, ["verify", at.path("draft/web.unit.json")])).toMatchObject({ code: 1, err: expect.stringContaining("db") });
  });

  test("what the machine lacks is a warning at the line of its key, and does not change the exit code", async () => {
    using at = homeWith({
      "units/web.unit.json": '{\n  "command": "no-such-program",\n  "working_directory": "/no/such/directory"\n}\n',
      "units/web.unit.json.d/env.json": '{ "environment_files": ["-/no/such/file"] }\n',
      "units/db.unit.json": '{\n  "command": "true",\n  "user": "no-such-user"\n}\n',
    });
    const { code, out, err } = await sup(at, ["verify", "--units", at.path("units")]);
    expect([code, out]).toEqual([0, "2 files checked: no errors\n"]);
    expect(err).toContain(`${at.path("units/db.unit.json")}:3: warning: user: there is no user no-such-user`);
    expect(err).toContain(`${at.path("units/web.unit.json")}:2: warning: command: cannot execute no-such-program`);
    expect(err).toContain(`${at.path("units/web.unit.json")}:3: warning: working_directory: cannot change to`);
  });

  test("files that are ignored because of their names are warnings; files set aside on purpose are not", async () => {
    const aside = [
      "web.unit.json~",
      "web.unit.json.bak",
      "web.unit.json.masked",
      "db.unit.json.disabled",
      ".web.unit.json.swp",
      "README.md",
    ];
    const odd = ["api.json", "old.service", "web.unit.json.d/10-port.conf", "web.unit.jsonc", "x.unit"];
    using at = homeWith({
      "units/web.unit.json": GOOD,
      "units/web.unit.json.d/20-ok.json": "{}",
      ...Object.fromEntries([...aside, ...odd].map((name) => [`units/${name}`, "{}"])),
    });
    for (const args of [["--units", at.path("units")], [at.path("units")]]) {
      const { code, out } = await sup(at, ["verify", "--json", ...args]);
      const { problems } = JSON.parse(out) as { problems: Array<{ file: string; severity: string; hint: string | null }> };
      expect([code, problems.map(({ file, severity }) => `${file.slice(at.path("units/").length)} ${severity}`)]).toEqual([
        0,
        odd.map((name) => `${name} warning`),
      ]);
      expect(problems.map(({ hint }) => hint)).toEqual([
        "rename it to api.unit.json",
        null,
        null,
        "rename it to web.unit.json",
        "rename it to x.unit.json",
      ]);
    }
    expect((await sup(at, ["verify", at.path("units/web.unit.json")])).err).toBe("");
  });

  test("drop-ins are merged, and verifying a drop-in verifies its unit", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD, "units/web.unit.json.d/a.json": '{ "prt": 80 }' });
    const { code, err } = await sup(at, ["verify", at.path("units/web.unit.json.d/a.json")]);
    expect(code).toBe(1);
    expect(err).toContain('a.json:1:3: error: unknown key "prt"');
  });

  test("units of the same name in two directories are both checked", async () => {
    using at = homeWith({ "a/web.unit.json": "{", "b/web.unit.json": '{ "comand": 1 }' });
    const { out } = await sup(at, ["verify", "--json", at.path("a"), at.path("b/web.unit.json")]);
    const verdict = JSON.parse(out);
    expect(verdict.files).toEqual([at.path("a/web.unit.json"), at.path("b/web.unit.json")]);
    expect(new Set(verdict.problems.map(({ file }: { file: string }) => file))).toEqual(new Set(verdict.files));
  });

  test.each([
    ["units/no unit.unit.json", /is not a valid unit name/],
    ["no/such.unit.json", /cannot read it: no such file or directory/],
    ["units/readme.txt", /the name of a unit file must be NAME\.unit\.json/],
  ])("%s is an error", async (name, words) => {
    using at = homeWith({ "units/readme.txt": "hello", "units/no unit.unit.json": GOOD });
    const outcome = await sup(at, ["verify", at.path(name)]);
    expect(outcome.code).toBe(1);
    expect(outcome.err).toMatch(words);
  });

  test("a bare name means the unit, even if there is a directory of that name", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD, "units/other.unit.json": GOOD });
    const here = process.cwd();
    mkdirSync(at.path("web"));
    process.chdir(at.home);
    try {
      expect(await sup(at, ["verify", "web"])).toEqual({ code: 0, out: "1 file checked: no errors\n", err: "" });
      expect(await sup(at, ["verify", "units"])).toMatchObject({ code: 0, out: "2 files checked: no errors\n" });
      const { code, err } = await sup(at, ["verify", "wbe"]);
      expect([code, err]).toEqual([1, expect.stringContaining(`no wbe.unit.json in ${at.path("units")}`)]);
    } finally {
      process.chdir(here);
    }
  });

  test("an empty unit path is reported, but is not an error", async () => {
    using at = homeWith({});
    expect(await sup(at, ["verify"])).toEqual({ code: 0, out: `No unit files in ${at.path("units")}.\n`, err: "" });
  });
});

test("schema prints a JSON Schema of the unit file", async () => {
  using at = homeWith({});
  const schema = JSON.parse((await sup(at, ["schema"])).out);
  expect(schema).toMatchObject({ type: "object", $schema: expect.stringContaining("json-schema.org") });
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(["command", "health_check", "dependencies"]));
});

describe("edit", () => {
  /** An editor that writes this text into the file it is given. */
  const writes = (text: string | null, seen: string[][] = []): Given => ({
    env: { EDITOR: "ed --quiet" },
    host: {
      interactive: async (command) => {
        seen.push([...command]);
        if (text !== null) writeFileSync(command.at(-1)!, text);
        return 0;
      },
    },
  });

  test("opens the unit's file in $EDITOR, checks it and suggests the next command", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    const seen: string[][] = [];
    const { code, out } = await sup(at, ["edit", "web"], writes('{ "command": "/bin/false" }', seen));
    expect(seen).toEqual([["/bin/sh", "-c", 'ed --quiet "$@"', "ed --quiet", at.path("units/web.unit.json")]]);
    expect({ code, out }).toEqual({ code: 0, out: `${at.path("units/web.unit.json")} is valid. \`sup reload --dry-run\` shows what would change, \`sup reload\` applies it.\n` }); // prettier-ignore
  });

  test("$VISUAL takes precedence over $EDITOR", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    const seen: string[][] = [];
    const given = writes(null, seen);
    await sup(at, ["edit", "web"], { ...given, env: { ...given.env, VISUAL: "see" } });
    expect(seen[0]?.[2]).toBe('see "$@"');
  });

  test("uses the path that the daemon reports", async () => {
    using at = homeWith({ "elsewhere/web.unit.json": GOOD, "units/web.unit.json": GOOD });
    await using daemon = new FakeDaemon({ service: () => detailOf(aService("web", { file: at.path("elsewhere/web.unit.json") })) });
    const seen: string[][] = [];
    expect(await sup(daemon, ["edit", "web"], writes(null, seen))).toMatchObject({ code: 0, out: "Nothing changed.\n" });
    expect(seen[0]?.at(-1)).toBe(at.path("elsewhere/web.unit.json"));
  });

  test("shows errors and exits with 1", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    const { code, out, err } = await sup(at, ["edit", "web"], writes('{ "comand": "x" }'));
    expect(code).toBe(1);
    expect(err).toContain('unknown key "comand"');
    expect(out).toContain("the last valid version stays in effect");
  });

  test("creates a new drop-in, and removes it if nothing was entered", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    const path = at.path("units/web.unit.json.d/local.json");
    expect(await sup(at, ["edit", "web", "--drop-in", "local"], writes(null))).toMatchObject({ code: 0, out: "Nothing changed.\n" });
    expect(existsSync(path)).toBe(false);
    expect(await sup(at, ["edit", "web", "--drop-in", "local.json"], writes('{ "priority": 5 }'))).toMatchObject({ code: 0 });
    expect(readFileSync(path, "utf8")).toBe('{ "priority": 5 }');
  });

  test("an unknown unit exits with 4 and hints at where to create it", async () => {
    using at = homeWith({});
    expect(await sup(at, ["edit", "web"], writes(null))).toEqual({
      code: 4,
      out: "",
      err: `sup: there is no unit file web.unit.json in ${at.path("units")}\n  to create it, write ${at.path("units/web.unit.json")}\n`,
    });
  });

  test("an instance is edited through its template", async () => {
    using at = homeWith({ "units/web@.unit.json": GOOD });
    const seen: string[][] = [];
    await sup(at, ["edit", "web@1"], writes(null, seen));
    expect(seen[0]?.at(-1)).toBe(at.path("units/web@.unit.json"));
  });

  test.each([
    [1, /exited with code 1/],
    [null, /could not be run/],
  ])("fails if the editor exits with %p", async (code, words) => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    const outcome = await sup(at, ["edit", "web"], { host: { isTerminal: () => true, interactive: async () => code } });
    expect(outcome).toMatchObject({ code: 1, err: expect.stringMatching(words) });
  });

  test("fails without an editor and a terminal", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    expect(await sup(at, ["edit", "web"])).toMatchObject({ code: 1, err: expect.stringMatching(/no terminal for an editor/) });
  });

  test("the name of a drop-in cannot leave its directory", async () => {
    using at = homeWith({ "units/web.unit.json": GOOD });
    expect(await sup(at, ["edit", "web", "--drop-in", "../evil"], writes(null))).toMatchObject({ code: 2 });
  });
});

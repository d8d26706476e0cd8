import { describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FORMATS } from "../../src/convert/import/types.ts";
import { OPTIONS } from "../../src/cli/table/options.ts";
import { parseDotenv } from "../../src/spec/load/dotenv.ts";
import { sup } from "./fake.ts";

function homeWith(files: Record<string, string>) {
  const home = mkdtempSync(join(tmpdir(), "sup-import-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  return { home, path: (name: string) => join(home, name), [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
}

const CONF = '[program:web]\ncommand=/bin/cat -n\nenvironment=A="1",DB_PASSWORD=\'a"b$c\'\nstdout_syslog=true\n';

describe("writing", () => {
  test("to the unit directory: the unit, and its secrets in a file that only the owner can read", async () => {
    using at = homeWith({ "web.conf": CONF });
    const { code, out, err } = await sup(at, ["import", at.path("web.conf")]);
    expect([code, err]).toEqual([0, ""]);
    const unit = readFileSync(at.path("units/web.unit.json"), "utf8");
    expect(unit).toContain("// web.unit.json, imported from ");
    expect(unit).toContain("// Not carried over: stdout_syslog (");
    expect(unit).toContain(`"environment_files": ["${at.path("units/web.env")}"]`);
    expect(unit).not.toContain("b$c");
    expect(statSync(at.path("units/web.env")).mode & 0o777).toBe(0o600);
    expect(parseDotenv(readFileSync(at.path("units/web.env"), "utf8"))).toEqual({ ok: true, value: new Map([["DB_PASSWORD", 'a"b$c']]) });
    expect(out).toContain("not carried over\n    stdout_syslog (");
    expect(out).toContain(`Wrote 1 unit file and 1 file with secrets (mode 0600).`);
    expect(out).not.toContain("b$c");
    expect((await sup(at, ["verify"])).code).toBe(0);
  });

  test("--output writes elsewhere; a second time only with --force, and then nothing was changed", async () => {
    using at = homeWith({ "web.conf": CONF });
    expect((await sup(at, ["import", "-o", at.path("new"), at.path("web.conf")])).code).toBe(0);
    writeFileSync(at.path("new/web.unit.json"), "mine");
    const { code, err } = await sup(at, ["import", "--output", at.path("new"), at.path("web.conf")]);
    expect(code).toBe(1);
    expect(err).toContain(`cannot import: ${at.path("new/web.unit.json")} and 1 more exist already`);
    expect(readFileSync(at.path("new/web.unit.json"), "utf8")).toBe("mine");
    expect((await sup(at, ["import", "--force", "-o", at.path("new"), at.path("web.conf")])).code).toBe(0);
    expect(readFileSync(at.path("new/web.unit.json"), "utf8")).toContain("/bin/cat");
    expect(readdirSync(at.path("new")).sort()).toEqual(["web.env", "web.unit.json"]);
    expect(existsSync(at.path("units"))).toBe(false);
  });

  test("a link is replaced, and never written through; a masked unit is not touched", async () => {
    using at = homeWith({ "web.conf": "[program:web]\ncommand=a\n", "other.txt": "other" });
    mkdirSync(at.path("units"));
    symlinkSync(at.path("other.txt"), at.path("units/web.unit.json"));
    expect((await sup(at, ["import", "--force", at.path("web.conf")])).code).toBe(0);
    expect(readFileSync(at.path("other.txt"), "utf8")).toBe("other");
    expect(lstatSync(at.path("units/web.unit.json")).isSymbolicLink()).toBe(false);
    rmSync(at.path("units/web.unit.json"));
    symlinkSync("/dev/null", at.path("units/web.unit.json"));
    expect(await sup(at, ["import", "--force", at.path("web.conf")])).toMatchObject({
      code: 1,
      err: expect.stringContaining("`sup unmask` the unit first"),
    });
  });

  test("--dry-run writes nothing and says what exists", async () => {
    using at = homeWith({ "web.conf": CONF, "units/web.unit.json": "{}" });
    const { code, out } = await sup(at, ["import", "--dry-run", at.path("web.conf")]);
    expect(code).toBe(0);
    expect(out).toContain("Would write 1 unit file and 1 file with secrets (mode 0600); nothing was written.");
    expect(out).toContain("1 of these files exist already");
    expect(readdirSync(at.path("units"))).toEqual(["web.unit.json"]);
  });

  test("a note says that the running daemon starts enabled units", async () => {
    using at = homeWith({ "web.conf": CONF });
    const { out } = await sup(at, ["import", at.path("web.conf")], { host: { isLocked: () => true } });
    expect(out).toContain("Note: the running daemon starts the units that are enabled; stop them where they ran before.");
  });
});

describe("printing", () => {
  test("--stdout prints the units with their secrets, and the report on standard error", async () => {
    using at = homeWith({ "web.conf": CONF });
    const { code, out, err } = await sup(at, ["import", "--stdout", at.path("web.conf")]);
    expect(code).toBe(0);
    expect(out).toContain('"DB_PASSWORD": "a\\"b$c"');
    expect(err).toContain("stdout_syslog");
    expect(existsSync(at.path("units"))).toBe(false);
  });

  test("--json: units, report ordered by what needs a hand, problems", async () => {
    using at = homeWith({ "web.conf": CONF, "x.yml": "services:\n  a:\n    image: b\n" });
    const { code, out } = await sup(at, ["import", "--json", "--dry-run", at.path("web.conf"), at.path("x.yml")]);
    expect(code).toBe(1);
    const result = JSON.parse(out);
    expect(result).toMatchObject({
      ok: false,
      formats: ["supervisord", "compose"],
      written: false,
      units: [{ name: "web", file: at.path("units/web.unit.json"), secrets_file: at.path("units/web.env"), unit: { command: "/bin/cat" } }],
      problems: [{ where: at.path("x.yml"), message: expect.stringContaining("containers") }],
    });
    expect(out).not.toContain("$c");
    const order = ["dropped", "approximated", "carried"];
    const ranks = result.report.map((entry: { outcome: string }) => order.indexOf(entry.outcome));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    expect(result.report[0]).toEqual({
      unit: "web",
      field: "stdout_syslog",
      outcome: "dropped",
      how: "sup does not send logs to syslog",
      what_to_do: "let a log shipper read sup's log files",
      where: `${at.path("web.conf")}:4`,
    });
  });

  test("control characters of the file are shown harmlessly", async () => {
    using at = homeWith({ "web.conf": "[program:web]\ncommand=a\n\x1b]0;title\x07=1\n" });
    const { out } = await sup(at, ["import", "--dry-run", at.path("web.conf")]);
    expect(out).not.toContain("\x1b]");
  });
});

describe("mistakes", () => {
  test.each([
    [["import", "--from", "ini", "x"], 2, "cannot import the format ini"],
    [["import", "--stdout", "--output", "x", "y"], 2, "--stdout and --output exclude each other"],
    [["import", "/nonexistent/file"], 1, "no such file or directory"],
    [["import"], 2, "missing required argument"],
  ])("%p", async (argv, code, message) => {
    using at = homeWith({});
    const ran = await sup(at, argv);
    expect(ran.code).toBe(code);
    expect(ran.out + ran.err).toContain(message);
  });

  test("files that are not regular are not read", async () => {
    using at = homeWith({});
    const { code, out } = await sup(at, ["import", "/dev/zero"]);
    expect([code, out.includes("/dev/zero: cannot")]).toEqual([1, true]);
  });
});

test("--from lists the formats that can be imported", () => {
  expect([...OPTIONS.from.values].sort()).toEqual(FORMATS.filter((format) => format !== "compose").sort());
});

test("--allow-js runs a file in a process of its own", async () => {
  using at = homeWith({
    "e.config.js": "module.exports = { apps: [1].map(() => ({ name: 'w', script: 'w.js', env: { X: typeof process.env.HOME } })) }",
  });
  expect((await sup(at, ["import", "--dry-run", at.path("e.config.js")])).code).toBe(1);
  const asked: unknown[] = [];
  const ask = async (command: readonly string[], env: object, options?: object) => {
    asked.push([command[0], command.at(-1), env, options]);
    return {
      code: 0,
      stdout: `noise\n@@sup-import@@${JSON.stringify({ value: { apps: [{ name: "w", script: "w.js" }] }, undefinedEnv: ["HOME"] })}`,
      stderr: "",
    };
  };
  const { code, out } = await sup(at, ["import", "--dry-run", "--allow-js", at.path("e.config.js")], { host: { ask } });
  expect(code).toBe(0);
  expect(out).toContain("these variables are undefined during the import: HOME");
  expect(asked).toEqual([["/usr/local/bin/sup", at.path("e.config.js"), { BUN_BE_BUN: "1" }, { cwd: "/", timeoutMs: 5000 }]]);
});

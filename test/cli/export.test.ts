import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPTIONS } from "../../src/cli/table/options.ts";
import { TARGETS } from "../../src/convert/export/types.ts";
import { sup } from "./fake.ts";

function homeWith(units: Record<string, unknown>) {
  const home = mkdtempSync(join(tmpdir(), "sup-export-"));
  mkdirSync(join(home, "units"));
  for (const [id, json] of Object.entries(units)) writeFileSync(join(home, "units", `${id}.unit.json`), JSON.stringify(json));
  return { home, path: (name: string) => join(home, name), [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
}

const UNITS = {
  web: { command: "/bin/web", priority: 3, groups: ["shop"], environment: { DB_PASSWORD: "s3cret" } },
  job: { command: "/bin/job", groups: ["shop"] },
  many: { command: "/bin/many", instances: 2 },
  "db@": { command: "/bin/db", args: ["%i"] },
};

test("without a daemon: the files on standard output, the report on standard error", async () => {
  using at = homeWith(UNITS);
  const { code, out, err } = await sup(at, ["export", "job", "--to", "systemd"]);
  expect(code).toBe(0);
  expect(out).toStartWith(`# Exported by sup from ${at.path("units/job.unit.json")}\n[Unit]\n`);
  expect(err).toContain("not carried over\n    groups (");
  expect(err).toContain("systemctl --user enable --now job.service");
});

test("several files are separated by comments with their names", async () => {
  using at = homeWith(UNITS);
  const { out } = await sup(at, ["export", "web", "--to", "systemd"]);
  expect(out).toContain("# --- web.service ---\n");
  expect(out).toContain("# --- web.env ---\n#DB_PASSWORD=\n");
});

test("globs, groups, services with instances, and instances of templates", async () => {
  using at = homeWith(UNITS);
  const names = async (...args: string[]) =>
    JSON.parse((await sup(at, ["export", ...args, "--to", "supervisord", "--json"])).out).files.map(({ name }: { name: string }) => name);
  expect((await names("*b")).sort()).toEqual(["groups.conf", "job.conf", "web.conf"]);
  expect((await names("@shop")).sort()).toEqual(["groups.conf", "job.conf", "web.conf"]);
  expect(await names("many")).toEqual(["many.conf"]);
  expect(await names("db@x.unit.json")).toEqual(["db@x.conf"]);
});

test("--output writes the files, secrets for the owner only, and replaces files with --force only", async () => {
  using at = homeWith(UNITS);
  const args = ["export", "web", "--to", "systemd", "--with-secrets", "-o", at.path("out")];
  const { code, out } = await sup(at, args);
  expect([code, out]).toEqual([0, expect.stringContaining(`Wrote 2 files to ${at.path("out")}.`)]);
  expect(readdirSync(at.path("out")).sort()).toEqual(["web.env", "web.service"]);
  expect(readFileSync(at.path("out/web.env"), "utf8")).toBe('DB_PASSWORD="s3cret"\n');
  expect([statSync(at.path("out/web.env")).mode & 0o777, statSync(at.path("out/web.service")).mode & 0o777]).toEqual([0o600, 0o644]);
  writeFileSync(at.path("out/web.service"), "mine");
  const again = await sup(at, args);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("and 1 more exist already")]);
  expect(readFileSync(at.path("out/web.service"), "utf8")).toBe("mine");
  expect((await sup(at, [...args, "--force"])).code).toBe(0);
  expect(readFileSync(at.path("out/web.service"), "utf8")).toContain("/bin/web");
});

test("the JSON has files, report and problems, and no secrets", async () => {
  using at = homeWith({ ...UNITS, bad: { command: "/bin/a", args: ["a\nb"] } });
  const { code, out } = await sup(at, ["export", "web", "bad", "--to", "supervisord", "--json"]);
  expect(code).toBe(1);
  expect(out).not.toContain("s3cret");
  expect(JSON.parse(out)).toMatchObject({
    ok: false,
    target: "supervisord",
    written: false,
    files: [{ name: "web.conf", file: null, has_secrets: false }, { name: "groups.conf" }],
    problems: [{ where: at.path("units/bad.unit.json") }],
  });
});

test("what cannot be exported", async () => {
  using at = homeWith({ ...UNITS, broken: { command: 3 } });
  const failure = async (...args: string[]) => {
    const { code, err } = await sup(at, ["export", ...args]);
    return [code, err.trim()];
  };
  expect(await failure("web")).toEqual([2, expect.stringContaining("cannot export without --to")]);
  expect(await failure("web", "--to", "docker")).toEqual([
    2,
    expect.stringContaining("targets: systemd, supervisord, kubernetes, nomad, compose, quadlet"),
  ]);
  expect(await failure("wep", "--to", "systemd")).toEqual([4, expect.stringContaining("did you mean web?")]);
  expect(await failure("many@2", "--to", "systemd")).toEqual([2, expect.stringContaining("export many")]);
  expect(await failure("broken", "--to", "systemd")).toEqual([1, expect.stringContaining("cannot export broken: ")]);
  expect(await failure("web", "--to", "systemd", "--stdout", "-o", "x")).toEqual([2, expect.stringContaining("exclude each other")]);
});

test("Nomad: prints the job file only, and writes the JSON beside it", async () => {
  using at = homeWith(UNITS);
  const { code, out } = await sup(at, ["export", "job", "--to", "nomad"]);
  expect([code, out]).toEqual([0, expect.stringMatching(/^# Exported by sup from .*\njob "job" \{\n/)]);
  expect(out).not.toContain('"Job"');
  await sup(at, ["export", "job", "--to", "nomad", "-o", at.path("out")]);
  expect(readdirSync(at.path("out")).sort()).toEqual(["job.nomad.hcl", "job.nomad.json"]);
});

test("the command line offers all targets", () => {
  expect(OPTIONS.to.values).toEqual([...TARGETS]);
});

/** Logs that a group may read. */
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBarrier } from "../../../src/adapters/logs/files/sharing.ts";
import { tempDir } from "../../harness/temp.ts";
import { LogKit, logSpec, until } from "./kit.ts";

const isRoot = process.getuid!() === 0;
const GROUP = 4321;
const group = String(GROUP);

/** Group and mode of a file, such as "4321 640". */
function rights(path: string): string {
  const { gid, mode } = statSync(path);
  return `${gid} ${(mode & 0o777).toString(8)}`;
}

const OWN = `${process.getegid!()} 600`;

describe("log.group", () => {
  test.if(isRoot)("lets the group list the directory and read the files, those of other units not", async () => {
    await using kit = new LogKit();
    const at = (name: string): string => join(kit.logDir, name);
    kit.logs.open("web", logSpec({ group }));
    kit.logs.open("db", logSpec());
    expect([kit.logs.share("web"), kit.logs.share("db")]).toEqual([null, null]);
    for (const unit of ["web", "db"]) kit.logs.note(unit, "x");
    expect([rights(kit.logDir), rights(at("web.log")), rights(at("db.log"))]).toEqual([`${GROUP} 750`, `${GROUP} 640`, OWN]);
  });

  test.if(isRoot)("covers rotated, compressed and new files, and those that exist", async () => {
    await using kit = new LogKit();
    const at = (name: string): string => join(kit.logDir, name);
    kit.logs.open("web", logSpec());
    kit.logs.note("web", "one");
    kit.logs.rotate("web");
    expect([rights(at("web.log.1")), rights(at("web.log"))]).toEqual([OWN, OWN]);
    kit.logs.open("web", logSpec({ group, compress: "zstd" }));
    expect(kit.logs.share("web")).toBeNull();
    kit.logs.note("web", "two");
    kit.logs.rotate("web");
    await until("the compression", () => existsSync(at("web.log.1.zst")) && existsSync(at("web.log.2.zst")));
    expect(readdirSync(kit.logDir).map((name) => rights(at(name)))).toEqual(Array(3).fill(`${GROUP} 640`));
  });

  test.if(isRoot)("holds for a file, and a directory, that is made again", async () => {
    let now = Date.now();
    await using kit = new LogKit({ clock: { wallMs: () => now, monotonicMs: () => now } });
    kit.logs.open("web", logSpec({ group }));
    kit.logs.share("web");
    kit.logs.note("web", "one");
    rmSync(kit.logDir, { recursive: true });
    now += 2000;
    kit.logs.note("web", "two");
    expect([rights(kit.logDir), rights(join(kit.logDir, "web.log"))]).toEqual([`${GROUP} 750`, `${GROUP} 640`]);
  });

  test.if(isRoot)("can be taken back", async () => {
    await using kit = new LogKit();
    const log = join(kit.logDir, "web.log");
    kit.logs.open("web", logSpec({ group }));
    kit.logs.share("web");
    kit.logs.note("web", "one");
    kit.logs.rotate("web");
    kit.logs.open("web", logSpec());
    expect(kit.logs.share("web")).toBeNull();
    kit.logs.note("web", "two");
    expect([log, `${log}.1`].map((path) => rights(path).split(" ")[1])).toEqual(["600", "600"]);
  });

  test("does not touch what an administrator allows others", async () => {
    await using kit = new LogKit();
    chmodSync(kit.logDir, 0o755);
    kit.logs.open("web", logSpec({ group: String(process.getegid!()) }));
    expect(kit.logs.share("web")).toBeNull();
    expect(rights(kit.logDir)).toBe(`${process.getegid!()} 755`);
  });

  test("must be a group that exists", async () => {
    await using kit = new LogKit();
    kit.logs.open("web", logSpec({ group: "no such group" }));
    expect(kit.logs.share("web")).toBe("cannot let the group no such group read the log: there is no such group");
  });

  test.if(isRoot)("does not follow a link in the place of a log file", async () => {
    await using kit = new LogKit();
    const secret = join(kit.dir, "secret");
    writeFileSync(secret, "", { mode: 0o600 });
    const { symlinkSync } = await import("node:fs");
    symlinkSync(secret, join(kit.logDir, "web.log"));
    kit.logs.open("web", logSpec({ group }));
    expect(kit.logs.share("web")).toContain("is a symbolic link");
    expect(rights(secret)).toBe(OWN);
  });

  test.if(isRoot)("warns once about a directory that the group cannot enter", async () => {
    await using kit = new LogKit();
    kit.logs.open("web", logSpec({ group }));
    for (let i = 0; i < 2; i++) kit.logs.share("web");
    expect(kit.problems.splice(0)).toEqual([
      `the group ${group} cannot reach the logs in ${kit.logDir}: it may not enter ${kit.dir} (chmod o+x ${kit.dir})`,
    ]);
  });
});

test("the barrier is the first directory above that neither others nor the group may enter", () => {
  using temp = tempDir();
  const [outer, inner] = [join(temp.path, "outer"), join(temp.path, "outer/inner")];
  mkdirSync(inner, { recursive: true });
  chmodSync(temp.path, 0o711);
  chmodSync(outer, 0o710);
  const own = statSync(outer).gid;
  expect(findBarrier(join(inner, "logs"), own + 1)).toBe(outer);
  expect(findBarrier(join(inner, "logs"), own)).toBeNull();
  if (isRoot) chownSync(outer, 0, GROUP);
  if (isRoot) expect(findBarrier(join(inner, "logs"), GROUP)).toBeNull();
  chmodSync(outer, 0o701);
  expect(findBarrier(join(inner, "logs"), own + 1)).toBeNull();
});

import { expect, test } from "bun:test";
import { chmodSync, chownSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openUnitEditor } from "../../../src/adapters/files/unit-editor.ts";
import type { UnitEditor } from "../../../src/ports/unit-editor.ts";
import { tempDir } from "../../harness/temp.ts";

const OLD = '{\n  // mine\n  "command": "true"\n}\n';
const NEW = '{"command": "false"}\n';

function withFile(name = "web.unit.json"): Disposable & { readonly directory: string; readonly path: string; readonly editor: UnitEditor } {
  const temp = tempDir();
  const directory = join(temp.path, "units");
  mkdirSync(directory, { mode: 0o755 });
  const path = join(directory, name);
  writeFileSync(path, OLD);
  return { directory, path, editor: openUnitEditor([directory]), [Symbol.dispose]: () => temp[Symbol.dispose]() };
}

const etagOf = (editor: UnitEditor, path: string): string => {
  const file = editor.read(path);
  if (!file.ok || file.value === null) throw new Error("there is no such file");
  return file.value.etag;
};

test("a file is replaced as a whole, keeps its mode and owner, and no other file is left", () => {
  using at = withFile();
  chmodSync(at.path, 0o640);
  if (process.geteuid!() === 0) chownSync(at.path, 12, 34);
  const inode = statSync(at.path).ino;
  const etag = etagOf(at.editor, at.path);
  const written = at.editor.write(at.path, NEW, etag);
  expect(written).toEqual({ ok: true, value: at.editor.etagOf(NEW) });
  expect(readFileSync(at.path, "utf8")).toBe(NEW);
  const { mode, uid, gid, ino } = statSync(at.path);
  expect(mode & 0o777).toBe(0o640);
  if (process.geteuid!() === 0) expect([uid, gid]).toEqual([12, 34]);
  expect(ino).not.toBe(inode);
  expect(readdirSync(at.directory)).toEqual(["web.unit.json"]);
});

test("a new file can be read by all, and a file that exists is not overwritten by a creation", () => {
  using at = withFile();
  const path = join(at.directory, "new.unit.json");
  expect(at.editor.read(path)).toEqual({ ok: true, value: null });
  expect(at.editor.write(path, NEW, null).ok).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(at.editor.write(path, OLD, null)).toMatchObject({ error: { kind: "changed", message: `cannot create ${path}: the file exists` } });
  expect(readFileSync(path, "utf8")).toBe(NEW);
});

test("a file that changed or disappeared since it was read is not written", () => {
  using at = withFile();
  const etag = etagOf(at.editor, at.path);
  writeFileSync(at.path, '{"command": "uptime"}');
  expect(at.editor.write(at.path, NEW, etag)).toMatchObject({ error: { kind: "changed" } });
  expect(readFileSync(at.path, "utf8")).toContain("uptime");
  const gone = join(at.directory, "gone.unit.json");
  expect(at.editor.write(gone, NEW, etag)).toMatchObject({
    error: { kind: "changed", message: `cannot write ${gone}: the file was deleted` },
  });
});

const REFUSED: ReadonlyArray<readonly [what: string, prepare: (directory: string) => string, words: RegExp]> = [
  ["a symbolic link", (at) => (symlinkSync("/etc/hostname", join(at, "x.unit.json")), join(at, "x.unit.json")), /symbolic link/],
  ["a dangling link", (at) => (symlinkSync("/nowhere/x", join(at, "x.unit.json")), join(at, "x.unit.json")), /symbolic link/],
  ["a directory", (at) => (mkdirSync(join(at, "x.unit.json")), join(at, "x.unit.json")), /not a regular file/],
  ["a hard link", (at) => (linkSync(join(at, "web.unit.json"), join(at, "x.unit.json")), join(at, "x.unit.json")), /hard links/],
  ["a drop-in", (at) => (mkdirSync(join(at, "web.unit.json.d")), join(at, "web.unit.json.d/x.json")), /not that of a unit file/],
  ["a file in a subdirectory", (at) => (mkdirSync(join(at, "sub")), join(at, "sub/x.unit.json")), /not in a directory of the unit path/],
  ["a file elsewhere", () => "/etc/x.unit.json", /not in a directory of the unit path/],
  ["a path with ..", (at) => `${at}/../x.unit.json`, /not in a directory of the unit path/],
  ["another name", (at) => join(at, "passwd"), /not that of a unit file/],
];

for (const [what, prepare, words] of REFUSED)
  test(`${what} is neither read nor written`, () => {
    using at = withFile();
    const path = prepare(at.directory);
    expect(at.editor.read(path)).toMatchObject({ ok: false, error: expect.stringMatching(words) });
    expect(at.editor.write(path, NEW, null)).toMatchObject({
      ok: false,
      error: { kind: "refused", message: expect.stringMatching(words) },
    });
  });

test("a missing directory, a text that is too long, and a file that is not UTF-8 are refused with the cause", () => {
  using at = withFile();
  const lost = openUnitEditor([join(at.directory, "lost")]);
  expect(lost.write(join(at.directory, "lost/x.unit.json"), NEW, null)).toMatchObject({
    error: { kind: "refused", message: expect.stringContaining("its directory does not exist") },
  });
  const long = at.editor.write(at.path, "x".repeat((1 << 20) + 1), etagOf(at.editor, at.path));
  expect(long).toMatchObject({ error: { kind: "refused", message: expect.stringContaining("at most 1 MiB") } });
  writeFileSync(at.path, Uint8Array.of(0x7b, 0xff, 0x7d));
  expect(at.editor.read(at.path)).toMatchObject({ ok: false, error: expect.stringContaining("not UTF-8") });
});

test.skipIf(process.geteuid!() !== 0)("root refuses a file that every user can change", () => {
  using at = withFile();
  chmodSync(at.path, 0o666);
  expect(at.editor.read(at.path)).toMatchObject({ ok: false, error: expect.stringContaining("every user can write to it") });
});

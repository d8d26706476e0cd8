import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readTextFile } from "../../../src/adapters/files/text-file.ts";
import { tempDir } from "../../harness/temp.ts";

test("a file that is not UTF-8 is refused instead of being read with other characters", () => {
  using dir = tempDir();
  const path = join(dir.path, "env");
  writeFileSync(path, Buffer.from("NAME=M\xfcller\n", "latin1"));
  expect(readTextFile(path)).toEqual({ ok: false, error: expect.stringContaining("it is not UTF-8 text") });
  writeFileSync(path, "\uFEFFNAME=Müller ☂\n");
  expect(readTextFile(path)).toEqual({ ok: true, value: "NAME=Müller ☂\n" });
  expect(readTextFile(join(dir.path, "none"))).toEqual({ ok: false, error: "ENOENT" });
  expect(readTextFile(dir.path)).toEqual({ ok: false, error: "EISDIR" });
});

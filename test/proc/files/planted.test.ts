import { expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openUnitSource } from "../../../src/adapters/files/unitdir.ts";
import { isRoot } from "../../harness/confined.ts";
import { tempDir } from "../../harness/temp.ts";

const NOBODY = 65534;
const asRoot = test.if(isRoot);

/** A unit directory with this mode, in which root and nobody have a file each. */
function place(mode: number, owner = 0) {
  const temp = tempDir();
  const dir = join(temp.path, "units");
  mkdirSync(dir);
  for (const [name, uid] of [
    ["own", 0],
    ["planted", NOBODY],
  ] as const) {
    writeFileSync(join(dir, `${name}.unit.json`), '{"command": "x"}', { mode: 0o644 });
    chownSync(join(dir, `${name}.unit.json`), uid, uid);
  }
  chownSync(dir, owner, owner);
  chmodSync(dir, mode);
  const ids = (): string[] =>
    openUnitSource([dir])
      .snapshot()
      .units.map(({ id }) => id);
  return {
    temp,
    dir,
    ids,
    refusals: () =>
      openUnitSource([dir])
        .snapshot()
        .unreadable.map(({ message }) => message),
  };
}

asRoot("in a directory that everybody can write to, root's daemon uses no file of another user", () => {
  const { temp, dir, ids, refusals } = place(0o1777);
  using _ = temp;
  expect(ids()).toEqual(["own"]);
  expect(refusals()).toEqual([
    expect.stringMatching(/planted\.unit\.json: user 65534 put it into a directory that everybody can write to/),
  ]);
  symlinkSync(join(dir, "own.unit.json"), join(dir, "link.unit.json"));
  expect(ids()).toEqual(["link", "own"]);
  lchownSync(join(dir, "link.unit.json"), NOBODY, NOBODY);
  expect(ids()).toEqual(["own"]);
});

asRoot("the owner of a directory decides what is in it", () => {
  for (const [mode, owner] of [
    [0o755, NOBODY],
    [0o755, 0],
    [0o775, 0],
    [0o777, NOBODY],
  ] as const) {
    const { temp, ids } = place(mode, owner);
    using _ = temp;
    expect(ids()).toEqual(["own", "planted"]);
  }
});

asRoot("a file or drop-in that every user can write to is refused", () => {
  const { temp, dir, ids, refusals } = place(0o755);
  using _ = temp;
  chmodSync(join(dir, "own.unit.json"), 0o666);
  mkdirSync(join(dir, "planted.unit.json.d"));
  writeFileSync(join(dir, "planted.unit.json.d/a.json"), '{"args": ["y"]}');
  chmodSync(join(dir, "planted.unit.json.d/a.json"), 0o602);
  expect(ids()).toEqual(["planted"]);
  expect(openUnitSource([dir]).snapshot().units[0]!.dropIns).toEqual([]);
  expect(refusals()).toEqual([
    expect.stringMatching(/own\.unit\.json: every user can write to it/),
    expect.stringMatching(/a\.json: every user/),
  ]);
});

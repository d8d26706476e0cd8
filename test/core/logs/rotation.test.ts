import { expect, test } from "bun:test";
import { findRotated, parseRotated, planRotation, rotatedName, unitOfLog } from "../../../src/core/logs/rotation.ts";

test("only rotations of the same log are recognised", () => {
  expect(parseRotated("web.log", "web.log.1")).toEqual({ number: 1, compressed: false });
  expect(parseRotated("web.log", "web.log.12.zst")).toEqual({ number: 12, compressed: "zstd" });
  expect(parseRotated("web.log", "web.log.3.gz")).toEqual({ number: 3, compressed: "gzip" });
  const others = [
    "web.log",
    "web.log.0",
    "web.log.01",
    "web.log.1.xz",
    "web.log.gz.unfinished",
    "web.log.1.log",
    "web.log.zst.unfinished",
    "web2.log.1",
    "api.log.1",
    "web.log.1.zst.x",
  ];
  for (const other of others) expect(parseRotated("web.log", other)).toBeNull();
  expect(rotatedName("web.log", { number: 3, compressed: "zstd" })).toBe("web.log.3.zst");
  expect(rotatedName("web.log", { number: 3, compressed: "gzip" })).toBe("web.log.3.gz");
});

test("an uncompressed file next to its compressed copy is a leftover", () => {
  for (const names of [
    ["a.log.2", "a.log.2.zst", "a.log.1"],
    ["a.log.1", "a.log.2.zst", "a.log.2"],
  ]) {
    expect(findRotated("a.log", names)).toEqual({
      files: [
        { number: 1, compressed: false },
        { number: 2, compressed: "zstd" },
      ],
      twins: [{ number: 2, compressed: false }],
    });
  }
});

test("plain and compressed rotations are listed together, each number once", () => {
  expect(findRotated("a.log", ["a.log.2.gz", "a.log.1.zst", "a.log.3", "a.log.2"])).toEqual({
    files: [
      { number: 1, compressed: "zstd" },
      { number: 2, compressed: "gzip" },
      { number: 3, compressed: false },
    ],
    twins: [{ number: 2, compressed: false }],
  });
  const both = findRotated("a.log", ["a.log.1.gz", "a.log.1.zst"]);
  expect(both.files).toEqual([{ number: 1, compressed: "gzip" }]);
  expect(both.twins).toEqual([]); // nothing that holds lines is deleted
});

test("a rotation moves the oldest file first and deletes files over the limit", () => {
  const files = [1, 2, 5].map((number) => ({ number, compressed: number > 1 && ("zstd" as const) }));
  expect(planRotation(files, 5)).toEqual([
    { do: "delete", file: files[2]! },
    { do: "move", file: files[1]!, to: 3 },
    { do: "move", file: files[0]!, to: 2 },
  ]);
  expect(planRotation(files, 1).map((step) => step.do)).toEqual(["delete", "delete", "delete"]);
  expect(planRotation([], 3)).toEqual([]);
});

test("a log file belongs to the unit in its name", () => {
  const of = { "web.log": "web", "web.log.3": "web", "web@1.log.3.zst": "web@1", "a.log.log": "a.log", "a.log.log.2.gz": "a.log", "web.log.1.log": "web.log.1" }; // prettier-ignore
  for (const [name, unit] of Object.entries(of)) {
    expect(unitOfLog(name), name).toBe(unit);
  }
  for (const name of [".log", "web", "web.log.old", "web.log-20261101.gz", "web.log.zst.unfinished", "web.logs", "web.log.0"])
    expect(unitOfLog(name), name).toBe(null);
});

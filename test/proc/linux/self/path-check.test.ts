import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkPathArguments } from "../../../../src/linux/self/path-check.ts";
import { makeFifo } from "../../../../src/linux/io/fifo.ts";
import { tempDir } from "../../../harness/temp.ts";

const KINDS = ["path_exists", "path_missing", "file_not_empty", "directory_not_empty"];

describe("a path", () => {
  const directory = tempDir();
  afterAll(() => directory[Symbol.dispose]());
  const at = (name: string): string => join(directory.path, name);
  writeFileSync(at("empty"), "");
  writeFileSync(at("full"), "x");
  mkdirSync(at("bare"));
  mkdirSync(at("filled/inner"), { recursive: true });
  symlinkSync("full", at("link"));
  symlinkSync("gone", at("dangling"));
  makeFifo(at("fifo"), 0o600);

  test.each([
    ["empty", ["path_exists"]],
    ["full", ["path_exists", "file_not_empty"]],
    ["bare", ["path_exists"]],
    ["filled", ["path_exists", "directory_not_empty"]],
    ["link", ["path_exists", "file_not_empty"]],
    ["dangling", ["path_missing"]],
    ["nothing", ["path_missing"]],
    ["full/below", ["path_missing"]],
    ["fifo", ["path_exists"]],
  ])("%s meets %j and nothing else", (name, met) => {
    expect(KINDS.filter((kind) => checkPathArguments([kind, at(name)]) === 0)).toEqual(met);
    expect(KINDS.filter((kind) => checkPathArguments([`!${kind}`, at(name)]) === 1)).toEqual(met);
  });

  test("the result is the number of the first condition that is not met", () => {
    expect(checkPathArguments(["path_exists", at("full"), "path_missing", at("full"), "path_exists", at("none")])).toBe(2);
    expect(checkPathArguments([])).toBe(0);
  });

  test("other arguments are refused", () => {
    expect(checkPathArguments(["path_is_new", at("full")])).toBe(255);
    expect(checkPathArguments(["path_exists"])).toBe(255);
  });
});

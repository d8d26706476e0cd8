import { expect, test } from "bun:test";
import { conditionsWords, unmetWords } from "../../../src/core/explain/conditions.ts";
import type { StartCondition } from "../../../src/spec/spec.ts";

const command = (not: boolean, args: readonly string[] = []): StartCondition => ({
  kind: "command",
  command: "check",
  args,
  timeoutMs: 1,
  not,
});

test.each<[StartCondition, required: string, unmet: string]>([
  [{ kind: "path_exists", path: "/a", not: false }, "/a exists", "/a does not exist"],
  [{ kind: "path_exists", path: "/a", not: true }, "/a does not exist", "/a exists"],
  [{ kind: "path_missing", path: "/a", not: false }, "/a does not exist", "/a exists"],
  [{ kind: "path_missing", path: "/a", not: true }, "/a exists", "/a does not exist"],
  [{ kind: "file_not_empty", path: "/a", not: false }, "/a is a file with content", "/a is not a file with content"],
  [{ kind: "file_not_empty", path: "/a", not: true }, "/a is not a file with content", "/a is a file with content"],
  [{ kind: "directory_not_empty", path: "/a", not: false }, "/a is a directory with content", "/a is not a directory with content"],
  [{ kind: "directory_not_empty", path: "/a", not: true }, "/a is not a directory with content", "/a is a directory with content"],
  [command(false, ["-q", "x"]), "the command check -q x succeeds", "the command check -q x fails"],
  [command(true), "the command check fails", "the command check succeeds"],
])("%j", (condition, required, unmet) => {
  expect(conditionsWords([condition], (text) => text)).toBe(`Starts only if ${required}; otherwise the start is skipped.`);
  expect(unmetWords(condition)).toBe(unmet);
});

test("secrets in a command are hidden", () => {
  expect(unmetWords(command(false, ["http://ann:secret@host/"]))).not.toContain("secret");
});

test("a long command is cut, and strings are shown as given", () => {
  expect(unmetWords(command(false, ["x".repeat(100)]))).toBe(`the command check ${"x".repeat(74)}… fails`);
  expect(conditionsWords([{ kind: "path_exists", path: "%h/a", not: false }], () => "/home/a")).toContain("/home/a exists");
});

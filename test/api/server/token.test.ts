import { afterEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOrMakeToken } from "../../../src/api/server/token.ts";

const dirs: string[] = [];
const tempDir = (): string => dirs[dirs.push(mkdtempSync(join(tmpdir(), "sup-token-"))) - 1]!;
afterEach(() => dirs.splice(0).forEach((dir) => rmSync(dir, { recursive: true, force: true })));

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const get = (path: string) => {
  const result = readOrMakeToken(path);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

test("a new token is 256 bits as base64url, in a file of mode 0600 whatever the umask, and no other file is left", () => {
  const dir = tempDir();
  const before = process.umask(0);
  const { token, note } = get(join(dir, "token"));
  process.umask(before);
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(note).toBe(null);
  expect(modeOf(join(dir, "token"))).toBe(0o600);
  expect(readdirSync(dir)).toEqual(["token"]);
  expect(readFileSync(join(dir, "token"), "utf8")).toBe(`${token}\n`);
});

test("the token is kept; another path has another token", () => {
  const dir = tempDir();
  const { token } = get(join(dir, "token"));
  expect(get(join(dir, "token"))).toEqual({ token, note: null });
  expect(get(join(dir, "other")).token).not.toBe(token);
});

test("a file that other users can read gets mode 0600, with a note", () => {
  const path = join(tempDir(), "token");
  const { token } = get(path);
  chmodSync(path, 0o644);
  const again = get(path);
  expect(again.token).toBe(token);
  expect(modeOf(path)).toBe(0o600);
  expect(again.note).toContain("0644");
  expect(get(path).note).toBeNull();
});

for (const text of ["", "\n", "short", "with a space in it all the same"]) {
  test(`a file with no usable token is replaced, with a note: ${JSON.stringify(text)}`, () => {
    const path = join(tempDir(), "token");
    writeFileSync(path, text);
    const { token, note } = get(path);
    expect(token).toHaveLength(43);
    expect(note).toContain("replaced");
    expect(get(path).token).toBe(token);
    expect(modeOf(path)).toBe(0o600);
  });
}

test("a half-written file of a crash is no obstacle", () => {
  const path = join(tempDir(), "token");
  writeFileSync(`${path}.${process.pid}.new`, "half");
  expect(get(path).token).toHaveLength(43);
});

test("a missing directory is an error with its cause", () => {
  const result = readOrMakeToken(join(tempDir(), "no", "token"));
  expect(result).toEqual({ ok: false, error: expect.stringMatching(/^cannot keep the API token in .*ENOENT/) });
});

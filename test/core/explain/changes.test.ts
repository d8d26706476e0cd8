import { expect, test } from "bun:test";
import { compare, madeAt } from "../../../src/core/explain/changes.ts";
import { type Fingerprint, parseFingerprint, type TrackedFile } from "../../../src/core/explain/fingerprint.ts";
import { aFile, aFingerprint } from "./fingerprints.ts";

const texts = (after: Partial<Fingerprint>, before: Partial<Fingerprint> = {}): string[] =>
  compare(aFingerprint(before), aFingerprint(after)).changes.map(({ text }) => text);

const files = (...others: TrackedFile[]): Partial<Fingerprint> => ({ files: [aFile("executable", "/opt/app"), ...others] });

test("equal fingerprints have no changes, and nothing is unknown", () => {
  expect(compare(aFingerprint(), aFingerprint())).toEqual({ changes: [], unknown: [] });
});

for (const [what, after, before, expected] of [
  ["another content", { files: [aFile("executable", "/opt/app", { content: "b" })] }, {}, ["the executable /opt/app changed"]],
  ["the same content in another file", { files: [aFile("executable", "/opt/app", { id: "1:9", modifiedMs: 9 })] }, {}, []],
  [
    "another file whose content is unknown",
    { files: [aFile("executable", "/opt/app", { id: "1:9", content: null })] },
    {},
    ["the executable /opt/app changed"],
  ],
  ["another inode time and unknown content", { files: [aFile("executable", "/opt/app", { changedMs: 9, content: null })] }, {}, []],
  ["another path", { files: [aFile("executable", "/opt/app2")] }, {}, ["the executable is /opt/app2 instead of /opt/app"]],
  [
    "a missing file",
    files({ role: "environment_file", path: "/e", state: "missing" }),
    files(aFile("environment_file", "/e")),
    ["the environment file /e disappeared"],
  ],
  [
    "a new file",
    files(aFile("environment_file", "/e")),
    files({ role: "environment_file", path: "/e", state: "missing" }),
    ["the environment file /e appeared"],
  ],
  ["a changed script", files(aFile("argument", "/s.py", { content: "b" })), files(aFile("argument", "/s.py")), ["the file /s.py changed"]],
  ["a deleted script", files(), files(aFile("argument", "/s.py")), ["the file /s.py disappeared, or is no longer an argument"]],
  ["a new script", files(aFile("argument", "/s.py")), files(), ["the file /s.py appeared, or is a new argument"]],
  ["a directory that is a link", { directory: { path: "/srv", real: "/r/2" } }, {}, ["the working directory led to /r/2 instead of /r/1"]],
  ["keys of the unit", { unit: { args: "x", port: "1" } }, {}, ["the unit file changed: args, command (removed), port (added)"]],
  [
    "variables",
    { environment: { A: "2", C: "1" } },
    { environment: { A: "1", B: "1" } },
    ["the environment changed: A, B (removed), C (added)"],
  ],
] as ReadonlyArray<readonly [string, Partial<Fingerprint>, Partial<Fingerprint>, string[]]>) {
  test(`${what}: ${expected.join() || "no change"}`, () => expect(texts(after, before)).toEqual(expected));
}

test("a change has all names, but the sentence only eight", () => {
  const many = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`V${String(n).padStart(2, "0")}`, "x"]));
  const [change] = compare(aFingerprint(), aFingerprint({ environment: many })).changes;
  expect(change!.names).toHaveLength(13);
  expect(change!.text).toEndWith("V06 (added) and 5 more");
});

test("without the same key, values are not compared, and files by their identity only", () => {
  const other = aFingerprint({
    key: "k2",
    unit: { args: "z" },
    environment: { A: "z" },
    files: [aFile("executable", "/opt/app", { content: "z" })],
  });
  const { changes, unknown } = compare(aFingerprint(), other);
  expect(changes).toEqual([]);
  expect(unknown).toEqual(["Settings and variables cannot be compared, because the key of the fingerprints was lost in between."]);
});

test("what was not observed is unknown, and no change", () => {
  const early = aFingerprint({ files: [], environment: null, directory: null });
  expect(compare(aFingerprint(), early)).toEqual({
    changes: [],
    unknown: [expect.stringContaining("failed before its command was executed")],
  });
  const hung = aFingerprint({ files: [{ role: "executable", path: "/opt/app", state: null }], directory: { path: "/srv", real: null } });
  expect(compare(aFingerprint(), hung)).toEqual({
    changes: [],
    unknown: ["It is unknown whether the executable /opt/app changed.", "The directory to which /srv led is unknown."],
  });
});

test("a change was made at the earliest recorded time between two starts", () => {
  const [change] = compare(
    aFingerprint(),
    aFingerprint({ files: [aFile("executable", "/opt/app", { content: "b", modifiedMs: 50, changedMs: 70 })] }),
  ).changes;
  expect([madeAt(change!, 10, 100), madeAt(change!, 50, 100), madeAt(change!, 70, 100), madeAt(change!, 10, 40)]).toEqual([
    50,
    70,
    null,
    null,
  ]);
});

test("a damaged fingerprint is none", () => {
  expect(parseFingerprint(JSON.stringify(aFingerprint()))).toEqual(aFingerprint());
  for (const text of ["", "{", "null", "{}", '{"key":"k","unit":null,"files":[]}', '{"key":"k","unit":{},"files":{}}'])
    expect(parseFingerprint(text)).toBeNull();
});

/** Fingerprints of runs, made from fake files. */
import { expect, test } from "bun:test";
import { type FileState, type Fingerprint, parseFingerprint } from "../../../src/core/explain/fingerprint.ts";
import { Fingerprints } from "../../../src/daemon/engine/fingerprints.ts";
import type { Launch } from "../../../src/daemon/engine/launcher.ts";
import type { FileStates } from "../../../src/ports/file-states.ts";
import type { FingerprintRow } from "../../../src/ports/store/fingerprints.ts";
import { until } from "../../harness/until.ts";

const state = (n: number, sizeBytes = 5): FileState => ({ id: `1:${n}`, sizeBytes, modifiedMs: n, changedMs: n, content: null });

function makeRig(effective: Record<string, unknown> = { command: "app", environment: { KEY: "hunter2" } }) {
  const rows: FingerprintRow[] = [];
  const disk = new Map<string, FileState>([["/bin/app", state(1)]]);
  const asked: string[] = [];
  const files: FileStates = {
    executable: async (command) => (
      asked.push(`executable ${command}`),
      { path: `/bin/${command}`, state: disk.get(`/bin/${command}`) ?? "missing" }
    ),
    state: async (path) => (asked.push(path), disk.get(path) ?? "missing"),
    isLocal: (path) => !path.startsWith("/net/"),
    realPath: async (path) => (asked.push(`real ${path}`), `${path}/real`),
    hash: async (path, { id }) => (asked.push(`hash ${path}`), `content of ${id}`),
  };
  const settings = { effective };
  const bugs: unknown[] = [];
  /** A start is at 5000, and it is handled at 7000. */
  const nowMs = (): number => (asked.length === 0 ? 5000 : 7000);
  const store = {
    setFingerprints(added: readonly FingerprintRow[]) {
      for (const row of added) {
        const known = rows.findIndex(({ invocation }) => invocation === row.invocation);
        if (known < 0) rows.push(row);
        else rows[known] = row;
      }
    },
    fingerprints: (id: string, limit: number) => rows.filter(({ serviceId }) => serviceId === id).slice(-limit),
  };
  const make = (key = "secret") =>
    new Fingerprints({
      clock: { wallMs: () => nowMs() },
      store,
      files,
      key,
      effective: (id) => (id === "web" ? settings.effective : undefined),
      bug: (_, error) => bugs.push(error),
    });
  const fingerprints = make();
  const launch = (more: Partial<Launch> = {}): Launch =>
    ({
      env: { PATH: "/bin", KEY: "hunter2", SUP_INVOCATION_ID: String(asked.length) },
      cwd: "/srv",
      argv: ["app"],
      environmentFiles: [],
      ...more,
    }) as Launch;
  /** Handles all starts that were taken so far. The last one leaves a mark. */
  const settle = async (): Promise<void> => {
    const mark = `mark ${rows.length} ${asked.length}`;
    fingerprints.take("web", mark, launch({ argv: [mark] }), true);
    await until(() => asked.includes(`hash /bin/${mark}`) || rows.some(({ invocation }) => invocation === mark), {
      what: "the fingerprints",
    });
    rows.splice(
      rows.findIndex(({ invocation }) => invocation === mark),
      1,
    );
  };
  const parsed = (): Fingerprint[] => rows.map(({ fingerprint }) => parseFingerprint(fingerprint)!);
  return { ...{ rows, disk, asked, bugs, settings, make, fingerprints, launch, settle, parsed } };
}

test("a run has the MACs of its settings and variables, its files and its directory, but no values", async () => {
  const { fingerprints, launch, settle, rows, parsed, disk, bugs } = makeRig();
  disk.set("/srv/app.env", state(2)).set("/srv/main.js", state(3)).set("/srv/data.db", state(4));
  fingerprints.take("web", "r1", launch({ argv: ["app", "--x", "main.js", "data.db"], environmentFiles: ["/srv/app.env", "/none"] }), true);
  await settle();
  expect(rows).toMatchObject([{ serviceId: "web", invocation: "r1", at: "1970-01-01T00:00:05.000Z" }]);
  const [made] = parsed();
  expect(Object.keys(made!.unit)).toEqual(["command", "environment"]);
  expect(Object.keys(made!.environment!)).toEqual(["PATH", "KEY"]);
  expect(
    made!.files.map(({ role, path, state: found }) => [role, path, typeof found === "object" ? typeof found?.content : found]),
  ).toEqual([
    ["executable", "/bin/app", "string"],
    ["argument", "/srv/main.js", "string"],
    ["environment_file", "/srv/app.env", "string"],
    ["environment_file", "/none", "missing"],
  ]);
  expect(made!.directory).toEqual({ path: "/srv", real: "/srv/real" });
  expect(rows[0]!.fingerprint).not.toMatch(/hunter|content of/);
  expect(bugs).toEqual([]);
});

test("only a run that differs from the one before is stored, and a known content is not hashed again, also by the next daemon", async () => {
  const { fingerprints, launch, settle, rows, asked, disk, settings, make } = makeRig();
  for (const run of ["r1", "r2"]) fingerprints.take("web", run, launch(), true);
  await settle();
  settings.effective = { ...settings.effective, port: 80 };
  fingerprints.take("web", "r3", launch(), true);
  await settle();
  make().take("web", "r4", launch({ cwd: "/other" }), true);
  await until(() => rows.length === 3, { what: "the fingerprint of r4" });
  expect(rows.map(({ invocation }) => invocation)).toEqual(["r1", "r3", "r4"]);
  expect(asked.filter((one) => one === "hash /bin/app")).toHaveLength(1);
  disk.set("/bin/app", state(9));
  fingerprints.take("web", "r5", launch(), true);
  await settle();
  expect(asked.filter((one) => one === "hash /bin/app")).toHaveLength(2);
});

test("of a start that hung or failed early, no file is touched that no process has used", async () => {
  const { fingerprints, launch, settle, parsed, asked } = makeRig();
  fingerprints.take("web", "r1", launch({ argv: ["app", "main.js"], environmentFiles: ["/e"] }), false);
  fingerprints.take("web", "r2", null, false);
  await settle();
  expect(asked.filter((one) => one.includes("mark") === false).slice(0, 1)).toEqual(["/e"]);
  expect(parsed()).toMatchObject([
    { files: [{ role: "environment_file" }], directory: null, environment: { KEY: expect.any(String) } },
    { files: [], directory: null, environment: null },
  ]);
});

test("arguments on the file systems of other machines and large files are not observed", async () => {
  const { fingerprints, launch, settle, parsed, asked, disk } = makeRig();
  disk.set("/net/a.js", state(2)).set("/srv/huge.db", state(3, 1e9));
  fingerprints.take("web", "r1", launch({ argv: ["app", "/net/a.js", "huge.db", "word"] }), true);
  await settle();
  expect(asked).not.toContain("/net/a.js");
  expect(parsed()[0]!.files.map(({ role }) => role)).toEqual(["executable"]);
});

test("a file that was changed after the start has an unknown state, unless its time is in the future", async () => {
  const { fingerprints, launch, settle, parsed, disk } = makeRig();
  disk.set("/bin/app", { ...state(1), changedMs: 6000 }).set("/e", { ...state(2), changedMs: 9999 });
  fingerprints.take("web", "r1", launch({ environmentFiles: ["/e"] }), true);
  await settle();
  expect(parsed()[0]!.files.map(({ state: found }) => found === null)).toEqual([true, false]);
});

test("another key gives other MACs, and says so", async () => {
  const { fingerprints, make, launch, settle, rows, parsed } = makeRig();
  fingerprints.take("web", "r1", launch(), true);
  await settle();
  make("another").take("web", "r2", launch(), true);
  await until(() => rows.length === 2, { what: "the fingerprint of r2" });
  const [one, two] = parsed();
  expect(one!.key).not.toBe(two!.key);
  expect(one!.unit.command).not.toBe(two!.unit.command);
});

test("a unit that is unknown has no fingerprint", async () => {
  const { fingerprints, launch, settle, rows } = makeRig();
  fingerprints.take("gone", "r1", launch(), true);
  await settle();
  expect(rows).toEqual([]);
});

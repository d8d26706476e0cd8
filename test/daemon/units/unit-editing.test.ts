import { expect, test } from "bun:test";
import { UnitEditing } from "../../../src/daemon/units/unit-editing.ts";
import { err, ok } from "../../../src/base/result.ts";
import type { UnitEditor } from "../../../src/ports/unit-editor.ts";
import { MASK, makeRig, type Rig } from "../rig.ts";

const SERVE = { command: "serve" };

const etagOf = (text: string): string => `etag of ${text}`;

/** An editor of the rig's files. */
function editorOf({ files }: Rig): UnitEditor {
  const idOf = (path: string): string => /^\/units\/(.*)\.unit\.json$/.exec(path)![1]!;
  const textOf = (path: string): string | null => {
    const file = files.get(idOf(path));
    return file === undefined ? null : typeof file === "string" ? file : JSON.stringify(file);
  };
  return {
    etagOf,
    read(path) {
      const text = textOf(path);
      return ok(text === null ? null : { text, etag: etagOf(text) });
    },
    write(path, text, expected) {
      const now = textOf(path);
      if ((now === null ? null : etagOf(now)) !== expected) return err({ kind: "changed", message: `${path} was changed` });
      files.set(idOf(path), text);
      return ok(etagOf(text));
    },
  };
}

function editing(files: Parameters<typeof makeRig>[0] = {}) {
  const rig = makeRig(files);
  const { catalog, reloader, told } = rig;
  const details: unknown[] = [];
  const found: Array<{ id: string; key: string; message: string }> = [];
  const unit = new UnitEditing({
    ...{ catalog, reloader, editor: editorOf(rig) },
    recorder: {
      tell(type, message, id = null, more = {}) {
        told.push([type, message, id]);
        details.push(more);
      },
    },
    checkMachine: async () => found,
  });
  const request = { expected: null, dryRun: false, by: null, from: "127.0.0.1" };
  return { rig, unit, details, found, write: (id: string, text: string, more = {}) => unit.write(id, { ...request, text, ...more }) };
}

const WEB = JSON.stringify(SERVE);

test("a dry run returns the plan of the reload, and changes neither the file nor what is in use", async () => {
  const { rig, write } = editing({ web: { ...SERVE, enabled: true } });
  rig.stage.request("start", ["web"]);
  const answer = await write("web", '{"command": "serve", "args": ["-v"], "enabled": true}', { dryRun: true });
  expect(answer).toMatchObject({ ok: true, value: { id: "web", path: "/units/web.unit.json", valid: true, written: false, problems: [] } });
  expect(answer.ok && answer.value.plan.map(({ id, change, action, keys }) => ({ id, change, action, keys }))).toEqual([
    { id: "web", change: "changed", action: "restart", keys: [{ key: "args", applies: "restart" }] },
  ]);
  expect(rig.files.get("web")).toEqual({ ...SERVE, enabled: true });
  expect(rig.catalog.get("web")!.effective.args).toEqual([]);
  expect(rig.reloader.reload(true).units).toEqual([]);
  expect(rig.told).toEqual([]);
});

test("a valid text is written once, and the history says who wrote it", async () => {
  const { rig, details, write } = editing({ web: SERVE });
  const text = '{"command": "serve", "args": ["-v"]}';
  expect(await write("web", text, { expected: etagOf(WEB), by: "Ann" })).toMatchObject({
    ok: true,
    value: { written: true, etag: etagOf(text) },
  });
  expect(rig.files.get("web")).toBe(text);
  expect(rig.told).toEqual([["file-written", "its unit file was changed by Ann", "web"]]);
  expect(details).toEqual([{ file: "/units/web.unit.json", by: "Ann", from: "127.0.0.1", etag: etagOf(text), replaced: etagOf(WEB) }]);
  expect(await write("web", WEB, { expected: etagOf(WEB) })).toMatchObject({ ok: false, error: { code: "conflict" } });
  expect(rig.files.get("web")).toBe(text);
  expect(rig.told).toHaveLength(1);
});

test("a text with errors is never written; a dry run returns all problems with their lines", async () => {
  const { rig, write } = editing({ web: SERVE });
  const text = '{\n  "comand": "serve",\n  "port": "many"\n}';
  const checked = await write("web", text, { dryRun: true });
  expect(checked).toMatchObject({ ok: true, value: { valid: false, written: false } });
  expect(checked.ok && checked.value.problems.map(({ line, key }) => [line, key])).toEqual(
    expect.arrayContaining([
      [2, "comand"],
      [3, "port"],
    ]),
  );
  const refused = await write("web", text, { expected: etagOf(WEB) });
  expect(refused).toMatchObject({ ok: false, error: { code: "invalid", message: expect.stringContaining("web.unit.json:2:") } });
  expect(rig.files.get("web")).toEqual(SERVE);
  expect(rig.told).toEqual([]);
});

test("an error that the change would cause in another file is a problem too, an older one is not", async () => {
  const { write } = editing({ web: { ...SERVE, dependencies: ["db"] }, db: SERVE, old: '{"command": 7}' });
  const cycle = await write("db", '{"command": "serve", "dependencies": ["web"]}', { dryRun: true });
  expect(cycle).toMatchObject({ ok: true, value: { valid: false } });
  const text = cycle.ok ? cycle.value.problems.map(({ file, message }) => `${file} ${message}`).join("\n") : "";
  expect(text).toContain("cycle");
  expect(text).not.toContain("old.unit.json");
});

test("a new unit is created, a broken file is fixed, and what the machine lacks is a warning with its line", async () => {
  const { rig, found, write, unit } = editing({ bad: '{"command": 7}' });
  expect(await write("new", WEB, { by: "Ann" })).toMatchObject({ ok: true, value: { written: true, path: "/units/new.unit.json" } });
  expect(rig.told).toEqual([["file-written", "its unit file was created by Ann", "new"]]);
  expect(unit.read("bad", true)).toMatchObject({ ok: true, value: { text: '{"command": 7}', path: "/units/bad.unit.json" } });
  found.push({ id: "bad", key: "command", message: "there is no program serve" });
  const fixed = await write("bad", '{\n"command": "serve"}', { expected: etagOf('{"command": 7}') });
  expect(fixed).toMatchObject({
    ok: true,
    value: { valid: true, written: true, problems: [{ severity: "warning", line: 2, message: "there is no program serve" }] },
  });
});

test("a unit of a service and an instance of a template are edited in the file that declares them", async () => {
  const { rig, unit } = editing({ web: { ...SERVE, instances: 2 }, "t@": SERVE });
  rig.enablements.set("t@a", true);
  rig.reloader.noticed();
  for (const [id, path] of [
    ["web", "/units/web.unit.json"],
    ["web@2", "/units/web.unit.json"],
    ["t@a", "/units/t@.unit.json"],
  ] as const)
    expect(unit.read(id, true)).toMatchObject({ ok: true, value: { path } });
});

test("masked units and names without a file are refused", async () => {
  const { unit, write } = editing({ off: MASK });
  expect(unit.read("off", true)).toMatchObject({ ok: false, error: { code: "conflict", message: expect.stringContaining("masked") } });
  expect(await write("off", WEB)).toMatchObject({ ok: false, error: { code: "conflict" } });
  expect(unit.read("gone", true)).toMatchObject({ ok: false, error: { code: "no-such-unit" } });
});

test("secrets are hidden unless they are asked for, and then there is no ETag with which the hidden text could be written", () => {
  const { unit } = editing({ web: { ...SERVE, environment: { API_TOKEN: "very-secret" } } });
  const hidden = unit.read("web", false);
  expect(hidden).toMatchObject({ ok: true, value: { etag: null } });
  expect(JSON.stringify(hidden)).not.toContain("very-secret");
  expect(JSON.stringify(unit.read("web", true))).toContain("very-secret");
});

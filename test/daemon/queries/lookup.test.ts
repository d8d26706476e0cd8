import { expect, test } from "bun:test";
import { NAME_HINT } from "../../../src/base/names.ts";
import { Lookup } from "../../../src/daemon/queries/lookup.ts";
import { makeRig, type Rig } from "../rig.ts";

const UNITS = {
  web: { command: "serve", groups: ["site"], priority: 20 },
  db: { command: "serve", groups: ["site", "data"], priority: 10 },
  "t@": { command: "serve" },
  broken: '{ "command": 1 }',
};

const lookupOf = ({ stage: { world }, catalog }: Rig): Lookup => new Lookup({ world, catalog });

for (const [what, patterns, ids] of [
  ["names, in the order of the unit list", ["web", "db"], ["db", "web"]],
  ["names of files", ["web.unit.json"], ["web"]],
  ["globs", ["w*", "d?"], ["db", "web"]],
  ["groups", ["@data"], ["db"]],
  ["a unit that is named twice, once", ["web", "@site", "*"], ["db", "web"]],
] as const) {
  test(`resolves ${what}`, () => {
    expect(lookupOf(makeRig(UNITS)).resolve(patterns)).toEqual({ ok: true, value: [...ids] });
  });
}

for (const [what, pattern, error] of [
  ["a name that is close to a unit", "wep", { message: "there is no unit wep", hint: "did you mean web?" }],
  ["a name that is close to nothing", "elsewhere", { message: "there is no unit elsewhere", hint: "put elsewhere.unit.json into /units" }],
  ["a glob without matches", "x*", { message: "no unit matches x*" }],
  ["a group that is close to another", "@sites", { message: "no unit is in the group @sites", hint: "did you mean @site?" }],
  ["a group that is a key of every object", "@constructor", { message: "no unit is in the group @constructor" }],
  ["an instance of a template", "t@x", { message: "there is no unit t@x", hint: "`sup start t@x` creates it from the template t@" }],
  ["a name that no unit can have", "t@ü", { message: "there is no unit t@ü", hint: NAME_HINT }],
  ["an instance of no template", "u@x", { message: "there is no unit u@x", hint: "put u@x.unit.json into /units" }],
] as const) {
  test(`${what} is no unit: the error has a hint that fits`, () => {
    const result = lookupOf(makeRig(UNITS)).resolve([pattern]);
    expect(result).toEqual({ ok: false, error: { code: "no-such-unit", ...error } });
  });
}

test("a unit whose file has errors is not found; the error has the problems of the file", () => {
  const result = lookupOf(makeRig(UNITS)).find("broken");
  const hint = "`sup verify broken` shows all errors; fix the file, then run `sup reload`";
  expect(result).toMatchObject({ ok: false, error: { code: "no-such-unit", hint } });
  expect(result.ok ? "" : result.error.message).toMatch(/^broken cannot be loaded: .*\/units\/broken\.unit\.json:1:/);
});

test("groups have their units in the order of the unit list", () => {
  expect(lookupOf(makeRig(UNITS)).groups()).toEqual({ site: ["db", "web"], data: ["db"] });
});

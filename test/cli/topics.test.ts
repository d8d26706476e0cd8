import { expect, test } from "bun:test";
import { childrenOf, settingsLeaves, supportedKeys } from "../../src/spec/documents/unit-reference.ts";
import { sup } from "./fake.ts";

test("sup help unit has every key and its parts, on lines that fit the terminal", async () => {
  const { code, out } = await sup({ home: "/nowhere" }, ["help", "unit"], { host: { columns: () => 60 } });
  expect(code).toBe(0);
  for (const key of supportedKeys()) {
    expect(out).toContain(`\n  ${key.name} (`);
    for (const child of childrenOf(key)) expect(out).toContain(`\n        ${child.name} (`);
  }
  const tooLong = out.split("\n").filter((line) => line.length > 60 && line.trim().includes(" "));
  expect(tooLong).toEqual([]);
  expect(out).not.toMatch(/`|\]\(|\*\*/); // no Markdown left
});

test("sup help unit KEY has only that key; an unknown key is an error with a suggestion", async () => {
  const { code, out } = await sup({ home: "/nowhere" }, ["help", "unit", "restart_policy"]);
  expect(out).toMatch(/^restart_policy \(object; live\)\n    Delays [^]*?\n  max_retries \(/);
  expect(code).toBe(0);
  expect(out).not.toContain("health_check");
  const unknown = await sup({ home: "/nowhere" }, ["help", "unit", "helth_check"]);
  expect(unknown.err).toBe("sup: a unit file has no key helth_check\n  did you mean health_check?\n");
  expect(unknown.code).toBe(2);
  expect((await sup({ home: "/nowhere" }, ["help", "unit", "qqq"])).err).toContain("`sup help unit` lists the keys");
});

test("sup help settings has every key of sup.json", async () => {
  const { out } = await sup({ home: "/nowhere" }, ["help", "settings"]);
  for (const { path } of settingsLeaves()) expect(out).toContain(`\n  ${path} (`);
});

test("help about an unknown command is an error, not the general help", async () => {
  const { code, out, err } = await sup({ home: "/nowhere" }, ["help", "statsu"]);
  expect(out).toBe("");
  expect(err).toBe("sup: unknown command 'statsu'\n  Did you mean status?\n");
  expect(code).toBe(2);
  expect((await sup({ home: "/nowhere" }, ["help", "status"])).out).toContain("Usage: sup status");
  expect((await sup({ home: "/nowhere" }, ["help", "help"])).code).toBe(0);
});

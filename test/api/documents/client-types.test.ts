import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { clientTypes } from "../../../src/api/documents/client-types.ts";
import { routes, type Route } from "../../../src/api/contract/routes.ts";
import { tempDir } from "../../harness/temp.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const BUN = join(ROOT, "node_modules/.bin/bun");

test("the published types are those of the contract: each can stand for the other", () => {
  const { code, output } = check(`
    import type { CallName, Sup } from "${ROOT}/src/api/client/published.ts";
    import type { Input, Output } from "${ROOT}/src/api/contract/contract.ts";
    import type * as published from "./sup-client.d.ts";

    type Fits<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
    type OtherInputs = { [Name in CallName]: Fits<Input<Name>, published.Inputs[Name]> extends true ? never : Name }[CallName];
    type OtherOutputs = { [Name in CallName]: Fits<Output<Name>, published.Outputs[Name]> extends true ? never : Name }[CallName];
    export const noInput: (name: OtherInputs) => never = (name) => name;
    export const noOutput: (name: OtherOutputs) => never = (name) => name;
    export const names: Fits<CallName, keyof published.Inputs> = true;
    export const rest: Fits<Omit<Sup, "call">, Omit<published.Sup, "call">> = true;
  `);
  expect(output).toContain("No type errors");
  expect(code).toBe(0);
});

test("the compiler refuses a wrong route, a missing input and an unknown field of an answer", () => {
  const { code, output } = check(`
    import { connect } from "./sup-client.js";
    const sup = connect({ url: "http://127.0.0.1:7870" });
    for (const { id, state } of (await sup.call("status")).services) if (state === "fatal") await sup.call("restart", { id });
    await sup.call("statsu");
    await sup.call("why");
    (await sup.call("why", { id: "web" })).service.stat;
  `);
  expect(code).toBe(1);
  expect(output.match(/check\.ts\(\d+,\d+\)/g)?.map((place) => place.replace(/,.*/, ""))).toEqual([
    "check.ts(4",
    "check.ts(5",
    "check.ts(6",
  ]);
});

test("every route with a JSON answer has an input and an answer with its summary, and no name of zod or of a file is left", () => {
  const text = clientTypes("1.2.3");
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    const isJson = route.streams === undefined || route.streams === "lines";
    expect([name, text.split(`\n  ${name}: `).length - 1]).toEqual([name, isJson ? 2 : 0]);
    if (isJson) expect(text).toContain(`/** ${route.summary}. */`);
  }
  expect(text).toContain("version 1.2.3");
  expect(text).not.toMatch(/\bimport\b.*from|\bz\.|\$ref|: ;/);
});

/** Checks TypeScript next to the published types, with the compiler options of this project. */
function check(code: string): { readonly code: number; readonly output: string } {
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  using temp = tempDir(join(ROOT, "dist")); // below the project, where the compiler finds the types of the runtime
  writeFileSync(join(temp.path, "sup-client.d.ts"), clientTypes("0"));
  writeFileSync(join(temp.path, "check.ts"), code.trim());
  writeFileSync(join(temp.path, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", include: ["check.ts"] }));
  const { exitCode, stdout, stderr } = Bun.spawnSync([BUN, "check", "--no-script", "--no-pretty", "-p", temp.path], { cwd: ROOT });
  return { code: exitCode, output: `${stdout.toString()}${stderr.toString()}` };
}

import { expect, test } from "bun:test";
import { openapiDocument } from "../../../src/api/documents/openapi.ts";
import { apiReference } from "../../../src/api/documents/api-reference.ts";
import { ERRORS } from "../../../src/api/contract/errors.ts";
import { routes, type Route } from "../../../src/api/contract/routes.ts";

interface Operation {
  operationId: string;
  summary: string;
  security?: unknown[];
  parameters?: Array<{ name: string; in: string; required: boolean; schema: object; description?: string }>;
  requestBody?: { content: Record<string, { schema: { properties: object } }> };
  responses: Record<string, { description: string; content: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; securitySchemes: object };
}

const document = JSON.parse(JSON.stringify(openapiDocument("9.9.9", "/sup"))) as Document;
const all = Object.entries(routes) as [string, Route][];

test("it is OpenAPI 3.1 with the version of the daemon and the base path", () => {
  expect(document).toMatchObject({ openapi: "3.1.0", info: { title: expect.any(String), version: "9.9.9" }, servers: [{ url: "/sup" }] });
});

test("every route is an operation with its own id, and there is no other", () => {
  const found = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
  );
  expect(found.sort()).toEqual(all.map(([name, { method, path }]) => `${name} ${method} ${path.replace(":id", "{id}")}`).sort());
});

for (const [name, { method, path, access, streams }] of all) {
  test(`${name}: has parameters, answers and access`, () => {
    const operation = document.paths[path.replace(":id", "{id}")]![method.toLowerCase()]!;
    const parameters = operation.parameters ?? [];
    expect(parameters.filter((one) => one.in === "path").map((one) => [one.name, one.required])).toEqual(
      path.includes(":id") ? [["id", true]] : [],
    );
    expect(new Set(parameters.map((one) => one.name)).size).toBe(parameters.length);
    expect(operation.responses["200"]!.description).not.toBe("");
    const types = Object.keys(operation.responses["200"]!.content);
    const special = { events: "text/event-stream", objects: "application/x-ndjson", text: "text/plain", lines: "application/json" };
    expect(types).toContain(streams === undefined ? "application/json" : special[streams]);
    expect(operation.responses.default).toBeDefined();
    expect(operation.security).toEqual(access === "open" ? [] : (undefined as never));
  });
}

test("every $ref points to a component, every component is referred to, and no key of zod is left", () => {
  const refs = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      expect(["$defs", "$schema", "$id"]).not.toContain(key);
      if (key === "$ref") refs.add(String(inner));
      else walk(inner);
    }
  };
  walk(document);
  const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect([...refs].sort()).toEqual(known.sort());
});

test("query parameters have type, default and description; a body has its keys", () => {
  const logs = document.paths["/api/supervisor/services/{id}/logs"]!.get!;
  expect(logs.parameters?.find(({ name }) => name === "lines")).toMatchObject({
    in: "query",
    required: false,
    schema: { type: "integer", minimum: 0 },
  });
  expect(logs.parameters?.find(({ name }) => name === "since")?.description).toContain("10m");
  expect(logs.parameters?.find(({ name }) => name === "follow")?.schema).toEqual({ type: "boolean", default: false });
  const jobs = document.paths["/api/supervisor/jobs"]!.post!;
  expect(jobs.requestBody?.content["application/json"]?.schema).toMatchObject({
    required: ["action", "units"],
    properties: { units: { type: "array", description: "Names, globs and `@groups`" }, wait: { type: "boolean", default: true } },
  });
});

test("the reference has every route, every error and every key; no cell breaks its table", () => {
  const text = apiReference();
  for (const [, { method, path, summary }] of all) expect(text).toContain(`## ${method} ${path}\n\n${summary}`);
  for (const code of Object.keys(ERRORS)) expect(text).toContain(`| \`${code}\` |`);
  expect(text).toContain("| `lines` | integer |");
  expect(text).toContain("| `pid` | integer \\| null |");
  expect(text).not.toMatch(/\bundefined\b|\| any \|/);
  for (const table of text.split("\n\n").filter((block) => block.startsWith("|"))) {
    const widths = new Set(
      table
        .trimEnd()
        .split("\n")
        .map((line) => line.replaceAll("\\|", "").split("|").length),
    );
    expect(widths.size).toBe(1);
  }
});

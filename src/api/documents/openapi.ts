import { z } from "zod";
import { actionResult, contract } from "../contract/contract.ts";
import { ERRORS } from "../contract/errors.ts";
import { routes, type Route, type RouteName } from "../contract/routes.ts";
import * as shape from "../contract/shapes.ts";

/**
 * Returns the OpenAPI 3.1 document, generated from the routes and the contract. Its schemas are JSON Schema 2020-12, which zod
 * generates.
 */
export function openapiDocument(version: string, basePath = ""): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) {
    const path = (paths[route.path.replace(":id", "{id}")] ??= {});
    path[route.method.toLowerCase()] = operation(name, route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "sup control API", version, description: DESCRIPTION },
    servers: [{ url: basePath === "" ? "/" : basePath }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: { ...componentSchemas(), Error: ERROR },
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "The token that `sup token` prints." } },
    },
  };
}

/** One input of a route. Its schema has the type, default and description. */
export interface Field {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

export type JsonSchema = { readonly [key: string]: unknown };

export function fieldsOf(name: RouteName): readonly Field[] {
  const schema = jsonSchema(contract[name].input, "input");
  const required = new Set((schema.required as string[] | undefined) ?? []);
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  return Object.entries(properties).map(([field, of]) => ({ name: field, schema: of, required: required.has(field) }));
}

/** Returns the schema of a route's answer. Shared shapes in it are a `$ref`. */
export const outputOf = (name: RouteName): JsonSchema => jsonSchema(contract[name].output, "output");

const DESCRIPTION =
  "Served on the unix socket (no token) and over TCP (`Authorization: Bearer TOKEN`). Times are UTC ISO 8601, durations are " +
  "in seconds unless the name says otherwise. Errors are `{error: {code, message, hint?}}`.";

const NAMED: Readonly<Record<string, z.ZodType>> = {
  Service: shape.service,
  ServiceDetail: shape.serviceDetail,
  ServiceProcess: shape.serviceProcess,
  Daemon: shape.daemon,
  Status: shape.status,
  Event: shape.event,
  LogLine: shape.logLine,
  ServiceHealth: shape.serviceHealth,
  OverallHealth: shape.overallHealth,
  Host: shape.host,
  Summary: shape.summary,
  JobOutcome: shape.jobOutcome,
  JobResult: shape.jobResult,
  ActionResult: actionResult,
  ReloadPlan: shape.reloadPlan,
  Problem: shape.problem,
  ServiceFile: shape.serviceFile,
  MetricPoint: shape.metricPoint,
  Alert: shape.alert,
  Graph: shape.graph,
};

const ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { type: "string", enum: Object.keys(ERRORS) },
        message: { type: "string" },
        hint: { type: "string" },
      },
    },
  },
} as const;

function operation(name: RouteName, route: Route): Record<string, unknown> {
  const fields = fieldsOf(name);
  const inPath = fields.filter((field) => route.path.includes(`:${field.name}`));
  const rest = fields.filter((field) => !inPath.includes(field));
  const inQuery = route.method === "GET" ? rest : [];
  const parameter =
    (place: "path" | "query") =>
    ({ name: field, schema, required }: Field) => ({
      name: field,
      in: place,
      required,
      ...(schema.description === undefined ? {} : { description: schema.description }),
      schema: without(schema, "description"),
    });
  const parameters = [...inPath.map(parameter("path")), ...inQuery.map(parameter("query"))];
  return {
    operationId: name,
    summary: route.summary,
    ...(route.access === "open" ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.method === "POST" && rest.length > 0 ? { requestBody: requestBody(rest) } : {}),
    responses: responses(name, route),
  };
}

function requestBody(fields: readonly Field[]): Record<string, unknown> {
  const required = fields.filter((field) => field.required).map((field) => field.name);
  const schema = {
    type: "object",
    properties: Object.fromEntries(fields.map((field) => [field.name, field.schema])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
  const description = "Each key may be in the query string instead.";
  return { description, required: required.length > 0, content: { "application/json": { schema } } };
}

function responses(name: RouteName, route: Route): Record<string, unknown> {
  const schema = outputOf(name);
  const lines = { schema: { type: "string", description: 'With follow: one LogLine per line, or {"gap": n}; ignore empty lines' } };
  const content =
    route.streams === "events"
      ? { "text/event-stream": { schema } }
      : route.streams === "text"
        ? { "text/plain": { schema } }
        : route.streams === "objects"
          ? { "application/x-ndjson": { schema } }
          : { "application/json": { schema }, ...(route.streams === "lines" ? { "application/x-ndjson": lines } : {}) };
  const unhealthy = name === "health" ? { "503": { description: "A unit is unhealthy", content } } : {};
  const error = { description: "An error", content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } };
  return { "200": { description: route.summary, content }, ...unhealthy, default: error };
}

const ref = (id: string): string => `#/components/schemas/${id}`;

function registryOf(): z.core.$ZodRegistry<{ id: string }> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id });
  return registry;
}

/** Returns the schemas of the shared shapes by name. */
export function componentSchemas(): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(registryOf(), { uri: ref, io: "output", override: tidy });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, without(schema as JsonSchema, "$schema", "$id")]));
}

/** Returns the JSON schema of a zod schema. Shared shapes are a `$ref`. */
function jsonSchema(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  const named = Object.entries(NAMED).find(([, one]) => one === schema);
  if (named) return { $ref: ref(named[0]) };
  const found = z.toJSONSchema(schema, { metadata: registryOf(), io, override: tidy }) as JsonSchema;
  return repoint(without(found, "$schema", "$defs")) as JsonSchema;
}

/**
 * Rewrites each reference `#/$defs/Event` to `#/components/schemas/Event`, because the definitions that zod adds to a schema
 * exist as components already.
 */
function repoint(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(repoint);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    key === "$ref" && typeof inner === "string" ? inner.replace("#/$defs/", "#/components/schemas/") : repoint(inner),
  ]);
  return Object.fromEntries(entries);
}

const INT_RANGE = Number.MAX_SAFE_INTEGER;

/** Removes redundant parts: the regular expression of a known `format`, and bounds that every safe integer meets. */
function tidy({ zodSchema, jsonSchema: schema }: { zodSchema: z.core.$ZodType; jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  // zod itself looks only in the registry that it was given
  const description = z.globalRegistry.get(zodSchema as z.ZodType)?.description;
  if (description !== undefined) schema.description = description;
  if (schema.additionalProperties === false) delete schema.additionalProperties; // a later version may add keys to an answer
  if (JSON.stringify(schema.propertyNames) === '{"type":"string"}') delete schema.propertyNames;
  if (schema.format === "date-time") delete schema.pattern;
  if (schema.maximum === INT_RANGE) delete schema.maximum;
  if (schema.minimum === -INT_RANGE) delete schema.minimum;
  const [first, second] = schema.anyOf ?? [];
  if (schema.anyOf?.length === 2 && JSON.stringify(first) === JSON.stringify(second)) {
    delete schema.anyOf;
    Object.assign(schema, first);
  }
}

function without(schema: JsonSchema, ...keys: string[]): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)));
}

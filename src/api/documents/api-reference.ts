import { componentSchemas, fieldsOf, outputOf, type Field, type JsonSchema } from "./openapi.ts";
import { ERRORS } from "../contract/errors.ts";
import { routes, type Route, type RouteName } from "../contract/routes.ts";

/** Returns the API reference as Markdown, generated from the tables that the server uses. */
export function apiReference(): string {
  const sections = (Object.entries(routes) as [RouteName, Route][]).map(([name, route]) => section(name, route));
  return [HEAD, ...sections, ...shapes(), errorTable()].join("\n\n") + "\n";
}

const HEAD = `# Control API

The API is HTTP with JSON. The unix socket needs no token. TCP needs \`Authorization: Bearer TOKEN\` (\`sup token\` prints the token).
Times are UTC ISO 8601. Durations are in seconds unless the name says otherwise. The inputs of a GET are query parameters. The inputs of
a POST are keys of a JSON body or query parameters. An unknown key is an error. If a unit does not exist, the error is
\`no-such-unit\`. An instance of a template exists once it was started, restarted or enabled. \`/openapi.json\` describes the same
API for tools.

    curl --unix-socket "$XDG_RUNTIME_DIR/sup/sup.sock" http://sup/api/supervisor/status`;

function section(name: RouteName, route: Route): string {
  const access = { open: "open to anyone", read: "read", write: "write", admin: "admin" }[route.access];
  const fields = fieldsOf(name).filter((field) => field.name !== "id");
  const table = fields.length === 0 ? [] : [["| input | type | default | |", "|---|---|---|---|", ...fields.map(row)].join("\n")];
  return [`## ${route.method} ${route.path}`, `${route.summary}. Access: ${access}.`, ...table, `Returns ${answerOf(name, route)}.`].join(
    "\n\n",
  );
}

function row({ name, schema, required }: Field): string {
  const standard = schema.default === undefined ? (required ? "required" : "") : `\`${JSON.stringify(schema.default)}\``;
  return `| \`${name}\` | ${cell(typeName(schema))} | ${standard} | ${cell(typeof schema.description === "string" ? schema.description : "")} |`;
}

/** Escapes the bars in a cell of a Markdown table, because an unescaped bar would end the cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

function answerOf(name: RouteName, route: Route): string {
  if (route.streams === "events") return "server-sent events: `snapshot`, `service`, `removed`, `files`, `event`, `metrics`";
  if (route.streams === "text") return "the text format of Prometheus";
  const json = `\`${typeName(outputOf(name))}\``;
  if (route.streams === "objects") return `one JSON object per line: ${json}`;
  return route.streams === "lines" ? `${json}, or with \`follow\` one JSON object per line` : json;
}

function typeName(schema: JsonSchema): string {
  if (typeof schema.$ref === "string") return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((one) => typeName(one as JsonSchema)).join(" | ");
  if (schema.type === "array") return `${typeName(schema.items as JsonSchema)}[]`;
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  if (schema.type !== "object") return typeof schema.type === "string" ? schema.type : "any";
  if (!schema.properties) return `{name: ${typeName((schema.additionalProperties ?? {}) as JsonSchema)}}`;
  const properties = Object.entries(schema.properties).map(([key, of]) => `${key}: ${typeName(of as JsonSchema)}`);
  return `{${properties.join(", ")}}`;
}

function shapes(): string[] {
  const tables = Object.entries(componentSchemas()).map(([id, schema]) => {
    const rows = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(
      ([key, of]) => `| \`${key}\` | ${cell(typeName(of))} |`,
    );
    return [`### ${id}`, ["| field | type |", "|---|---|", ...rows].join("\n")].join("\n\n");
  });
  return ["## Shapes", ...tables];
}

function errorTable(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, exit }]) => `| \`${code}\` | ${status} | ${exit} |`);
  return [
    "## Errors",
    '`{"error": {"code", "message", "hint"?}}`',
    ["| code | HTTP status | exit code of `sup` |", "|---|---|---|", ...rows].join("\n"),
  ].join("\n\n");
}

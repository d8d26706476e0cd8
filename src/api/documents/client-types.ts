import { routes, type Route, type RouteName } from "../contract/routes.ts";
import { ERRORS } from "../contract/errors.ts";
import { componentSchemas, fieldsOf, outputOf, type JsonSchema } from "./openapi.ts";

/** Returns the text of `sup-client.d.ts`: the types of `api/client/published.ts`, without zod and without any import. */
export function clientTypes(version: string): string {
  const names = (Object.entries(routes) as [RouteName, Route][]).filter(
    ([, { streams }]) => streams !== "events" && streams !== "objects" && streams !== "text",
  );
  const shapes = Object.entries(componentSchemas()).map(([name, schema]) => `export type ${name} = ${typeOf(schema)};`);
  const inputs = names.map(([name, { summary }]) => `  /** ${summary}. */\n  ${name}: ${inputOf(name)};`);
  const outputs = names.map(([name]) => `  ${name}: ${typeOf(outputOf(name))};`);
  return [
    `// The typed client of sup's control API, version ${version}. Made by \`npm run release\`.`,
    HEAD,
    `/** The input of each route: the id in its path and its parameters. */\nexport interface Inputs {\n${inputs.join("\n")}\n}`,
    `/** The answer of each route. */\nexport interface Outputs {\n${outputs.join("\n")}\n}`,
    `export type ErrorCode = ${Object.keys(ERRORS).map((code) => JSON.stringify(code)).join(" | ")};`, // prettier-ignore
    ...shapes,
  ].join("\n\n") + "\n"; // prettier-ignore
}

const HEAD = `/** Connects to the daemon of this user, or to the one that the options or SUP_URL name. Sends nothing yet. */
export function connect(options?: ConnectOptions): Sup;

export interface ConnectOptions {
  /** Path of the daemon's socket. By default it is the socket that \`sup\` uses: it depends on SUP_HOME and the user. */
  readonly socket?: string | undefined;
  /** Address of a daemon, such as http://127.0.0.1:7870, instead of a socket. By default SUP_URL. */
  readonly url?: string | undefined;
  /** The token that \`sup token\` prints. By default SUP_TOKEN. */
  readonly token?: string | undefined;
}

/** Every method throws a SupError if the daemon cannot be reached or refuses. */
export interface Sup {
  /** Sends one request. */
  call<Name extends keyof Inputs>(name: Name, ...input: Given<Name>): Promise<Outputs[Name]>;
  /** Waits for the end of a job, also if the daemon is replaced in the meantime. */
  outcome(job: string): Promise<JobResult>;
  /** Yields the lines of a unit's log, then new ones as they come, until the daemon ends or you stop. */
  logs(input: Inputs["serviceLogs"]): AsyncGenerator<LineMessage, void, undefined>;
  /** Yields a snapshot of all units, then every change. Reconnects while the daemon restarts. */
  events(): AsyncGenerator<EventMessage, void, undefined>;
}

export class SupError extends Error {
  constructor(error: { readonly code: ErrorCode; readonly message: string; readonly hint?: string });
  readonly code: ErrorCode;
  readonly hint: string | null;
}

type Given<Name extends keyof Inputs> = Record<string, never> extends Inputs[Name] ? [input?: Inputs[Name]] : [input: Inputs[Name]];

/** \`gap\`: an unknown number of lines is missing. \`begun\`: all existing lines were delivered. \`waits\`: the daemon is gone, and the client waits that many seconds for it. */
export type LineMessage = LogLine | { readonly gap: null } | { readonly begun: true } | { readonly waits: number };

export interface EventMessage {
  readonly id: number;
  readonly change:
    | { readonly kind: "snapshot"; readonly data: Status }
    | { readonly kind: "service"; readonly data: Service }
    | { readonly kind: "removed"; readonly data: { readonly id: string } }
    | {
        readonly kind: "files";
        readonly data: {
          readonly notes: readonly string[];
          readonly masked: ReadonlyArray<{ id: string; file: string }>;
          readonly broken: ReadonlyArray<{ id: string; file: string; problems: string[] }>;
        };
      }
    | { readonly kind: "event"; readonly data: Event }
    | {
        readonly kind: "metrics";
        readonly data: ReadonlyArray<{
          readonly id: string;
          readonly cpu_percent: number | null;
          readonly memory_mb: number | null;
          readonly tasks: number | null;
          readonly open_files: number | null;
        }>;
      };
}`;

function inputOf(name: RouteName): string {
  const fields = fieldsOf(name);
  if (fields.length === 0) return "Record<never, never>";
  return object(fields.map((field) => ({ name: field.name, schema: field.schema, required: field.required })));
}

interface Property {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

const object = (properties: readonly Property[]): string =>
  `{ ${properties.map(({ name, schema, required }) => `${key(name)}${required ? "" : "?"}: ${typeOf(schema)}${required ? "" : " | undefined"};`).join(" ")} }`; // prettier-ignore

const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name));

function typeOf(schema: JsonSchema): string {
  if (typeof schema.$ref === "string") return schema.$ref.split("/").at(-1)!;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = (schema.anyOf ?? schema.oneOf) as readonly JsonSchema[] | undefined;
  if (choices !== undefined) return choices.map(typeOf).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.map((type: unknown) => typeOf({ ...schema, type })).join(" | ");
  if (schema.type === "array") return `Array<${typeOf((schema.items ?? {}) as JsonSchema)}>`;
  if (schema.type === "object") return objectOf(schema);
  return SCALARS[String(schema.type)] ?? unknownType(schema);
}

const SCALARS: Readonly<Record<string, string>> = {
  string: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
  null: "null",
};

function unknownType(schema: JsonSchema): string {
  if (Object.keys(schema).some((key) => key !== "description" && key !== "default"))
    throw new Error(`no type for ${JSON.stringify(schema)}`);
  return "unknown";
}

function objectOf({ properties, required, additionalProperties, propertyNames }: JsonSchema): string {
  if (properties !== undefined) {
    const needed = new Set((required as readonly string[] | undefined) ?? []);
    const all = Object.entries(properties as Record<string, JsonSchema>);
    return object(all.map(([name, schema]) => ({ name, schema, required: needed.has(name) })));
  }
  const keys = propertyNames === undefined ? "string" : typeOf(propertyNames as JsonSchema);
  return `Record<${keys}, ${typeOf((additionalProperties ?? {}) as JsonSchema)}>`;
}

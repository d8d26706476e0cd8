import type { Spec } from "../../../spec/spec.ts";
import { isSecret } from "../../import/secrets.ts";
import { hasInstance, type Piece } from "../text.ts";
import type { ExportOptions } from "../types.ts";
import { runtimeText, type NomadExport, type Part } from "./context.ts";

export interface Environment {
  readonly env: Readonly<Record<string, string>>;
  /** The template that reads secrets from a variable of Nomad. */
  readonly templates: readonly Part[];
  readonly hasSecrets: boolean;
  /** The names of secrets whose values are not written. */
  readonly missing: readonly string[];
}

/** Returns the environment of the task. */
export function exportEnvironment(given: NomadExport, { withSecrets }: ExportOptions): Environment {
  const { draft, name: job } = given;
  const { spec } = draft;
  const env: Record<string, string> = ownVariables(given);
  const missing: string[] = [];
  let hasSecrets = false;
  let hasNumbers = false;
  for (const name of Object.keys(spec.environment)) {
    const value = valueOf(given, name);
    if (typeof value === "string") draft.dropped(`environment ${name}`, value, "write the value in env", true);
    else if (!/^[A-Za-z_]\w*$/.test(name))
      draft.dropped(`environment ${name}`, "Nomad replaces the other characters in the name of a variable", null, true);
    else if (isHidden(name, value) && !withSecrets) missing.push(name);
    else {
      hasSecrets ||= isHidden(name, value);
      hasNumbers ||= hasInstance(value);
      env[name] = runtimeText(value);
    }
  }
  if (hasNumbers) draft.approximated("environment", "env: Nomad numbers the allocations from 0, and sup from 1");
  else draft.carried("environment", missing.length > 0 ? "env, and a template that reads the secrets from a variable of Nomad" : "env");
  const templates = missing.length === 0 ? [] : [secretsTemplate(job, missing)];
  return { env, templates, hasSecrets, missing };
}

/** A variable such as the port stands for a digit, so that it does not make a password of what is beside it. */
const isHidden = (name: string, value: readonly Piece[]): boolean =>
  isSecret(name, value.map((piece) => (typeof piece === "string" ? piece : "0")).join(""));

function ownVariables({ draft, image }: NomadExport): Record<string, string> {
  const { port, instances } = draft.spec;
  const env: Record<string, string> = {};
  if (port !== null) env.PORT = hasDynamicPort(draft.spec) && image === null ? `\${${DYNAMIC_PORT}}` : String(port);
  if (instances !== null) env.SUP_INSTANCE = "${NOMAD_ALLOC_INDEX}";
  return env;
}

/** The variable with the port that Nomad has chosen. */
const DYNAMIC_PORT = "NOMAD_PORT_http";

/** Returns true if Nomad chooses the port, because several instances on one machine cannot have the same one. */
export const hasDynamicPort = ({ instances, port }: Pick<Spec, "instances" | "port">): boolean => port !== null && instances !== null;

/** Returns the value of a variable, or the reason why there is none. */
function valueOf({ draft, texts }: NomadExport, name: string): readonly Piece[] | string {
  const value = texts.environment.get(name)!;
  if (value.ok) return value.value;
  // A value that contains PORT is only known when Nomad has chosen the port.
  const later = texts.withVariables(draft.spec.environment[name]!);
  const isPort = later.ok && later.value.every((piece) => typeof piece === "string" || piece.kind === "instance" || piece.name === "PORT");
  if (!isPort) return value.error;
  // Nomad sets the variables of a task in no particular order, so one cannot refer to PORT.
  return later.value.map((piece) => (typeof piece === "string" || piece.kind === "instance" ? piece : { ...piece, name: DYNAMIC_PORT }));
}

/** `toJSON` quotes the values, as a file of variables allows. */
function secretsTemplate(job: string, names: readonly string[]): Part {
  const lines = names.map((name) => `${name}={{ .${name} | toJSON }}\n`).join("");
  return {
    EmbeddedTmpl: `{{ with nomadVar "nomad/jobs/${job}" }}\n${lines}{{ end }}\n`,
    DestPath: "${NOMAD_SECRETS_DIR}/secrets.env",
    Envvars: true,
    ChangeMode: "restart",
  };
}

import { err, ok, type Result } from "../../base/result.ts";
import { parseDotenv } from "./dotenv.ts";
import type { Spec } from "../spec.ts";
import { expandText, type Specifiers } from "./specifiers.ts";

/** What every unit gets. Nothing else of the daemon's own environment reaches a unit. */
export const BASE_VARIABLES = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ"] as const;

export interface EnvironmentInput {
  readonly spec: Pick<Spec, "id" | "port" | "environment">;
  /** Only `BASE_VARIABLES` are taken from it. */
  readonly base: Readonly<Record<string, string | undefined>>;
  /** The environment files that were there, in order. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly text: string }>;
  /** Value of SUP_INVOCATION_ID. */
  readonly invocation: string;
  readonly specifiers: Specifiers;
}

/**
 * The whole environment of a unit's processes, later ones over earlier ones: base, PORT, environment files, the unit's
 * own `environment` (whose values may use what came before them), and last sup's names, which nothing may replace.
 * The error says which file and line, or which variable.
 */
export function composeEnvironment({
  spec,
  base,
  files,
  invocation,
  specifiers,
}: EnvironmentInput): Result<Record<string, string>, string> {
  const own: Record<string, string> = { SUP_UNIT: spec.id, SUP_INVOCATION_ID: invocation };
  if (specifiers.i !== "") own.SUP_INSTANCE = specifiers.i;
  const env: Record<string, string> = {};
  for (const name of BASE_VARIABLES) if (base[name] !== undefined) env[name] = base[name];
  Object.assign(env, own);
  if (spec.port !== null) env.PORT = String(spec.port);
  for (const { path, text } of files) {
    const variables = parseDotenv(text);
    if (!variables.ok) return err(`cannot read environment file ${path}:${variables.error.line}: ${variables.error.message}`);
    for (const [name, value] of variables.value) {
      if (RESERVED.has(name)) return err(`cannot use environment file ${path}: ${name} is set by sup itself`);
      env[name] = value;
    }
  }
  for (const [name, text] of Object.entries(spec.environment)) {
    const value = expandText(text, env, specifiers);
    if (!value.ok) return err(`cannot expand environment.${name}: ${value.error}`);
    env[name] = value.value;
  }
  return ok(env);
}

/** A unit's processes are found again by these. */
export const RESERVED: ReadonlySet<string> = new Set(["SUP_UNIT", "SUP_INSTANCE", "SUP_INVOCATION_ID"]);

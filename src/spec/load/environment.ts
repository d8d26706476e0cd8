import { err, ok, type Result } from "../../base/result.ts";
import { parseDotenv } from "./dotenv.ts";
import type { Spec } from "../spec.ts";
import { expandText, type Specifiers } from "./specifiers.ts";

/** The only variables that units inherit from the daemon's environment. */
export const BASE_VARIABLES = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ"] as const;

export interface EnvironmentInput {
  readonly spec: Pick<Spec, "id" | "port" | "environment"> & Partial<Pick<Spec, "instance" | "rolling">>;
  /** The number of the rollout that the start belongs to; 0 by default. */
  readonly generation?: number;
  /** The environment of the daemon. Only `BASE_VARIABLES` are taken from it. */
  readonly base: Readonly<Record<string, string | undefined>>;
  /** The environment files that exist, in order. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly text: string }>;
  /** The value for SUP_INVOCATION_ID. */
  readonly invocation: string;
  readonly specifiers: Specifiers;
}

/**
 * Returns the environment of a unit's processes. Later sources override earlier ones; the order is base, PORT, environment
 * files, and the unit's `environment`, whose values may use variables set before them. Nothing can override the variables
 * that sup itself sets. The error names the file and line, or the variable.
 */
export function composeEnvironment({
  spec,
  base,
  files,
  invocation,
  specifiers,
  generation = 0,
}: EnvironmentInput): Result<Record<string, string>, string> {
  const own: Record<string, string> = { SUP_UNIT: spec.id, SUP_INVOCATION_ID: invocation };
  if (specifiers.i !== "") own.SUP_INSTANCE = specifiers.i;
  if (spec.instance != null || spec.rolling != null) own.SUP_GENERATION = String(generation);
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

/** The variables that sup itself sets, and by which it finds the processes of a unit. */
export const RESERVED: ReadonlySet<string> = new Set(["SUP_UNIT", "SUP_INSTANCE", "SUP_GENERATION", "SUP_INVOCATION_ID"]);

import { HIDDEN, isSecretName, redactString } from "../redact.ts";
import { composeEnvironment, type EnvironmentInput } from "./environment.ts";
import { expandText, type Env, type Specifiers, type TextOptions } from "./specifiers.ts";

/** Shows a string of a unit with its specifiers and variables expanded, and without secrets. */
export type Display = (text: string, options?: TextOptions) => string;

type Base = Readonly<Record<string, string | undefined>>;

/**
 * Expands everything that is known without a start. Environment files are not read, so their variables stay as they are written.
 * Variables whose names suggest a secret are hidden.
 */
export function displayOf(spec: EnvironmentInput["spec"], base: Base, specifiers: Specifiers): Display {
  let env: Env | undefined;
  return (text, options) => {
    if (!text.includes("%") && !text.includes("$")) return redactString(text);
    env ??= knownVariables(spec, base, specifiers);
    const filled = expandText(text, withUnknown(env, text), specifiers, options);
    return redactString(filled.ok ? filled.value : text);
  };
}

function knownVariables(spec: EnvironmentInput["spec"], base: Base, specifiers: Specifiers): Env {
  const input = { base, files: [], invocation: "", specifiers };
  const all = composeEnvironment({ ...input, spec });
  // A variable that refers to one of an environment file cannot be expanded; the others can.
  const singles = Object.entries(spec.environment).map(([name, value]) =>
    composeEnvironment({ ...input, spec: { ...spec, environment: { [name]: value } } }),
  );
  const known = all.ok ? all.value : Object.assign({}, ...singles.map((one) => (one.ok ? one.value : {})));
  const { SUP_INVOCATION_ID: _, ...rest } = known as Record<string, string>;
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, isSecretName(name) ? HIDDEN : redactString(value)]));
}

/** A variable without a value stands for itself. */
function withUnknown(env: Env, text: string): Env {
  const names = [...text.matchAll(/\$\{([A-Za-z_]\w*)\}/g)].map(([, name]) => name!);
  const unknown = names.filter((name) => !Object.hasOwn(env, name));
  return unknown.length === 0 ? env : { ...env, ...Object.fromEntries(unknown.map((name) => [name, `\${${name}}`])) };
}

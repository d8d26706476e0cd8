import { compilePattern } from "../../base/pattern.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { endpointFault } from "../endpoint.ts";
import type { EnvironmentFile, ExecSpec, PathCondition, ProbeSpec, Spec } from "../spec.ts";
import { type Env, expandText, type Specifiers } from "./specifiers.ts";

/**
 * Expands specifiers and variables in a unit's commands and probes. This is done at each start, because environment files may
 * have changed.
 */

export interface Expanded {
  readonly argv: readonly string[];
  readonly cwd: string | null;
}

/** Returns the arguments and the working directory for exec. Errors read "cannot expand KEY: cause". */
export function expandExec(spec: Pick<Spec, "exec">, env: Env, specifiers: Specifiers): Result<Expanded, string> {
  const { exec } = spec;
  const argv = exec.shell ? shellArgv(exec, env, specifiers) : expandCommand(exec, env, specifiers);
  if (!argv.ok) return argv;
  if (exec.workingDirectory === null) return ok({ argv: argv.value, cwd: null });
  const cwd = expandPath(exec.workingDirectory, env, specifiers);
  return cwd.ok ? ok({ argv: argv.value, cwd: cwd.value }) : err(`cannot expand working_directory: ${cwd.error}`);
}

/** Returns the arguments for a hook, a reload command or an exec probe. */
export function expandCommand(
  command: { readonly command: string; readonly args: readonly string[] },
  env: Env,
  specifiers: Specifiers,
): Result<readonly string[], string> {
  const argv: string[] = [];
  for (const [index, text] of [command.command, ...command.args].entries()) {
    const filled = expandText(text, env, specifiers);
    if (!filled.ok) return err(`cannot expand ${index === 0 ? "command" : `args[${index - 1}]`}: ${filled.error}`);
    argv.push(filled.value);
  }
  return argv[0] === "" ? err("cannot expand command: the result is empty") : ok(argv);
}

/** Expands a probe and its fallbacks. In the result, the port of a tcp probe consists of digits. */
export function expandProbe(probe: ProbeSpec, env: Env, specifiers: Specifiers): Result<ProbeSpec, string> {
  const filled = expandOne(probe, env, specifiers);
  if (!filled.ok || !probe.fallback) return filled;
  const fallback = expandProbe(probe.fallback, env, specifiers);
  return fallback.ok ? ok({ ...filled.value, fallback: fallback.value }) : fallback;
}

/** Expands the paths of the environment files. */
export function expandEnvironmentFiles(
  spec: Pick<Spec, "environmentFiles">,
  env: Env,
  specifiers: Specifiers,
): Result<readonly EnvironmentFile[], string> {
  const files: EnvironmentFile[] = [];
  for (const file of spec.environmentFiles) {
    const path = expandPath(file.path, env, specifiers);
    if (!path.ok) return err(`cannot expand environment_files: ${path.error}`);
    files.push({ ...file, path: path.value });
  }
  return ok(files);
}

/** Expands the paths of the conditions, and leaves out the commands. */
export function expandPathConditions(
  spec: Pick<Spec, "conditions">,
  env: Env,
  specifiers: Specifiers,
): Result<readonly PathCondition[], string> {
  const conditions: PathCondition[] = [];
  for (const condition of spec.conditions) {
    if (condition.kind === "command") continue;
    const path = expandPath(condition.path, env, specifiers);
    if (!path.ok) return err(`cannot expand conditions: ${path.error}`);
    conditions.push({ ...condition, path: path.value });
  }
  return ok(conditions);
}

function shellArgv(exec: ExecSpec, env: Env, specifiers: Specifiers): Result<readonly string[], string> {
  // The shell expands `$` itself. If sup inserted the values into the shell's source text, they could run as code.
  const line = expandText(exec.command, env, specifiers, { variables: false });
  return line.ok ? ok(["/bin/sh", "-c", line.value]) : err(`cannot expand command: ${line.error}`);
}

function expandPath(text: string, env: Env, specifiers: Specifiers): Result<string, string> {
  const filled = expandText(text, env, specifiers);
  if (!filled.ok) return filled;
  const path = /^~(?=\/|$)/.test(filled.value) ? specifiers.h + filled.value.slice(1) : filled.value;
  return path.startsWith("/") ? ok(path) : err(`"${path}" is not an absolute path`);
}

function expandOne(probe: ProbeSpec, env: Env, specifiers: Specifiers): Result<ProbeSpec, string> {
  switch (probe.type) {
    case "process":
      return ok(probe);
    case "exec": {
      const argv = expandCommand(probe, env, specifiers);
      if (!argv.ok) return err(`${argv.error} (health_check)`);
      return ok({ ...probe, command: argv.value[0]!, args: argv.value.slice(1) });
    }
    case "tcp": {
      const filled = expandFields({ host: probe.host, port: probe.port }, env, specifiers);
      if (!filled.ok) return filled;
      return isPort(filled.value.port!)
        ? ok({ ...probe, host: filled.value.host!, port: filled.value.port! })
        : err(`health_check.port is "${filled.value.port}", not a number from 1 to 65535`);
    }
    case "http": {
      const content = probe.expectedContent;
      const filled = expandFields({ endpoint: probe.endpoint, ...(content ? { expected_content: content.text } : {}) }, env, specifiers);
      const headers = expandFields(probe.headers, env, specifiers);
      if (!filled.ok) return filled;
      if (!headers.ok) return headers;
      const endpoint = filled.value.endpoint!;
      const fault = endpointFault(endpoint);
      if (fault !== null) return err(`health_check.endpoint ${fault.message}`);
      const text = filled.value.expected_content;
      const pattern = content?.kind === "regex" ? compilePattern(text!) : null;
      if (pattern?.ok === false) return err(`health_check.expected_content "/${text}/" is not a regular expression: ${pattern.error}`);
      return ok({ ...probe, endpoint, headers: headers.value, expectedContent: content && { ...content, text: text! } });
    }
  }
}

function expandFields(fields: Env, env: Env, specifiers: Specifiers): Result<Env, string> {
  const result: Record<string, string> = {};
  for (const [name, text] of Object.entries(fields)) {
    const filled = expandText(text, env, specifiers);
    if (!filled.ok) return err(`cannot expand health_check.${name}: ${filled.error}`);
    result[name] = filled.value;
  }
  return ok(result);
}

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

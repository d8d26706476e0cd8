import { err, ok, type Result } from "../../base/result.ts";
import { instanceOf, isTemplate } from "../../base/names.ts";
import { partsOf, type Part } from "../../spec/load/specifiers.ts";
import type { Spec } from "../../spec/spec.ts";
import type { ExportOptions } from "./types.ts";
import { joinStrings } from "../join-strings.ts";

/** A part of a string in a target's format: a literal, the number or name of the instance, or a variable of the environment. */
export type Piece = string | { readonly kind: "instance" } | { readonly kind: "variable"; readonly name: string };

/** A string without variables. */
export type Literal = ReadonlyArray<Exclude<Piece, { readonly kind: "variable" }>>;

const INSTANCE = { kind: "instance" } as const;

/** Variables that the target sets by itself. Their values are unknown during the export. */
const BASE: ReadonlySet<string> = new Set(["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ"]);

/** Translates the strings of a unit, which contain specifiers and variables. */
export class Texts {
  /** The values of `environment` by name. A value that is unknown during the export is an error. */
  readonly environment = new Map<string, Result<Literal, string>>();
  /** Variables of environment files whose default was used, because their values are unknown during the export. */
  readonly assumed = new Set<string>();
  readonly #spec: Spec;
  readonly #options: ExportOptions;
  readonly #hasOwnPorts: boolean;
  /** The name of the instance, or null if the target expands it. */
  readonly #instance: string | null;

  /** Set `hasOwnPorts` if the instances of a service have different ports, as on one machine. */
  constructor(spec: Spec, options: ExportOptions, { hasOwnPorts = true }: { readonly hasOwnPorts?: boolean } = {}) {
    this.#spec = spec;
    this.#hasOwnPorts = hasOwnPorts && spec.instances !== null && spec.sockets.length === 0;
    this.#options = options;
    this.#instance = hasManyInstances(spec) ? null : (instanceOf(spec.id)?.instance ?? "");
    for (const [name, text] of Object.entries(spec.environment)) this.environment.set(name, this.literal(text));
  }

  /** The id of the unit. */
  get id(): Literal {
    const { id, instances } = this.#spec;
    if (this.#instance !== null) return [id];
    return [instances === null ? id : `${id}@`, INSTANCE];
  }

  /** Replaces all variables with their values. The error names the first variable whose value is unknown during the export. */
  literal(text: string, options: { readonly variables?: boolean } = {}): Result<Literal, string> {
    const parts = partsOf(text, options);
    return parts.ok ? this.#literalOf(parts.value) : parts;
  }

  /** Keeps variables whose values are unknown during the export. The target takes them from an environment outside the unit. */
  withOutside(text: string): Result<readonly Piece[], string> {
    const parts = partsOf(text);
    if (!parts.ok) return parts;
    const pieces: Piece[] = [];
    for (const part of parts.value) {
      const literal = this.#literalOf([part]);
      if (literal.ok) pieces.push(...literal.value);
      else if (part.kind === "variable" && this.#valueOf(part.name) !== null) pieces.push({ kind: "variable", name: part.name });
      else return literal;
    }
    return ok(pieces);
  }

  /** Keeps variables of the environment, which the target expands. The error names a variable that is never set. */
  withVariables(text: string): Result<readonly Piece[], string> {
    const parts = partsOf(text);
    if (!parts.ok) return parts;
    const pieces: Piece[] = [];
    for (const part of parts.value) {
      if (part.kind === "variable" && this.isSetAtRuntime(part.name)) pieces.push({ kind: "variable", name: part.name });
      else {
        const literal = this.#literalOf([part]);
        if (!literal.ok) return literal;
        pieces.push(...literal.value);
      }
    }
    return ok(pieces);
  }

  /** Returns true if the process has the variable in its environment because the unit file sets it. */
  isSetAtRuntime(name: string): boolean {
    return Object.hasOwn(this.#spec.environment, name) || (name === "PORT" && this.#spec.port !== null);
  }

  #literalOf(parts: readonly Part[]): Result<Literal, string> {
    const pieces: Array<Literal[number]> = [];
    for (const part of parts) {
      if (part.kind === "text") pieces.push(part.text);
      else if (part.kind === "specifier") pieces.push(...this.#specifier(part.letter));
      else {
        const value = this.#variable(part.name, part.fallback);
        if (!value.ok) return value;
        pieces.push(...value.value);
      }
    }
    return ok(joinStrings(pieces));
  }

  #specifier(letter: "n" | "i" | "h" | "S" | "L" | "t"): Literal {
    const { home, state, logs, runtime } = this.#options;
    if (letter === "n") return this.id;
    if (letter === "i") return this.#instance === null ? [INSTANCE] : [this.#instance];
    return [{ h: home, S: state, L: logs, t: runtime }[letter]];
  }

  #variable(name: string, fallback: readonly Part[] | null): Result<Literal, string> {
    const value = this.#valueOf(name);
    if (value !== null && value.ok && (fallback === null || value.value.some((piece) => piece !== ""))) return value;
    if (fallback === null) return value ?? err(`the variable ${name} is not set`);
    if (value !== null && !value.ok) this.assumed.add(name);
    return this.#literalOf(fallback);
  }

  /** Returns the value of a variable. Returns an error if the value is unknown during the export, and null if the variable is not set. */
  #valueOf(name: string): Result<Literal, string> | null {
    const { port, instances, identity, environmentFiles } = this.#spec;
    const own = this.environment.get(name);
    if (own !== undefined) return own;
    if (name === "SUP_UNIT") return ok(this.id);
    if (name === "SUP_INSTANCE") return this.#instance === "" ? null : ok(this.#specifier("i"));
    if (name === "SUP_GENERATION" && instances !== null) return ok(["0"]);
    if (name === "PORT" && port !== null) return this.#hasOwnPorts ? err("each instance has a PORT of its own") : ok([String(port)]);
    if (environmentFiles.length > 0) return err(`the value of ${name} may be in an environment file`);
    if (name === "HOME" && identity.user === null) return ok([this.#options.home]);
    if ((name === "USER" || name === "LOGNAME") && (identity.user !== null || !this.#options.isUser)) return ok([identity.user ?? "root"]);
    return BASE.has(name) || name === "SUP_INVOCATION_ID" ? err(`the value of ${name} is only known at the start`) : null;
  }
}

/** Whether a unit stands for several: a service with `instances`, or a template. */
export const hasManyInstances = (spec: Spec): boolean => spec.instances !== null || isTemplate(spec.id);

/** Whether a string depends on the instance. */
export const hasInstance = (pieces: readonly Piece[]): boolean =>
  pieces.some((piece) => typeof piece !== "string" && piece.kind === "instance");

/** Returns the text, or null if it depends on the instance. */
export function plainText(pieces: Literal): string | null {
  const texts = pieces.filter((piece) => typeof piece === "string");
  return texts.length === pieces.length ? texts.join("") : null;
}

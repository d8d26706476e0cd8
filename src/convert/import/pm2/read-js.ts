import { parse, type AnyNode, type Expression, type Program, type SpreadElement } from "acorn";
import { err, ok, type Result } from "../../../base/result.ts";
import { posix } from "../paths.ts";

/**
 * Reads the value that a CommonJS or ES module exports, without running the module. Understands literals, constants, template
 * strings, spreads, `__dirname`, `path.join` and `path.resolve`, and operators on known values. `process.env` is empty, as
 * with `--allow-js`.
 */
export function readJs(text: string, path: string): Result<StaticJs, JsFault> {
  const program = parseProgram(text);
  if (!program.ok) return program;
  const reader = new Reader(path);
  try {
    return ok({ value: reader.exported(program.value), undefinedEnv: [...reader.undefinedEnv], usesDotenv: reader.usesDotenv });
  } catch (thrown) {
    if (thrown instanceof NotStatic) return err({ kind: "code", line: lineOf(text, thrown.node.start), message: thrown.message });
    if (thrown instanceof RangeError) return err({ kind: "syntax", line: 1, message: "it is nested too deeply" });
    throw thrown;
  }
}

export interface StaticJs {
  readonly value: unknown;
  /** Names of environment variables that the file reads from `process.env`. They are undefined. */
  readonly undefinedEnv: readonly string[];
  /** True if the file loads a `.env` file with the package dotenv. */
  readonly usesDotenv: boolean;
}

export interface JsFault {
  /** `code` means that the value is known only if the file runs. */
  readonly kind: "syntax" | "code";
  readonly line: number;
  readonly message: string;
}

function parseProgram(text: string): Result<Program, JsFault> {
  const options = { ecmaVersion: "latest", allowHashBang: true, allowReturnOutsideFunction: true } as const;
  try {
    return ok(parse(text, { ...options, sourceType: "script" }));
  } catch {
    try {
      return ok(parse(text, { ...options, sourceType: "module" }));
    } catch (error) {
      const { message, loc } = error as { message: string; loc?: { line: number } };
      return err({ kind: "syntax", line: loc?.line ?? 1, message: message.replace(/ \(\d+:\d+\)$/, "") });
    }
  }
}

class NotStatic extends Error {
  readonly node: AnyNode;
  constructor(node: AnyNode, what: string) {
    super(what);
    this.node = node;
  }
}

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;

/** Markers for values that are not data. */
const PATH_MODULE = Symbol("path");
const PROCESS_ENV = Symbol("process.env");
const PROCESS = Symbol("process");

const MAX_STEPS = 100_000;

class Reader {
  readonly undefinedEnv = new Set<string>();
  usesDotenv = false;
  readonly #path: string;
  readonly #constants = new Map<string, Expression>();
  readonly #evaluating = new Set<string>();
  #steps = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Returns the value of `module.exports`, `exports.NAME` or `export default`. */
  exported(program: Program): unknown {
    let whole: Expression | null = null;
    const named = new Map<string, Expression>();
    for (const statement of program.body) {
      if (statement.type === "VariableDeclaration") this.#declare(statement);
      else if (statement.type === "ImportDeclaration") this.#import(statement);
      else if (statement.type === "ExportDefaultDeclaration") {
        if (/Declaration$/.test(statement.declaration.type)) throw new NotStatic(statement, "it exports a function or class");
        whole = statement.declaration as Expression;
      } else if (statement.type === "ExportNamedDeclaration" && statement.declaration?.type === "VariableDeclaration") {
        this.#declare(statement.declaration);
        for (const { id } of statement.declaration.declarations) if (id.type === "Identifier") named.set(id.name, id);
      } else if (statement.type === "ExpressionStatement") {
        const assigned = assignment(statement.expression);
        if (assigned === null && isConsole(statement.expression)) continue;
        if (assigned === null && loadsDotenv(statement.expression)) this.usesDotenv = true;
        else if (assigned === null) {
          if (statement.expression.type === "ObjectExpression" || statement.expression.type === "ArrayExpression")
            whole ??= statement.expression;
          else if (statement.expression.type !== "Literal") throw new NotStatic(statement, "it runs code");
        } else if (assigned.name === null) whole = assigned.value;
        else named.set(assigned.name, assigned.value);
      } else if (!["EmptyStatement", "FunctionDeclaration"].includes(statement.type)) throw new NotStatic(statement, "it runs code");
    }
    if (whole !== null) return this.#value(whole);
    if (named.size === 0) throw new NotStatic(program, "it exports nothing");
    return Object.fromEntries([...named].map(([name, value]) => [name, this.#value(value)]));
  }

  #declare(statement: Extract<AnyNode, { type: "VariableDeclaration" }>): void {
    for (const { id, init } of statement.declarations) {
      if (init && loadsDotenv(init)) this.usesDotenv = true;
      if (id.type === "Identifier" && init) this.#constants.set(id.name, init);
      // For example `const { name } = require("./package.json")`. It is an error only if the value is used.
    }
  }

  #import({ source, specifiers }: Extract<AnyNode, { type: "ImportDeclaration" }>): void {
    if (String(source.value) === "dotenv/config") this.usesDotenv = true;
    if (!/^(node:)?path$/.test(String(source.value))) return;
    for (const { local } of specifiers) this.#constants.set(local.name, { type: "Identifier", name: "path", start: 0, end: 0 });
  }

  #value(node: Expression | SpreadElement): unknown {
    if (++this.#steps > MAX_STEPS) throw new NotStatic(node, "it is too large");
    switch (node.type) {
      case "Literal":
        if (node.bigint !== undefined && node.bigint !== null) throw new NotStatic(node, "it contains a BigInt");
        return node.regex ? `/${node.regex.pattern}/${node.regex.flags}` : node.value;
      case "TemplateLiteral":
        return node.quasis
          .map(({ value }, index) => value.cooked! + (index < node.expressions.length ? this.#text(node.expressions[index]!) : ""))
          .join("");
      case "ArrayExpression":
        return node.elements.flatMap((each) =>
          each === null ? [undefined] : each.type === "SpreadElement" ? this.#list(each) : [this.#value(each)],
        );
      case "ObjectExpression":
        return this.#object(node);
      case "Identifier":
        return this.#identifier(node);
      case "MemberExpression":
        return this.#member(node);
      case "CallExpression":
        return this.#call(node);
      case "ParenthesizedExpression":
        return this.#value(node.expression);
      case "ChainExpression":
        return this.#value(node.expression);
      case "UnaryExpression":
      case "BinaryExpression":
      case "LogicalExpression":
      case "ConditionalExpression":
        return this.#operator(node);
      default:
        throw new NotStatic(node, "it computes its values with code");
    }
  }

  #list(node: SpreadElement): unknown[] {
    const value = this.#value(node.argument);
    if (!Array.isArray(value)) throw new NotStatic(node, "it spreads something that is not a list");
    return value;
  }

  #object(node: Extract<Expression, { type: "ObjectExpression" }>): Record<string, unknown> {
    const object = Object.create(null) as Record<string, unknown>;
    for (const property of node.properties) {
      if (property.type === "SpreadElement") Object.assign(object, this.#spread(property.argument));
      else if (property.kind !== "init" || property.method) object[this.#key(property)] = undefined;
      else if (property.value.type === "FunctionExpression" || property.value.type === "ArrowFunctionExpression")
        object[this.#key(property)] = undefined;
      else object[this.#key(property)] = this.#value(property.value as Expression);
    }
    return object;
  }

  #spread(node: Expression): object | null {
    const value = this.#value(node);
    if (value === PROCESS_ENV) this.undefinedEnv.add("all variables (...process.env)");
    return typeof value === "object" ? value : null;
  }

  #key({ key, computed }: { readonly key: AnyNode; readonly computed: boolean }): string {
    if (!computed && key.type === "Identifier") return key.name;
    return this.#text(key as Expression);
  }

  #identifier(node: Extract<Expression, { type: "Identifier" }>): unknown {
    const { name } = node;
    if (name === "undefined") return undefined;
    if (name === "__dirname") return posix.dirname(this.#path);
    if (name === "__filename") return this.#path;
    if (name === "process") return PROCESS;
    const constant = this.#constants.get(name);
    if (name === "path" && (constant === undefined || constant.start === 0)) return PATH_MODULE;
    if (constant === undefined || this.#evaluating.has(name)) throw new NotStatic(node, `it uses ${name}, whose value is not known`);
    this.#evaluating.add(name);
    try {
      return this.#value(constant);
    } finally {
      this.#evaluating.delete(name);
    }
  }

  #member(node: Extract<Expression, { type: "MemberExpression" }>): unknown {
    if (node.object.type === "Super" || node.property.type === "PrivateIdentifier") throw new NotStatic(node, "it runs code");
    const object = this.#value(node.object);
    const key = node.computed ? this.#text(node.property) : (node.property as { name: string }).name;
    if (object === PROCESS && key === "env") return PROCESS_ENV;
    if (object === PROCESS && /^[A-Z_]+$/.test(key)) return undefined; // a mistake for process.env.NAME
    if (object === PROCESS_ENV) {
      this.undefinedEnv.add(key);
      return undefined;
    }
    if (typeof object === "object" && object !== null && Object.hasOwn(object, key)) return (object as Record<string, unknown>)[key];
    if (object === undefined && node.optional) return undefined;
    throw new NotStatic(node, `it uses ${key}, whose value is not known`);
  }

  #call(node: Extract<Expression, { type: "CallExpression" }>): unknown {
    const { callee } = node;
    const given = node.arguments.map((each) => (each.type === "Literal" ? each.value : null));
    if (callee.type === "Identifier" && callee.name === "require" && /^(node:)?path$/.test(String(given[0]))) return PATH_MODULE;
    if (
      callee.type === "MemberExpression" &&
      callee.object.type !== "Super" &&
      this.#value(callee.object) === PATH_MODULE &&
      callee.property.type === "Identifier"
    ) {
      const parts = node.arguments.map((each) => this.#text(each));
      if (callee.property.name === "dirname" && parts.length === 1) return posix.dirname(parts[0]!);
      if (callee.property.name === "join" || callee.property.name === "resolve")
        return parts[0]?.startsWith("/") || callee.property.name === "resolve"
          ? parts.reduce((before, part) => posix.join(before, part), posix.dirname(this.#path))
          : parts.join("/").replaceAll(/\/{2,}/g, "/");
    }
    throw new NotStatic(node, "it calls a function");
  }

  #operator(
    node: Extract<Expression, { type: "UnaryExpression" | "BinaryExpression" | "LogicalExpression" | "ConditionalExpression" }>,
  ): unknown {
    if (node.type === "ConditionalExpression") return this.#value(this.#value(node.test) ? node.consequent : node.alternate);
    if (node.type === "UnaryExpression") return this.#unary(node);
    if (node.type === "LogicalExpression") {
      const left = this.#value(node.left);
      if (node.operator === "||") return left || this.#value(node.right);
      if (node.operator === "&&") return left && this.#value(node.right);
      return left ?? this.#value(node.right);
    }
    if (node.left.type === "PrivateIdentifier") throw new NotStatic(node, "it runs code");
    const [left, right] = [this.#value(node.left), this.#value(node.right)];
    const isPlain = (value: unknown): boolean => typeof value !== "object" && typeof value !== "symbol";
    if (!isPlain(left) || !isPlain(right)) throw new NotStatic(node, "it computes its values with code");
    if (node.operator === "+" && (typeof left === "string" || typeof right === "string")) return String(left) + String(right);
    if (node.operator === "===" || node.operator === "==") return left === right;
    if (node.operator === "!==" || node.operator === "!=") return left !== right;
    const [a, b] = [Number(left), Number(right)];
    const result = { "+": a + b, "-": a - b, "*": a * b, "/": a / b, "%": a % b }[node.operator as string];
    if (result === undefined) throw new NotStatic(node, "it computes its values with code");
    return result;
  }

  #unary(node: Extract<Expression, { type: "UnaryExpression" }>): unknown {
    const value = this.#value(node.argument);
    if (node.operator === "!") return !value;
    if (typeof value === "object" || typeof value === "symbol") throw new NotStatic(node, "it computes its values with code");
    if (node.operator === "-") return -Number(value);
    if (node.operator === "+") return Number(value);
    throw new NotStatic(node, "it computes its values with code");
  }

  #text(node: Expression | SpreadElement): string {
    const value = this.#value(node);
    if (value === null || value === undefined) return String(value);
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
    throw new NotStatic(node, "it makes a string of an object");
  }
}

/** Returns an assignment to the exports. `exports.apps = X` has a name, but `module.exports = X` and `export default X` have none. */
function assignment(node: Expression): { readonly name: string | null; readonly value: Expression } | null {
  if (node.type !== "AssignmentExpression" || node.operator !== "=") return null;
  const { left, right } = node;
  // `module.exports = exports = X`
  const value = right.type === "AssignmentExpression" ? (assignment(right)?.value ?? right) : right;
  if (isExports(left)) return { name: null, value };
  if (left.type === "MemberExpression" && isExports(left.object) && left.property.type === "Identifier" && !left.computed)
    return { name: left.property.name, value };
  return null;
}

/** Returns true for `require("dotenv").config(…)`, `dotenv.config(…)` and `require("dotenv/config")`. */
function loadsDotenv(node: Expression): boolean {
  if (node.type !== "CallExpression") return false;
  const { callee } = node;
  if (callee.type === "Identifier")
    return callee.name === "config" || (callee.name === "require" && isText(node.arguments[0], "dotenv/config"));
  if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier" || callee.property.name !== "config") return false;
  const { object } = callee;
  if (object.type === "Identifier") return /^dotenv$/i.test(object.name);
  return (
    object.type === "CallExpression" &&
    object.callee.type === "Identifier" &&
    object.callee.name === "require" &&
    isText(object.arguments[0], "dotenv")
  );
}

/** Returns true for calls of console, which do not affect what the file exports. */
const isConsole = (node: Expression): boolean =>
  node.type === "CallExpression" &&
  node.callee.type === "MemberExpression" &&
  node.callee.object.type === "Identifier" &&
  node.callee.object.name === "console";

const isText = (node: AnyNode | undefined, text: string): boolean => node?.type === "Literal" && node.value === text;

const isExports = (node: AnyNode): boolean =>
  (node.type === "Identifier" && node.name === "exports") ||
  (node.type === "MemberExpression" &&
    node.object.type === "Identifier" &&
    node.object.name === "module" &&
    node.property.type === "Identifier" &&
    node.property.name === "exports");

/** Reads a JSON file as PM2 does, which accepts any object literal of JavaScript. */
export const readJsLiteral = (text: string, path: string): Result<StaticJs, JsFault> =>
  readJs(`module.exports = (${text.replace(/^\uFEFF/, "").replace(/;\s*$/, "")}\n)`, path);

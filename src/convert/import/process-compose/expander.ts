import { asText, lookUp, type Data } from "../data.ts";
import type { UnitDraft } from "../draft.ts";
import { joinText, type TextPart } from "../text.ts";

/**
 * Performs the expansions that process-compose performs when it reads the file. These are templates such as `{{.NAME}}` with
 * values from `vars`, and `$NAME` and `${NAME}` with values from process-compose's own environment, which is unknown to the
 * import. `$$` stands for `$`.
 */
export class Expander {
  readonly #vars: Data;
  readonly #expandsEnv: boolean;
  readonly #unknown = new Set<string>();
  readonly #templates = new Set<string>();

  constructor(vars: Data, expandsEnv: boolean) {
    this.#vars = vars;
    this.#expandsEnv = expandsEnv;
  }

  /** Converts a string to sup's syntax. A variable of the environment becomes a variable of the unit. */
  text(text: string): string {
    const parts: TextPart[] = [];
    const filled = this.#fill(text);
    let at = 0;
    for (const match of this.#expandsEnv ? filled.matchAll(VARIABLE) : []) {
      const name = match[1] ?? match[3];
      parts.push(filled.slice(at, match.index), name === undefined ? "$" : { variable: name, fallback: [match[2] ?? ""] });
      if (name !== undefined && match[2] === undefined) this.#unknown.add(name);
      at = match.index + match[0].length;
    }
    return joinText([...parts, filled.slice(at)]);
  }

  /** Returns a line for a shell, which expands the variables from the unit's environment. */
  shell(text: string): string {
    const filled = this.#fill(text);
    if (!this.#expandsEnv) return filled;
    return filled.replaceAll(VARIABLE, (whole, braced: string | undefined, fallback: string | undefined, bare: string | undefined) => {
      if (braced === undefined && bare === undefined) return "$";
      if (fallback === undefined) this.#unknown.add((braced ?? bare)!);
      return whole;
    });
  }

  /** Reports variables that are not in the unit's own environment, and templates that could not be expanded. */
  report(unit: UnitDraft, where: string): void {
    const missing = [...this.#unknown].filter((name) => !unit.environment.has(name) && !USUAL.has(name));
    if (missing.length > 0)
      unit.approximated(
        "variables",
        where,
        `process-compose reads ${missing.join(", ")} from its own environment, and the unit from its own`,
        'set them in "environment" or in a file of "environment_files"',
      );
    if (this.#templates.size > 0)
      unit.approximated(
        "templates",
        where,
        `${[...this.#templates].join(", ")} could not be filled`,
        "write the text that the template makes",
      );
  }

  #fill(text: string): string {
    return text.replaceAll(TEMPLATE, (whole, name: string) => {
      const value = asText(lookUp(this.#vars, name.trim().replace(/^\./, "")));
      if (value === null) this.#templates.add(whole.slice(0, 60));
      return value ?? whole;
    });
  }
}

const TEMPLATE = /\{\{-?([^{}]{0,200}?)-?\}\}/g;
/** `$$`, `${NAME}`, `${NAME:-default}` and `$NAME`. */
const VARIABLE = /\$\$|\$\{([A-Za-z_]\w*)(?::?[-=]([^{}$]*))?\}|\$([A-Za-z_]\w*)/g;

/** Variables that every unit has. */
const USUAL: ReadonlySet<string> = new Set("PATH HOME USER LOGNAME SHELL LANG TZ PC_REPLICA_NUM".split(" "));

import type { TextPart } from "../text.ts";

/** The values of systemd's specifiers for one unit. */
export interface UnitNames {
  /** The name without the suffix `.service`, for example `web@1`, or `web@` for a template. */
  readonly name: string;
  /** The suffix with its dot. */
  readonly suffix: string;
  /** True for a unit of a user's service manager. */
  readonly isUser: boolean;
}

/** Splits a string at its specifiers. `unknown` collects the specifiers whose values sup does not know. */
export function specifierParts(text: string, names: UnitNames, unknown: Set<string>): TextPart[] {
  const parts: TextPart[] = [];
  let literal = "";
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] === "%" ? text[at + 1] : undefined;
    if (letter === undefined) literal += text[at];
    else {
      parts.push(literal, ...meaning(letter, names, unknown));
      literal = "";
      at++;
    }
  }
  return [...parts, literal].filter((part) => part !== "");
}

/** Returns the value of a string whose specifiers are all known now, for keys in which sup expands nothing; otherwise null. */
export function literalOf(text: string, names: UnitNames): string | null {
  const parts = specifierParts(text, names, new Set());
  const literals = parts.filter((part) => typeof part === "string");
  return literals.length === parts.length ? literals.join("") : null;
}

const SYSTEM: Readonly<Record<string, string>> = {
  t: "/run",
  S: "/var/lib",
  C: "/var/cache",
  L: "/var/log",
  E: "/etc",
  T: "/tmp",
  V: "/var/tmp",
};
const USER: Readonly<Record<string, string>> = { S: "/.local/state", C: "/.cache", L: "/.local/state/log", E: "/.config" };

/** Variables for specifiers whose values systemd knows when it loads the unit. */
const VARIABLES: Readonly<Record<string, string>> = {
  H: "HOSTNAME", l: "HOSTNAME", q: "HOSTNAME", m: "MACHINE_ID", b: "BOOT_ID", v: "KERNEL_RELEASE", d: "CREDENTIALS_DIRECTORY",
  U: "UID", g: "GROUP", G: "GID", s: "SHELL", o: "OS_ID", w: "OS_VERSION_ID", W: "OS_VARIANT_ID", B: "OS_BUILD_ID", a: "ARCHITECTURE",
}; // prettier-ignore

function meaning(letter: string, names: UnitNames, unknown: Set<string>): TextPart[] {
  const { name, suffix, isUser } = names;
  const at = name.indexOf("@");
  const prefix = at < 0 ? name : name.slice(0, at);
  const instance: TextPart[] = at < 0 ? [] : at === name.length - 1 ? [{ specifier: "i" }] : [name.slice(at + 1)];
  const whole: TextPart[] = at === name.length - 1 && at >= 0 ? [name, ...instance] : [name];
  if (letter === "%") return ["%"];
  if (letter === "n") return [...whole, suffix];
  if (letter === "N") return whole;
  if (letter === "p" || letter === "P") return [prefix];
  if (letter === "j" || letter === "J") return [prefix.slice(prefix.lastIndexOf("-") + 1)];
  if (letter === "i" || letter === "I") return instance;
  if (letter === "f") return ["/", ...(at < 0 ? [prefix] : instance)];
  if (letter === "h") return isUser ? [{ specifier: "h" }] : ["/", "root"];
  if (letter === "u") return [isUser ? { variable: "USER" } : "root"];
  if (isUser && letter === "t") return [{ variable: "XDG_RUNTIME_DIR" }];
  if (isUser && USER[letter] !== undefined) return [{ specifier: "h" }, USER[letter]];
  const directory = SYSTEM[letter];
  if (directory !== undefined) return [directory];
  const variable = VARIABLES[letter];
  if (variable === undefined) return [`%${letter}`]; // systemd keeps an unknown specifier as it is
  unknown.add(`%${letter} (\${${variable}})`);
  return [{ variable }];
}

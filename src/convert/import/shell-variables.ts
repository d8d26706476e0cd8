/**
 * Returns the variables that a shell script takes from its environment: those that it uses and does not set itself. A unit
 * does not inherit the environment in which another supervisor was started.
 */
export function shellVariables(script: string, known: { has(name: string): boolean }): string[] {
  const shown = withoutSingleQuotes(script);
  const used = new Set([...shown.matchAll(USE)].map((match) => match[1] ?? match[2]).filter((name) => name !== undefined));
  const set = new Set([...shown.matchAll(SET)].map((match) => match[1] ?? match[2]));
  return [...used].filter((name) => !known.has(name) && !USUAL.has(name) && !set.has(name));
}

/** `\$`, which is literal, `${NAME` and `$NAME`. */
const USE = /\\[^]|\$\{([A-Za-z_]\w*)|\$([A-Za-z_]\w*)/g;

/** An assignment, and the variables of `for` and `read`. */
const SET = /(?<![\w$])([A-Za-z_]\w*)=|\b(?:for|read)(?: -\w+)* ([A-Za-z_]\w*)/g;

/** Variables that every unit has, and those that a shell sets. */
const USUAL: ReadonlySet<string> = new Set(
  "PATH HOME USER LOGNAME SHELL LANG PWD OLDPWD PPID UID EUID RANDOM SECONDS HOSTNAME IFS".split(" "),
);

/** Removes the parts in which a shell expands nothing. Within double quotes, a single quote has no meaning. */
function withoutSingleQuotes(script: string): string {
  let result = "";
  let isQuoted = false;
  for (let at = 0; at < script.length; at++) {
    const char = script[at]!;
    if (char === "\\") result += script.slice(at, ++at + 1);
    else if (char === "'" && !isQuoted) {
      const end = script.indexOf("'", at + 1);
      if (end < 0) break;
      at = end;
    } else {
      if (char === '"') isQuoted = !isQuoted;
      result += char;
    }
  }
  return result;
}

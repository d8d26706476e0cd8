/** Formats a new unit as the text of a unit file: one key per line, short lists and objects on one line. */
export function unitText(unit: Readonly<Record<string, unknown>>, comments: readonly string[]): string {
  const keys = Object.entries(unit).map(([key, value]) => `  ${JSON.stringify(key)}: ${format(value)}`);
  return `${comments.map((line) => `// ${line.replaceAll(/[\p{C}\u2028\u2029]+/gu, " ")}\n`).join("")}{\n${keys.join(",\n")}\n}\n`;
}

const MAX_WIDTH = 120;

function format(value: unknown): string {
  const short = flat(value);
  return short.length <= MAX_WIDTH ? short : JSON.stringify(value, null, 2).replaceAll("\n", "\n  ");
}

function flat(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(flat).join(", ")}]`;
  return `{ ${Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}: ${flat(inner)}`).join(", ")} }`; // prettier-ignore
}

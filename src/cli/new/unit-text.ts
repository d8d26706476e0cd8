import { oneLine, printJson } from "../../convert/import/print-unit.ts";

/** Formats a new unit as the text of a unit file that begins with comments. */
export const unitText = (unit: Readonly<Record<string, unknown>>, comments: readonly string[]): string =>
  `${comments.map((line) => `// ${oneLine(line)}\n`).join("")}${printJson(unit)}\n`;

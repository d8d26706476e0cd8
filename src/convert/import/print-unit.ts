import { fileNameOf } from "../../base/names.ts";
import type { ImportedUnit, ReportEntry } from "./types.ts";

/** Prints a unit as the text of a unit file. A comment in the file says where the unit comes from and what was not carried over. */
export function printUnit(unit: ImportedUnit, report: readonly ReportEntry[], secretsFile: string | null): string {
  const dropped = report.filter((entry) => entry.unit === unit.name && entry.outcome === "dropped");
  const comments = [
    `${fileNameOf(unit.name)}, imported from ${unit.origin}`,
    ...unit.notes.map((note) => `Note: ${note}`),
    ...dropped.map(({ field, how }) => `Not carried over: ${field} (${how})`),
  ];
  return `${comments.map((line) => `// ${oneLine(line)}\n`).join("")}${printJson(completeUnit(unit, secretsFile), "")}\n`;
}

/** Adds the path of the secrets file to the unit. If there is no such file, adds the secrets themselves. */
export function completeUnit(unit: ImportedUnit, secretsFile: string | null): Record<string, unknown> {
  const json: Record<string, unknown> = { ...unit.json };
  if (Object.keys(unit.secrets).length === 0) return json;
  if (secretsFile === null) {
    const literals = Object.entries(unit.secrets).map(([name, value]) => [name, value.replaceAll("%", "%%").replaceAll("${", () => "$${")]);
    return { ...json, environment: { ...(json.environment as object | undefined), ...Object.fromEntries(literals) } };
  }
  const files = (json.environment_files as string[] | undefined) ?? [];
  return { ...json, environment_files: unit.filesOverrideSecrets ? [secretsFile, ...files] : [...files, secretsFile] };
}

/** Prints the secrets as a dotenv file. Double quotes keep every character except NUL. */
export const printSecrets = (secrets: Readonly<Record<string, string>>): string =>
  Object.entries(secrets)
    .map(
      ([name, value]) =>
        `${name}="${value
          .replaceAll(/["\\$`]/g, "\\$&")
          .replaceAll("\n", "\\n")
          .replaceAll("\r", "\\r")}"\n`,
    )
    .join("");

const MAX_WIDTH = 120;

/** Prints JSON with an indent of two, but keeps lists and objects on one line if they fit. */
export function printJson(value: unknown, indent = ""): string {
  const flat = oneLineJson(value);
  const isContainer = typeof value === "object" && value !== null;
  if (!isContainer || (indent !== "" && indent.length + flat.length <= MAX_WIDTH)) return flat;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + printJson(item, inner)).join(",\n")}\n${indent}]`;
  const members = Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${printJson(item, inner)}`);
  return `{\n${members.join(",\n")}\n${indent}}`;
}

function oneLineJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(oneLineJson).join(", ")}]`;
  const members = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${oneLineJson(item)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}

/** Replaces line breaks and other control characters, so that the text can be a comment. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{C}\u2028\u2029]+/gu, " ");

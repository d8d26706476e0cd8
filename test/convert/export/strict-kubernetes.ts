import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Validates a manifest with the schemas of the package kubernetes-models, as the API server does with strict validation. The
 * schemas accept unknown fields, so these are looked up in the package's declarations.
 */
export function faultsOf(manifest: Record<string, unknown>): string[] {
  const [group, version] = (manifest.apiVersion as string).includes("/")
    ? (manifest.apiVersion as string).split("/")
    : ["", manifest.apiVersion as string];
  const module = `kubernetes-models/${group === "" ? "" : `${group}/`}${version}/${manifest.kind as string}`;
  const file = Bun.resolveSync(module, import.meta.dir);
  const model = require(file)[manifest.kind as string];
  const faults: string[] = [];
  try {
    new model(manifest).validate();
  } catch (error) {
    faults.push((error as Error).message);
  }
  return [...faults, ...unknownFields(manifest, file.replace(/\.js$/, ".d.ts"), `I${manifest.kind as string}`, manifest.kind as string)];
}

/** Returns the fields of a value that the interface does not declare. */
function unknownFields(value: unknown, file: string, name: string, path: string): string[] {
  const text = readFileSync(file, "utf8").replaceAll(/\/\*[^]*?\*\//g, "");
  const body = new RegExp(`interface ${name}\\b[^{]*\\{([^]*?)\\n\\}`).exec(text)?.[1];
  if (body === undefined || typeof value !== "object" || value === null) return [];
  const types = new Map([...body.matchAll(/^ {4}"?([\w$-]+)"?\??: (.*?);?$/gm)].map((match) => [match[1]!, match[2]!]));
  return Object.entries(value).flatMap(([key, inner]) => {
    const type = types.get(key);
    if (type === undefined) return [`${path}.${key} is unknown`];
    const reference = /\b(I{2}o\w+)/.exec(type)?.[1];
    const source =
      reference === undefined ? undefined : new RegExp(`import \\{[^}]*\\b${reference}\\b[^}]*\\} from "([^"]+)"`).exec(text)?.[1];
    if (reference === undefined || source === undefined) return [];
    const target = source.startsWith(".") ? join(dirname(file), source) : Bun.resolveSync(source, dirname(file));
    const own = reference.replace(/^I+o.*?V\d(?:(?:alpha|beta)\d)?/, "I");
    const items = Array.isArray(inner) ? inner : [inner];
    return items.flatMap((item, index) =>
      unknownFields(item, target.replace(/\.js$/, ".d.ts"), own, `${path}.${key}${Array.isArray(inner) ? `[${index}]` : ""}`),
    );
  });
}

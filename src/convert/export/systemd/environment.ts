import { isSecret } from "../../import/secrets.ts";
import { partsOf } from "../../../spec/load/specifiers.ts";
import { plainText, type Literal, type Texts } from "../text.ts";
import type { ExportOptions } from "../types.ts";
import type { ServiceExport } from "./context.ts";
import { assignment, plainValue } from "./quote.ts";

/** Writes the environment. Returns the text of the file with the secrets, or null if the unit has none. */
export function exportEnvironment({ draft, lines, texts }: ServiceExport, options: ExportOptions): string | null {
  const { spec } = draft;
  const hasFiles = spec.environmentFiles.length > 0;
  const secrets: string[] = [];
  const overridable: string[] = [];
  if (spec.port !== null && (spec.instances === null || spec.sockets.length > 0)) lines.push(["Environment", `PORT=${spec.port}`]);
  if (spec.instances !== null) lines.push(["Environment", "SUP_INSTANCE=%i"]);
  draft.carried("port", "Environment: the variable PORT");
  for (const name of Object.keys(spec.environment)) {
    const value = valueOf(name, draft.spec.environment[name]!, hasFiles, texts);
    if (typeof value === "string")
      draft.dropped(`environment ${name}`, `systemd expands no variables here: ${value}`, "write the value in Environment=", true);
    else if (!/^[A-Za-z_]\w*$/.test(name))
      draft.dropped(`environment ${name}`, "systemd accepts only letters, digits and _ in the name of a variable", null, true);
    else if (isSecret(name, plainText(value.value) ?? ""))
      secrets.push(options.withSecrets ? `${name}=${quoted(plainText(value.value)!)}\n` : `#${name}=\n`);
    else {
      lines.push(["Environment", assignment(name, value.value)]);
      if (hasFiles && !value.isDefault) overridable.push(name);
    }
  }
  if (overridable.length > 0)
    draft.approximated("environment", `Environment: in systemd, an environment file overrides ${overridable.join(", ")}`);
  else draft.carried("environment", secrets.length > 0 ? "Environment; secrets are in a file" : "Environment");
  files({ draft, lines, texts });
  if (secrets.length === 0) return null;
  lines.push(["EnvironmentFile", `%E/${spec.id}.env`]);
  if (!options.withSecrets)
    draft.approximated("environment", "the values of secrets are left out", `write them to ${spec.id}.env, or use --with-secrets`);
  return secrets.join("");
}

/** Returns the value, or the reason why it is unknown. `isDefault` is true if an environment file overrides the value in sup, too. */
function valueOf(name: string, text: string, hasFiles: boolean, texts: Texts): { value: Literal; isDefault: boolean } | string {
  const value = texts.environment.get(name)!;
  if (!value.ok) return value.error;
  const parts = partsOf(text);
  const [only, ...more] = parts.ok ? parts.value : [];
  const isDefault = hasFiles && more.length === 0 && only?.kind === "variable" && only.name === name;
  if (isDefault) texts.assumed.delete(name);
  return { value: value.value, isDefault };
}

/** Quotes a value. In double quotes, systemd changes only these characters of an environment file. */
const quoted = (text: string): string => `"${text.replaceAll(/["\\$`]/g, "\\$&")}"`;

function files({ draft, lines, texts }: Pick<ServiceExport, "draft" | "lines" | "texts">): void {
  const dropped: string[] = [];
  for (const { path, optional } of draft.spec.environmentFiles) {
    const home = path.startsWith("~") && draft.spec.identity.user !== null;
    const literal = texts.literal(path.replace(/^~/, "%h"));
    const value = literal.ok && !home ? plainValue(literal.value) : null;
    // systemd would expand these characters as file name patterns.
    if (value === null || /[*?[\]\\]/.test(value)) dropped.push(path);
    else lines.push(["EnvironmentFile", (optional ? "-" : "") + value]);
  }
  if (dropped.length > 0)
    draft.dropped(
      "environment_files",
      `systemd cannot read ${dropped.join(", ")}: the path is not literal`,
      "write the absolute path in EnvironmentFile=",
    );
  else draft.carried("environment_files", "EnvironmentFile: systemd does not understand `export` before a variable");
}

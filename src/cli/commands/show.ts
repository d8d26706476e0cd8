import { EXIT } from "../../api/contract/errors.ts";
import type { ServiceFile } from "../../api/contract/shapes.ts";
import type { Context, Run } from "../context.ts";
import { grid } from "../render/grid.ts";
import { safe } from "../render/safe.ts";
import { filesOf } from "../requests/unit-files.ts";

export const run: Run = async (context) => {
  const found = await filesOf(context, context.args, context.options.reveal ?? false);
  if (!found.ok) return context.fail(found.error);
  const shown = found.value.map(({ id, effective, sources }) => ({ id, effective, sources }));
  if (context.options.json) context.json(shown.length === 1 ? shown[0] : shown);
  else context.out(shown.map((unit) => table(unit, context)).join("\n\n"));
  return EXIT.done;
};

function table(unit: Pick<ServiceFile, "id" | "effective" | "sources">, { paint, host }: Context): string {
  const rows = [...flatten(unit.effective)].map(([key, value]) => {
    const source = sourceOf(key, unit.sources);
    const own = source !== "default";
    return [own ? paint("bold", safe(key)) : safe(key), safe(JSON.stringify(value)), own ? safe(source) : paint("dim", source)];
  });
  return `${paint("bold", safe(unit.id))}\n${grid(["Setting", "Value", "From"], rows, paint, host.columns())}`;
}

/** Yields the values of an object under dotted keys. Arrays are not flattened. */
export function* flatten(value: Readonly<Record<string, unknown>>, prefix = ""): Generator<readonly [string, unknown]> {
  for (const [key, inner] of Object.entries(value)) {
    const path = prefix + key;
    const isTree = typeof inner === "object" && inner !== null && !Array.isArray(inner) && Object.keys(inner).length > 0;
    if (isTree) yield* flatten(inner as Record<string, unknown>, `${path}.`);
    else yield [path, inner];
  }
}

/** Returns the source of a key. If the key has none, returns the source of the nearest key above or below it. */
function sourceOf(key: string, sources: Readonly<Record<string, string>>): string {
  for (let at = key; ; at = at.slice(0, at.lastIndexOf("."))) {
    const source = sources[at];
    if (source !== undefined) return source;
    if (!at.includes(".")) break;
  }
  const below = Object.keys(sources).find((other) => other.startsWith(`${key}.`) || other.startsWith(`${key}[`));
  return below === undefined ? "default" : sources[below]!;
}

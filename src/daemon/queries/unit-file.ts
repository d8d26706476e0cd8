import type * as shape from "../../api/contract/shapes.ts";
import type { UnitCatalog } from "../units/unit-catalog.ts";
import { redactFile, redactSettings } from "../../spec/redact.ts";

/** Returns the files of a unit and its effective settings. If `reveal` is true, the result contains the secrets of its environment. */
export function unitFile(catalog: Pick<UnitCatalog, "get">, id: string, reveal: boolean): shape.ServiceFile {
  const loaded = catalog.get(id);
  if (loaded === undefined) return { id, files: [], effective: {}, sources: {} };
  return {
    id,
    files: loaded.files.map(({ path, text }) => ({ path, text: reveal ? text : redactFile(text) })),
    effective: reveal ? { ...loaded.effective } : redactSettings(loaded.effective),
    sources: Object.fromEntries(loaded.sources),
  };
}

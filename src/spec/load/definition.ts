import { stripSuffix } from "../../base/names.ts";
import type { UnitFile } from "../schema/unit.ts";
import type { Loaded } from "./loaded.ts";
import { findUnit } from "./service-units.ts";
import { escapeText } from "./specifiers.ts";
import { toSpec } from "./to-spec.ts";

/** What a unit file declared for a service that can be restarted unit by unit, in a form that can be stored. */
export interface Definition {
  readonly file: string;
  readonly effective: Readonly<Record<string, unknown>>;
  /** The directories, without symbolic links, to which `working_directory` led when the units were started, by the ids of the units. */
  readonly directories: Readonly<Record<string, string>>;
}

/** Returns the service that a stored definition declares. Returns undefined if another version of sup stored it. */
export function serviceOf({ file, effective }: Omit<Definition, "directories">, name: string): Loaded | undefined {
  try {
    return { spec: toSpec(effective as unknown as UnitFile, name, file), effective, sources: new Map(), files: [], warnings: [] };
  } catch {
    return undefined;
  }
}

/** Returns a unit of the service that a stored definition declares, in the directory in which it ran. */
export function unitOfDefinition(definition: Definition, name: string, id: string): Loaded | undefined {
  const service = serviceOf(definition, name);
  const unit = service === undefined || id === name ? service : findUnit(id, new Map([[stripSuffix(name), service]]));
  const directory = definition.directories[id];
  if (unit === undefined || directory === undefined) return unit;
  const workingDirectory = escapeText(directory);
  return {
    ...unit,
    spec: { ...unit.spec, exec: { ...unit.spec.exec, workingDirectory } },
    effective: { ...unit.effective, working_directory: workingDirectory },
    sources: unit.sources,
  };
}

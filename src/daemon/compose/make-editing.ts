import { openUnitEditor } from "../../adapters/files/unit-editor.ts";
import type { Users } from "../../ports/users.ts";
import type { Places } from "../../spec/places.ts";
import { UnitEditing, type UnitEditingOptions } from "../units/unit-editing.ts";
import { checkMachine } from "./machine-check.ts";

/** Connects the editing of unit files to the files and to the check of this machine. */
export const makeEditing = (
  parts: Pick<UnitEditingOptions, "catalog" | "reloader" | "recorder">,
  places: Places,
  users: Users,
): UnitEditing =>
  new UnitEditing({
    ...parts,
    editor: openUnitEditor(parts.catalog.directories),
    checkMachine: (specs) => checkMachine(specs, places, users),
  });

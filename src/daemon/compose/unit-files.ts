import { openUnitSource } from "../../adapters/files/unitdir.ts";
import type { UnitSnapshot } from "../../ports/files.ts";

/** Reads the unit files of these directories in the same way as the daemon does, for `sup verify`, which works without a daemon. */
export const readUnits = (directories: readonly string[]): UnitSnapshot => openUnitSource(directories).snapshot();

import { openUnitSource } from "../../adapters/files/unitdir.ts";
import type { UnitSnapshot } from "../../ports/files.ts";

/** Reads the unit files of these directories as the daemon would. For `sup verify`, which works without a daemon. */
export const readUnits = (directories: readonly string[]): UnitSnapshot => openUnitSource(directories).snapshot();

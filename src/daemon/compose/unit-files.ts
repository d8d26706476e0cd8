import { openUnitSource } from "../../adapters/files/unitdir.ts";
import type { UnitSnapshot } from "../../ports/files.ts";

/** The unit files of directories, read as the daemon reads them, for `sup verify`, which needs no daemon. */
export const readUnits = (directories: readonly string[]): UnitSnapshot => openUnitSource(directories).snapshot();

import { axisMemory } from "../format.ts";
import type { Axis } from "./plot.ts";

/** The y axis of memory charts. The labels are round in MiB below 1 GiB, and in GiB above. */
export const MEMORY_AXIS: Axis = {
  steps: [...[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200], ...Array.from({ length: 16 }, (_, power) => 512 * 2 ** power)],
  format: axisMemory,
};

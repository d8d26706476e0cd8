import type { Service } from "../../api/contract/shapes.ts";
import { verdict } from "../../api/contract/verdict.ts";
import { relative } from "./time.ts";

/** Explains in a sentence or two why a unit is in its state, and what comes next. `now` is wall-clock milliseconds. */
export const why = (service: Service, now: number): string => verdict(service, { relative: (iso) => relative(iso, now), commands: true });

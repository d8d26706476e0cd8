import type { Service } from "../../api/contract/shapes.ts";
import { verdict, type Wording } from "../../api/contract/verdict.ts";
import { relative } from "./time.ts";

/** Explains in a sentence or two why a unit is in its state, and what comes next. `now` is wall-clock milliseconds. */
export const why = (service: Service, now: number): string => verdict(service, wordingAt(now));

/** The wording of verdicts at the command line. `now` is wall-clock milliseconds. */
export const wordingAt = (now: number): Wording => ({ relative: (iso) => relative(iso, now), commands: true });

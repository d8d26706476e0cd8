import { z } from "zod";
import { MAX_UNITS } from "../../base/names.ts";
import { count, nonEmpty, said, seconds } from "./meta.ts";

/** `instances`: a number of units, or the rules by which sup scales the service itself. */
export function instances() {
  const metric = () => nonEmpty();
  const target = () => z.number().positive();
  const scaling = z.strictObject({
    min: said(
      "Minimum number of units. With 0, which needs `sockets`, no unit runs until a client connects; the first connection starts the service.",
      count(0, MAX_UNITS),
    ),
    max: said("Maximum number of units.", count(1, MAX_UNITS)),
    start: said(
      "Number of units before the first decision; `min` by default. With `min` 0, the number of units that the first connection starts; 1 by default.",
      count(1, MAX_UNITS).optional(),
    ),
    metric: said(
      "What to scale by: `cpu` (percent of one core), `memory` (MiB), `response_time` (milliseconds of the last health probe), `connections` (established TCP connections on the unit's port), or the name of a value that the units post to the API.",
      metric().optional(),
    ),
    target: said("The value of the metric that each unit should have on average.", target().optional()),
    metrics: said(
      "Several metrics instead of one. The metric that needs the most units decides.",
      z
        .array(z.strictObject({ metric: said("As `metric`.", metric()), target: said("As `target`.", target()) }))
        .min(1)
        .max(16)
        .optional(),
    ),
    tolerance: said(
      "Largest deviation from the target, as a fraction, at which the number of units does not change.",
      z.number().min(0).max(1).default(0.1),
    ),
    up_after: said(
      "Seconds for which more units must be needed before they are added: the lowest number that was needed in this time counts.",
      seconds().default(0),
    ),
    down_after: said(
      "Seconds for which fewer units must be enough before units are removed: the highest number that was needed in this time counts.",
      seconds().default(300),
    ),
    idle_after: said(
      "With `min` 0: seconds without a connection after which all units that a connection started are stopped.",
      seconds().default(300),
    ),
    max_step_up: said(
      "Largest number of units to add within 15 seconds: a number, or a percentage of the units. The default is 4 or 100%, whichever is larger.",
      step().optional(),
    ),
    max_step_down: said(
      "Largest number of units to remove within 15 seconds: a number, or a percentage of the units. The default is 100%.",
      step().optional(),
    ),
  });
  return z.union([count(1, MAX_UNITS), scaling], { error: `must be an integer from 1 to ${MAX_UNITS} or an object with "min" and "max"` });
}

const STEP = 'must be an integer from 1 or a percentage such as "50%"';

const step = () =>
  z.union([count(1, MAX_UNITS), z.string().regex(/^(?!0+(\.0+)?%)\d{1,4}(\.\d+)?%$/, STEP)], {
    error: STEP,
  });
